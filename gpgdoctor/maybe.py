"""A fact that may be unknown: why it is, and how rules read it without overlooking that."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias, TypeVar

from gpgdoctor.system.record import Record
from gpgdoctor.wording import Text, free, public, text

T = TypeVar("T")


class Word(str, Enum):
    """A word of the JSON that code branches on. In a sentence it stands as it is."""

    def __str__(self) -> str:
        return str(self.value)


class Reason(Word):
    """Why a fact is unknown. What nobody branches on is OTHER, with its own words."""

    NO_PROBE = "no-probe"
    PASSIVE = "passive"
    PROBE_WAITS = "probe-waits"
    PROGRAM_WAITS = "program-waits"
    NOT_ASKED_FOR = "not-asked-for"
    NOT_IN_SNAPSHOT = "not-in-snapshot"
    OF_LATER_VERSIONS = "of-later-versions"
    NOT_PERMITTED = "not-permitted"
    NOT_NEEDED = "not-needed"
    ASKED_AS_ROOT = "asked-as-root"
    OTHER = "other"


# As printed. Documents of 0.1.0 have only these words.
WORDS = {
    Reason.NO_PROBE: "--no-probe",
    Reason.PASSIVE: "a passive look connects to no reader",
    Reason.PROBE_WAITS: "an earlier probe still waits in pcscd",
    Reason.PROGRAM_WAITS: "another program waits already, and a probe would only wait, too",
    Reason.NOT_ASKED_FOR: "it was not asked for",
    Reason.NOT_IN_SNAPSHOT: "not in this snapshot",
    Reason.OF_LATER_VERSIONS: "this document is of an earlier version, which did not look",
    Reason.NOT_PERMITTED: "this user may not read it",
    Reason.NOT_NEEDED: "nothing was left to explain by it",
    Reason.ASKED_AS_ROOT: "it was asked as root, whose answer says nothing of you",
}


class Unknown(Record):
    """A fact that could not be found out, and why. ``detail``: a few words that read well after a colon, if any."""

    reason: Reason
    detail: str = ""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason=reason, detail=detail)  # type: ignore[call-arg]

    def text(self) -> Text:
        if self.detail:
            return text("{detail}", detail=free(self.detail))
        return text("{reason}", reason=public(WORDS.get(self.reason, "it is not known")))

    @classmethod
    def because(cls, detail: str) -> Unknown:
        """For a reason that no code branches on."""
        return cls(Reason.OTHER, detail)


def words(unknown: Unknown) -> str:
    """The reason as it is printed."""
    return unknown.text().clear()


Maybe: TypeAlias = T | Unknown
ABSENT = Unknown(Reason.OF_LATER_VERSIONS)  # what documents of an earlier version do not have


class NotKnown(Exception):
    """Raised where a fact is needed that is unknown; ``why`` says so.

    ``counts``: whether a look that lacks it is incomplete.
    """

    def __init__(self, why: Unknown | Text, *, counts: bool = True) -> None:
        self.why = why.text() if isinstance(why, Unknown) else why
        self.reason = why.reason if isinstance(why, Unknown) else Reason.OTHER
        self.counts = counts
        super().__init__(self.why.clear())


def known(fact: T | Unknown) -> T:
    """The fact itself; raises NotKnown where it is unknown."""
    if isinstance(fact, Unknown):
        raise NotKnown(fact)
    return fact


def known_or(fact: T | Unknown, otherwise: T) -> T:
    """For facts that only refine a severity or a culprit: never for the judgement itself."""
    return otherwise if isinstance(fact, Unknown) else fact
