"""What a rule is, what it returns, and how it is registered. README.md here: how to add one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated, Literal, Protocol

from gpgdoctor.facts import Facts, known
from gpgdoctor.system.record import Record
from gpgdoctor.wording import Command, Privacy, Text, Value, public, reader_name, text

Severity = Literal["info", "warning", "error"]
Certainty = Literal["certain", "likely", "possible"]
Applicability = Literal["safe", "costly", "manual"]
Daemon = Literal["scdaemon", "gpg-agent"]

HAS: dict[Certainty, str] = {"possible": "may have", "likely": "likely has", "certain": "has"}  # the surest last
RANK: dict[str, int] = {"info": 0, "warning": 1, "error": 2}


class NotApplicable(Exception):
    """Raised by a rule that has nothing to judge here, or that the caller switched off."""

    def __init__(self, why: Text, *, switched_off: bool = False) -> None:
        self.why = why
        self.switched_off = switched_off
        super().__init__(why.clear())


class Explained(NotApplicable):
    """Raised by a rule that asked for earlier verdicts, where one of them explains what it would find."""

    def __init__(self, by: str) -> None:
        self.by = by
        super().__init__(text("explained by {cause}", cause=public(by)))


class Cost(Enum):
    """What a cure costs, as it is told before anything is applied."""

    FORGETS = "gpg-agent restarts: it forgets cached passphrases, and ssh keys added to it for a time ask again"
    ASKS_PIN = (
        "where the card has PIV as well, the PIN is asked for every operation: since GnuPG 2.3 shared mode keeps "
        "no PIN. `disable-application piv` in scdaemon.conf avoids that"
    )
    ASKS_MORE = "the PIN is asked once more: in shared mode signing and decryption are verified apart"
    INTERFERES = (
        'another program that selects another applet on the card makes gpg fail with "Card error" '
        "until scdaemon is restarted"
    )
    INTERFERES_LESS = (
        "another program that selects another applet may make gpg fail: this scdaemon notices it on a YubiKey "
        "and before most operations only"
    )
    STARTED_BEFORE = "a program that was refused may show an empty reader until it is started again"
    HIDES_KEYRING = (
        "gpg then looks for keys with keyboxd alone: keys in pubring.kbx are not seen until they are imported"
    )
    EXCLUDES = "scdaemon then keeps the reader to itself, and is refused where another program has it"


class Culprit(Record):
    pid: Annotated[int | None, Privacy.PID]
    program: Annotated[str, Privacy.PROGRAM]
    user: Annotated[str | None, Privacy.USER]
    certainty: Annotated[Certainty, Privacy.PUBLIC]


class Advice(Record):
    """What only a person can do: a sentence, and commands ready to run."""

    text: Text
    commands: tuple[Command, ...] = ()


class LineChange(Record):
    """A line of a configuration file that is to be rewritten, or commented out where ``text`` is None."""

    path: Annotated[str, Privacy.PATH]
    line: Annotated[int, Privacy.PUBLIC]
    text: Annotated[str | None, Privacy.LINE]


class Cure(Record):
    """What would help, whether or not the file may be written: plan/plan.py finds that out."""

    applicability: Applicability
    costs: tuple[Cost, ...] = ()
    # lines to be in force in the user's scdaemon.conf: an option, and its value where it has one
    options: Annotated[tuple[str, ...], Privacy.LINE] = ()
    changes: tuple[LineChange, ...] = ()
    restart: bool = False
    advice: tuple[Advice, ...] = ()


def advice(template: str, *commands: Command, **values: Value) -> Advice:
    """A sentence as of `text`, and the commands that go with it."""
    return Advice(text=text(template, **values), commands=commands)


def advise(*several: Advice) -> Cure:
    """A cure that only a person can apply."""
    return Cure(applicability="manual", advice=several)


def by_hand(template: str, *commands: Command, **values: Value) -> Cure:
    """The same with a single piece of advice."""
    return advise(advice(template, *commands, **values))


class Found(Record):
    """A rule's judgement: something is wrong. ``because`` are places in the facts: "readers[0].state"."""

    severity: Severity
    summary: Text
    because: tuple[str, ...]
    effect: Text | None = None
    culprits: tuple[Culprit, ...] = ()
    cure: Cure | None = None
    note: Text | None = None  # what would show more, or what looks the same
    stops: Daemon | None = None  # the daemon that does not start because of it
    diverts: bool = False  # gpg goes another way because of it: what it hides is no matter, however bad
    after: str | None = None  # the finding that stands before it where both are as severe: what to mend first
    headline: Text | None = None  # what stands at the break in pictures, where more is known than the rule's own words


