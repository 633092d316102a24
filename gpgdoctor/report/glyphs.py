"""The characters that the way to the card is drawn with on a terminal."""

from __future__ import annotations

from gpgdoctor.diagnosis import Finding
from gpgdoctor.system.record import Record
from gpgdoctor.way.model import Sign, sign_of


class Glyphs(Record):
    line: str
    dots: str  # of what is not known
    marks: dict[Sign, str]
    down: str  # the line, and the dots, from top to bottom
    down_dots: str
    fork: str
    last: str
    fork_left: str
    last_left: str

    def mark(self, finding: Finding) -> str:
        return self.marks[sign_of(finding)]


PLAIN = Glyphs(
    line="-",
    dots=".",
    marks={Sign.CROSS: "X", Sign.ALERT: "!", Sign.WAIT: "~"},
    down="|",
    down_dots=":",
    fork="+",
    last="+",
    fork_left="+",
    last_left="+",
)
BOXES = Glyphs(
    line="─",
    dots="┈",
    marks={Sign.CROSS: "\N{BOX DRAWINGS LIGHT DIAGONAL CROSS}", Sign.ALERT: "!", Sign.WAIT: "…"},
    down="│",
    down_dots="┊",
    fork="├",
    last="└",
    fork_left="┤",
    last_left="┘",
)
