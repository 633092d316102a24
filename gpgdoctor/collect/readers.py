"""What pcscd says of the readers, as facts."""

from __future__ import annotations

from gpgdoctor.collect.probe_child import ProbeChild
from gpgdoctor.facts import WORDS, Maybe, PcscDriver, Reader, Reason, Unknown

HELD = {"INUSE", "EXCLUSIVE"}

_STATES = (
    (0x0008, "UNAVAILABLE"),
    (0x0010, "EMPTY"),
    (0x0020, "PRESENT"),
    (0x0080, "EXCLUSIVE"),
    (0x0100, "INUSE"),
    (0x0200, "MUTE"),
    (0x0400, "UNPOWERED"),
)


class ReaderFacts:
    """The facts in what a probe child has said."""

    def __init__(self, child: ProbeChild) -> None:
        self._child = child

    def library(self) -> Maybe[PcscDriver]:
        if self._child.said.library is None:
            return Unknown.because(self._child.why_silent)
        reason = self._child.said.library.get("reason")
        if self._child.said.library["name"] == "pyscard":
            return Unknown.because(f"pyscard cannot be imported: {reason}")
        return PcscDriver(name=self._child.said.library["name"], usable=reason is None, reason=reason)

    def driver(self) -> Maybe[PcscDriver | None]:
        if self._child.said.driver is None:
            return Unknown.because(self._child.why_silent)
        reason = self._child.said.driver.get("reason")
        return PcscDriver(name=self._child.said.driver["name"], usable=reason is None, reason=reason)

    def answer(self) -> Maybe[str]:
        """What pcscd answered, where it was asked."""
        said = self._child.said
        library = self.library()
        if isinstance(library, Unknown):
            return library
        if not library.usable:
            return Unknown.because("the PC/SC library cannot be loaded")
        if said.establish is None or (said.establish == 0 and said.listed is None):
            return "no-answer" if said.asked and not said.ended else Unknown.because(self._child.why_silent)
        code = said.establish or said.listed or 0
        return "ok" if code in (0, 0x8010002E) else f"0x{code:08X}"

    def readers(self, not_made: Reason | None) -> Maybe[tuple[Reader, ...]]:
        """The readers as PC/SC lists them; ``not_made`` says why no probe was asked for."""
        said = self._child.said
        answer = self.answer()
        if isinstance(answer, Unknown):
            return answer
        if answer != "ok":
            return Unknown.because("pcscd does not answer" if answer == "no-answer" else f"pcscd answers {answer}")
        return tuple(self._reader(name, not_made) for name in said.names)

    def _reader(self, name: str, not_made: Reason | None) -> Reader:
        said = self._child.said
        state = _state(said.states, name, self._child.why_silent)
        later: Maybe[tuple[str, ...] | None] = None
        if not isinstance(state, Unknown) and HELD & set(state):
            later = _state(said.later, name, self._child.why_silent)
        outcome, code, seconds = self._outcome(name, state, later, not_made)
        atr = said.states.get(name, (0, ""))[1] if said.states else ""
        return Reader(
            name=name,
            state=state,
            later_state=later,
            probe=outcome,
            probe_code=f"0x{code:08X}" if code else None,
            not_made_because=WORDS[not_made] if not_made and outcome == "not-made" else None,
            not_made_reason=not_made if outcome == "not-made" else None,
            seconds=round(seconds, 1) if outcome in ("blocked", "stuck") else None,
            atr=atr or None,
        )

    def _outcome(
        self,
        name: str,
        state: Maybe[tuple[str, ...]],
        later: Maybe[tuple[str, ...] | None],
        not_made: Reason | None,
    ) -> tuple[Maybe[str], int, float]:
        if isinstance(state, Unknown):
            return state, 0, 0.0
        if not HELD & set(state) or (isinstance(later, tuple) and not HELD & set(later)):
            return "not-needed", 0, 0.0
        if not_made is not None:
            return "not-made", 0, 0.0
        if name in self._child.said.probes:
            return self._child.said.probes[name]
        return Unknown.because(self._child.why_silent), 0, 0.0


def _state(states: dict[str, tuple[int, str]] | None, name: str, why: str) -> Maybe[tuple[str, ...]]:
    if states is None:
        return Unknown.because(why)
    if name not in states:
        return Unknown.because("PC/SC did not tell the reader's state")
    return tuple(word for bit, word in _STATES if states[name][0] & bit)