class Judged(Protocol):
    """A finding so far, as a rule with ``earlier`` sees it."""

    @property
    def found(self) -> Found: ...


class Verdicts(Protocol):
    """What was judged so far, of the rules that are declared in ``earlier``."""

    def found(self, id: str) -> Sequence[Judged]: ...


class Subject(Record):
    """What one judgement of a rule is about: a reader, a file, a program; the machine where it has no name."""

    name: Text | None = None
    index: int = 0
    is_reader: bool = False


class Holds(Record):
    """What a function of subjects returns where the rule holds without any, and why."""

    why: Text


Subjects = Sequence[Subject] | Holds
SubjectsOf = Callable[[Facts], Subjects]


class Cause(Record):
    """A finding that explains those of another rule: it hides them, or stands at their head."""

    id: str
    hides: bool
    at_least: Severity = "info"  # a milder finding explains nothing
    stopping: Daemon | None = None  # only where this daemon does not start because of it


def hidden_by(*ids: str, at_least: Severity = "info", stopping: Daemon | None = None) -> tuple[Cause, ...]:
    """Where one of these is found about the same subject, the rule is not judged."""
    return tuple(Cause(id=id, hides=True, at_least=at_least, stopping=stopping) for id in ids)


def headed_by(*ids: str, at_least: Severity = "info") -> tuple[Cause, ...]:
    """Where one of these is found about the same subject, the rule's finding is told as its consequence."""
    return tuple(Cause(id=id, hides=False, at_least=at_least) for id in ids)


class Stretch(Enum):
    """A part of the way from gpg to the card, by what it leads to."""

    AGENT = "gpg-agent"
    SCDAEMON = "scdaemon"
    PCSCD = "pcscd"
    READER = "the reader"  # from pcscd, or from scdaemon's own driver
    CARD = "the card"
    OTHERS = "other programs"  # from them to pcscd or to the reader: gpg's own way is open


class Break(Record):
    """Where a finding breaks the way, and how: what is blocked hangs, what is refused fails at once.

    ``why`` stands at the break in pictures: a few words, with {who} for the program that the finding names, and {has}
    for how sure it is that this one has the reader.
    """

    at: Stretch
    why: str
    blocks: bool = False


def refuses(at: Stretch, why: str) -> Break:
    return Break(at=at, why=why)


def blocks(at: Stretch, why: str) -> Break:
    return Break(at=at, why=why, blocks=True)


class Rule(Record):
    id: str
    name: str
    title: str  # a positive sentence: it serves for pass and fail
    worst: Severity  # the highest severity of its findings
    judge: Callable[..., Found | None]
    each: SubjectsOf | None
    causes: tuple[Cause, ...]
    earlier: tuple[str, ...]  # the rules whose verdicts it is given
    no_subject: Text  # why there is no subject, where there is none
    breaks: Break | None = None  # where its findings break the way to the card, as way/ draws it


_registry: dict[str, Rule] = {}
NO_SUBJECT = text("there is nothing to check")


def rule(
    id: str,
    name: str,
    title: str,
    *,
    worst: Severity,
    each: SubjectsOf | None = None,
    causes: tuple[Cause, ...] = (),
    earlier: tuple[str, ...] = (),
    no_subject: Text = NO_SUBJECT,
    breaks: Break | None = None,
) -> Callable[[Callable[..., Found | None]], Callable[..., Found | None]]:
    """Register a pure function: ``judge(facts)``, or ``judge(facts, index)`` once for each subject.

    It returns Found where something is wrong, None where all is well, raises NotApplicable where it has
    nothing to judge, and lets NotKnown through. With ``earlier`` it takes the Verdicts so far as its last argument.
    """

    def register(judge: Callable[..., Found | None]) -> Callable[..., Found | None]:
        if id in _registry:
            raise ValueError(f"{id} is taken")
        _registry[id] = Rule(
            id=id,
            name=name,
            title=title,
            worst=worst,
            judge=judge,
            each=each,
            causes=causes,
            earlier=earlier,
            no_subject=no_subject,
            breaks=breaks,
        )
        return judge

    return register


def registered() -> dict[str, Rule]:
    """Every rule that was registered so far, by id."""
    return _registry


def readers(facts: Facts) -> list[Subject]:
    """A subject for each reader that PC/SC lists."""
    return [
        Subject(name=text("{reader}", reader=reader_name(reader.name)), index=number, is_reader=True)
        for number, reader in enumerate(known(facts.readers))
    ]
