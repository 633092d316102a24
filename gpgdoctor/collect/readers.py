"""What the probe child reports about pcscd and its readers, checked, bounded, and turned into facts.

A library named in a user's configuration is loaded in that child, and may falsify anything that it reports.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gpgdoctor.facts import PROBES, WORDS, Maybe, PcscDriver, Reader, Reason, Unknown

MOST_CONNECTIONS = 200  # PCSCLITE_MAX_APPLICATIONS_CONTEXTS
MOST_READERS = 256  # pcscd had 16 up to 2.4, and has no limit since
MOST_HANDLES = 1 << 16  # pcscd has 200 for a reader
NAME_LENGTH = 128  # MAX_READERNAME, pcsclite.h
ATR_LENGTH = 66  # MAX_ATR_SIZE is 33 bytes
TEXT_LENGTH = 500
LONGEST_S = 3600.0
SCARD_E_NO_READERS_AVAILABLE = 0x8010002E
EXCLUSIVE, INUSE = 0x0080, 0x0100
_STATES = (
    (0x0008, "UNAVAILABLE"),
    (0x0010, "EMPTY"),
    (0x0020, "PRESENT"),
    (EXCLUSIVE, "EXCLUSIVE"),
    (INUSE, "INUSE"),
    (0x0200, "MUTE"),
    (0x0400, "UNPOWERED"),
)
_HELD = {"INUSE", "EXCLUSIVE"}


class State(NamedTuple):
    bits: int
    atr: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for bit, word in _STATES if self.bits & bit)


class Probe(NamedTuple):
    outcome: str
    code: int = 0
    seconds: float = 0.0


class ProbeAnswers:
    """What a child has reported so far. ``why_not`` says why the rest is missing."""

    def __init__(self, why_not: Callable[[], str]) -> None:
        self._why_not = why_not
        self.asked = self.looked = self.done = self.ended = self.unreadable = False
        self.library_loaded: PcscDriver | None = None
        self.driver_loaded: PcscDriver | None = None
        self.establish: int | None = None
        self.listed: int | None = None
        self.names: tuple[str, ...] = ()
        self.states: dict[str, State] | None = None
        self.later: dict[str, State] | None = None
        self.handles: dict[str, int] | None = None
        self.probes: dict[str, Probe] = {}
        self.waiting: int | None = None  # programs that wait for another's transaction; None where that was not visible
        self.refused: int | None = None  # the errno of a connect() that was asked for, 0 where it succeeded

    def take(self, fact: Any) -> None:
        """Take in one fact; raises ValueError, TypeError, KeyError or AttributeError where it makes no sense."""
        for key, value in fact.items():
            take = self._TAKERS.get(key)
            if take is not None:
                take(self, value)

    def _take_library(self, value: Any) -> None:
        self.library_loaded = _driver(value)

    def _take_driver(self, value: Any) -> None:
        self.driver_loaded = _driver(value)

    def _take_names(self, value: Any) -> None:
        self.names = tuple(dict.fromkeys(_text(name, NAME_LENGTH) for name in _bounded(value)))

    def _take_states(self, value: Any) -> None:
        self.states = _states(value)

    def _take_later(self, value: Any) -> None:
        self.later = _states(value)

    def _take_handles(self, value: Any) -> None:
        pairs = [(_text(name, NAME_LENGTH), count) for name, count in _bounded(value)]
        self.handles = {name: _handles(count) for name, count in pairs}

    def _take_probe(self, value: Any) -> None:
        name, outcome, code, seconds = value
        if outcome not in PROBES or not 0 <= float(seconds) <= LONGEST_S:
            raise ValueError(outcome)
        if len(self.probes) < MOST_READERS:
            self.probes[_text(name, NAME_LENGTH)] = Probe(outcome, _code(code), float(seconds))

    def _take_establish(self, value: Any) -> None:
        self.establish = _code(value)

    def _take_listed(self, value: Any) -> None:
        self.listed = _code(value)

    def _take_refused(self, value: Any) -> None:
        self.refused = _code(value)

    def _take_waiting(self, value: Any) -> None:
        self.waiting = min(_code(value), MOST_CONNECTIONS)

    def _take_stage(self, value: Any) -> None:
        if value in ("asked", "looked", "done", "unreadable"):
            setattr(self, value, True)

    _TAKERS = {  # noqa: RUF012 - a table, not a field
        "library": _take_library,
        "driver": _take_driver,
        "names": _take_names,
        "states": _take_states,
        "later": _take_later,
        "handles": _take_handles,
        "probe": _take_probe,
        "establish": _take_establish,
        "listed": _take_listed,
        "refused": _take_refused,
        "waiting": _take_waiting,
        "stage": _take_stage,
    }

    def library(self) -> Maybe[PcscDriver]:
        loaded = self.library_loaded
        if loaded is None:
            return Unknown.because(self._why_not())
        if loaded.name == "pyscard":
            return Unknown.because(f"pyscard cannot be imported: {loaded.reason}")
        return loaded

    def driver(self) -> Maybe[PcscDriver | None]:
        return self.driver_loaded or Unknown.because(self._why_not())

    def answer(self) -> Maybe[str]:
        """What pcscd answered, where it was asked: "ok", "no-answer", or a code."""
        if self.unreadable:
            return "ok"
        library = self.library()
        if isinstance(library, Unknown):
            return library
        if not library.usable:
            return Unknown.because("the PC/SC library cannot be loaded")
        if self.establish is None or (self.establish == 0 and self.listed is None):
            return "no-answer" if self.asked and not self.ended else Unknown.because(self._why_not())
        code = self.establish or self.listed or 0
        return "ok" if code in (0, SCARD_E_NO_READERS_AVAILABLE) else f"0x{code:08X}"

    def readers(self, not_made: Reason | None) -> Maybe[tuple[Reader, ...]]:
        """The readers as PC/SC lists them; ``not_made`` says why no probe was asked for."""
        answer = self.answer()
        if isinstance(answer, Unknown):
            return answer
        if answer != "ok":
            return Unknown.because("pcscd does not answer" if answer == "no-answer" else f"pcscd answers {answer}")
        if self.unreadable:
            return Unknown.because("a reader's name is not ASCII, and pyscard cannot pass it on")
        if self.waiting and not_made is None:
            not_made = Reason.PROGRAM_WAITS
        return tuple(self._reader(name, not_made) for name in self.names)

    def waiting_programs(self) -> Maybe[int]:
        return Unknown(Reason.NOT_NEEDED) if self.waiting is None else self.waiting

    def _reader(self, name: str, not_made: Reason | None) -> Reader:
        state = self._state(self.states, name)
        held = not isinstance(state, Unknown) and bool(_HELD & set(state))
        later = self._state(self.later, name) if held else None
        probe = self._probe(name, state, later, not_made)
        outcome = probe if isinstance(probe, Unknown) else probe.outcome
        code = 0 if isinstance(probe, Unknown) else probe.code
        return Reader(
            name=name,
            state=state,
            later_state=later,
            probe=outcome,
            probe_code=f"0x{code:08X}" if code else None,
            not_made_because=WORDS[not_made] if not_made and outcome == "not-made" else None,
            not_made_reason=not_made if outcome == "not-made" else None,
            seconds=round(probe.seconds, 1) if isinstance(probe, Probe) and outcome in ("blocked", "stuck") else None,
            atr=(self.states or {}).get(name, State(0, "")).atr or None,
            handles=self._handles(name, held=held),
        )

    def _handles(self, name: str, *, held: bool) -> Maybe[int]:
        if not held:
            return Unknown(Reason.NOT_NEEDED)
        return (self.handles or {}).get(name, Unknown.because("pcscd was not asked for the number of connections"))

    def _state(self, states: dict[str, State] | None, name: str) -> Maybe[tuple[str, ...]]:
        if states is None:
            return Unknown.because(self._why_not())
        return states[name].words if name in states else Unknown.because("PC/SC did not tell the reader's state")

    def _probe(
        self,
        name: str,
        state: Maybe[tuple[str, ...]],
        later: Maybe[tuple[str, ...] | None],
        not_made: Reason | None,
    ) -> Maybe[Probe]:
        if isinstance(state, Unknown):
            return state
        if not _may_be_probed(state) or (isinstance(later, tuple) and not _may_be_probed(later)):
            return Probe("not-needed")
        if not_made is not None:
            return Probe("not-made")
        return self.probes.get(name) or Unknown.because(self._why_not())


def _may_be_probed(state: tuple[str, ...]) -> bool:
    """An unused reader needs no probe; an EXCLUSIVE one shows as such, and would log the refusal."""
    return "INUSE" in state and "EXCLUSIVE" not in state


def _states(value: Any) -> dict[str, State]:
    return {_text(name, NAME_LENGTH): State(_code(bits), _bytes(atr)) for name, bits, atr in _bounded(value)}


def _driver(value: Any) -> PcscDriver:
    reason = value["reason"]
    reason = None if reason is None else _text(reason, TEXT_LENGTH)
    return PcscDriver(name=_text(value["name"], TEXT_LENGTH), usable=reason is None, reason=reason)


def _bounded(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST_READERS:
        raise ValueError("no list of readers")
    return value


def _text(value: Any, length: int) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value[:length]


def _bytes(value: Any) -> str:
    """An ATR, in hexadecimal; raises ValueError for anything else."""
    return bytes.fromhex(_text(value, ATR_LENGTH)).hex()


def _code(value: Any) -> int:
    """Codes and states have 32 bits."""
    if type(value) is not int or not 0 <= value <= 0xFFFFFFFF:
        raise ValueError("no code")
    return value


def _handles(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= MOST_HANDLES:
        raise ValueError("no number of connections")
    return value
