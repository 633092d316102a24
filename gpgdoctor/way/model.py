"""The model of the picture of the way to the card."""

from __future__ import annotations

from enum import Enum

from gpgdoctor.diagnosis import Finding
from gpgdoctor.rules.rule import Certainty
from gpgdoctor.system.record import Record


class Kind(Enum):
    GPG = "gpg"
    AGENT = "gpg-agent"
    SCDAEMON = "scdaemon"
    PCSCD = "pcscd"
    DRIVER = "own USB driver"
    READER = "reader"
    CARD = "card"


class State(Enum):
    """What is known of a station, in the words of the picture."""

    RUNNING = "running"
    ASLEEP = "starts when needed"  # started by who asks for it
    ABSENT = "absent"
    SILENT = "silent"  # it runs, and does not answer
    ELSEWHERE = "elsewhere"  # forwarded from another machine
    BLOCKED = "blocked"  # the kernel was told not to use it
    SEEN = "seen on USB"  # and no more is known of it
    BY_PCSCD = "claimed by pcscd"
    BY_SCDAEMON = "claimed by scdaemon"
    BY_ANOTHER = "claimed by another"
    FREE = "free"
    SHARED = "in use"
    EXCLUSIVE = "taken"
    BROKEN = "broken"
    PRESENT = "present"
    MUTE = "mute"
    PLAIN = ""
    UNKNOWN = "not known"


ABSENT = {Kind.AGENT: "missing", Kind.SCDAEMON: "missing", Kind.PCSCD: "not running"}  # of a program


class Passage(Enum):
    OPEN = "open"
    REFUSED = "refused"
    BLOCKED = "blocked"
    UNKNOWN = "not known"


class Sign(Enum):
    """What stands at a break: it says without any colour how bad it is."""

    CROSS = "cross"  # an error
    ALERT = "alert"  # a warning, or worth knowing
    WAIT = "wait"  # who asks hangs


def sign_of(finding: Finding) -> Sign:
    if finding.rule.breaks is not None and finding.rule.breaks.blocks:
        return Sign.WAIT
    return Sign.CROSS if finding.found.severity == "error" else Sign.ALERT


class Station(Record):
    kind: Kind
    name: str
    state: State

    @property
    def state_text(self) -> str:
        """Its state, as it is said of such a station."""
        said = str(self.state.value)
        return ABSENT.get(self.kind, said) if self.state is State.ABSENT else said


class Link(Record):
    """What leads to a station. ``finding``: the one that says why it is not open; ``why``: the same in a few words."""

    passage: Passage
    finding: Finding | None = None
    why: str = ""


class Branch(Record):
    """Another program, on its way to a station: pcscd, or the reader."""

    program: str
    pid: int | None
    user: str | None  # where it is another one than who asks
    joins: Kind
    through_pcscd: bool = False  # where pcscd is no station of its own
    certainty: Certainty | None = None  # how sure it is that it stands in the way; None: nothing says so
    passage: Passage = Passage.OPEN
    finding: Finding | None = None
    note: str = ""  # what it does there, or why it is refused, in a few words


class Beside(Record):
    """Another reader, with its card."""

    reader: Station
    card: Station
    finding: Finding | None = None


class Way(Record):
    """``links[n]`` leads from ``stations[n]`` to ``stations[n + 1]``."""

    stations: tuple[Station, ...]
    links: tuple[Link, ...]
    branches: tuple[Branch, ...]
    unseen: int  # connections of programs that are not visible
    beside: tuple[Beside, ...]

    @property
    def breaks(self) -> tuple[Finding, ...]:
        """The findings that break it, or another program's way, each once, in the order of the picture."""
        marked = [*(link.finding for link in self.links), *(branch.finding for branch in self.branches)]
        return tuple({(it.id, it.subject): it for it in marked if it is not None}.values())
