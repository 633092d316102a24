"""Which options a trial scdaemon tries first, and what cannot be tried beforehand, or not at all."""

from __future__ import annotations

from collections.abc import Iterable

from gpgdoctor.facts import Facts, known_or
from gpgdoctor.plan import restarts as daemons
from gpgdoctor.rules.rule import Cure

PIN_IS_NOT_TRIED = "gpg-agent is not tried: whether a PIN can be entered shows when the next one is asked for"
NO_CARD = "no card is in a reader: nothing can show that scdaemon reads one with these options"
NO_TRIAL = (
    "these options are not tried first, for {why}: afterwards it is shown that scdaemon reads the card, "
    "and put back where it does not"
)


def needs_trial(facts: Facts, planned: Iterable[Cure]) -> bool:
    """Whether the options are tried before they are written: where scdaemon is the one that is refused."""
    options = [option for cure in planned for option in cure.options]
    return bool(options) and _why_no_trial(facts, options) is None


def _why_no_trial(facts: Facts, options: list[str]) -> str | None:
    """Why a trial of these options would show nothing, or cost too much.

    Without pcsc-shared the trial would take the reader exclusively, so it must be one that nobody uses.
    """
    states = [known_or(reader.state, ()) for reader in known_or(facts.readers, ())]
    running = known_or(facts.gnupg.running, None)
    if running is not None and running.cards:
        return "scdaemon has the card"
    if not any("PRESENT" in state for state in states):
        return "no card is in a reader"
    settings = known_or(facts.configuration.in_force, ())
    shares = "pcsc-shared" in options or any(it.option == "pcsc-shared" for it in settings)
    return None if shares or not any("INUSE" in state for state in states) else "another program uses a reader"


def unproved(facts: Facts, planned: Iterable[Cure], *, tried: bool) -> tuple[str, ...]:
    """What no trial can show, to be said before anything is done."""
    planned = tuple(planned)
    options = [option for cure in planned for option in cure.options]
    found = [PIN_IS_NOT_TRIED] if any(map(daemons.is_agents_alone, planned)) else []
    if options and not tried:
        present = any("PRESENT" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))
        running = known_or(facts.gnupg.running, None)
        has_card = running is not None and bool(running.cards)
        why = _why_no_trial(facts, options)
        found.append(NO_TRIAL.format(why=why) if present or has_card else NO_CARD)
    return tuple(found)
