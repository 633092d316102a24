"""The same cure on every kind of file: the options come into force, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from gpgdoctor.lab.lab import Lab
from tests.support.fixing import configured, fix, gpg_works, ills, read, shared_holder, succeeds, undo

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]

BOTH = b"disable-ccid\npcsc-shared\n"
LONG = b"".join(b"# line %d\n" % number for number in range(1, 10_001))


@dataclass(frozen=True)
class Variant:
    name: str
    before: bytes | None
    after: bytes


VARIANTS = (
    Variant("no-file", None, BOTH),
    Variant("empty", b"", BOTH),
    Variant("comments-only", b"# mine\n#\n", b"# mine\n#\n" + BOTH),
    Variant("crlf", b"# mine\r\n\r\n", b"# mine\r\n\r\ndisable-ccid\r\npcsc-shared\r\n"),
    Variant("no-final-newline", b"# mine\nverbose", b"# mine\nverbose\ndisable-ccid\npcsc-shared"),
    Variant("byte-order-mark", b"\xef\xbb\xbf# mine\n", b"\xef\xbb\xbf# mine\n" + BOTH),
    Variant("only-a-byte-order-mark", b"\xef\xbb\xbf", b"\xef\xbb\xbfdisable-ccid\npcsc-shared\n"),
    Variant("note", b"disable-ccid # note\n# end\n", b"# note\ndisable-ccid\n# end\npcsc-shared\n"),
    Variant("typo", b"pcsc-sharedd\n# end\n", b"pcsc-shared\n# end\ndisable-ccid\n"),
    Variant(
        "commented-out",
        b"# 1\n#disable-ccid\n# 2\n#pcsc-shared\n# 3\n",
        b"# 1\n#disable-ccid\ndisable-ccid\n# 2\n#pcsc-shared\npcsc-shared\n# 3\n",
    ),
    Variant("one-is-there", b"\tdisable-ccid \n", b"\tdisable-ccid \npcsc-shared\n"),
    Variant("not-utf-8", b"# \xe4\xf6\xfc\n", b"# \xe4\xf6\xfc\n" + BOTH),
    Variant("ten-thousand-lines", LONG, LONG + BOTH),
)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda it: it.name)
def test_fix_and_undo(variant: Variant, open_lab: OpenLab) -> None:
    lab = open_lab(shared_holder() if variant.before is None else configured(variant.before, mode=0o640))

    succeeds(fix(lab, "--yes"))

    assert read(lab) == variant.after
    assert values(lab)["disable-ccid"] == "1"
    assert gpg_works(lab), "pcsc-shared is not in force"
    assert ills(lab) == []
    assert mode(lab) == ("600" if variant.before is None else "640")

    succeeds(undo(lab))
    assert read(lab) == variant.before
    assert variant.before is None or mode(lab) == "640"


def values(lab: Lab) -> dict[str, str]:
    """What is in force, as gpgconf asks the real scdaemon."""
    rows = [line.split(":") for line in lab.run(["gpgconf", "--list-options", "scdaemon"]).stdout.splitlines()]
    return {row[0]: row[9] for row in rows}


def mode(lab: Lab) -> str:
    return lab.run(["stat", "-c", "%a", f"{lab.gnupghome}/scdaemon.conf"]).stdout.strip()


def test_the_longest_file_that_is_read(open_lab: OpenLab) -> None:
    """199,000 comments and one typo, which cost more than a look has time for, where each step reads them anew."""
    comments = b"".join(b"# line %d\n" % number for number in range(199_000))
    lab = open_lab(configured(comments + b"disable-cci\n"))
    assert "GD101" in lab.gpgdoctor("check", "--no-probe").stdout
    succeeds(fix(lab, "--yes", "--timeout", "30"))
    assert read(lab) == comments + BOTH
    succeeds(undo(lab))
    assert read(lab) == comments + b"disable-cci\n"
