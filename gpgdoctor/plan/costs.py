"""What a cure costs, given the steps that it really has."""

from __future__ import annotations

from collections.abc import Iterable

from gpgdoctor.plan.steps import Edit, Restart, Step
from gpgdoctor.rules.rule import Cost, Cure

RESTARTS_AGENT = ("--kill", "gpg-agent")


def costs_of(cure: Cure, steps: Iterable[Step]) -> tuple[str, ...]:
    """Where no gpg-agent has to be restarted, none forgets anything."""
    if any(argv[-2:] == RESTARTS_AGENT for step in steps for argv in _commands(step)):
        return tuple(cost.value for cost in cure.costs)
    return tuple(cost.value for cost in cure.costs if cost is not Cost.FORGETS)


def _commands(step: Step) -> tuple[tuple[str, ...], ...]:
    if isinstance(step, Edit):
        return ()
    return (step.argv,) if isinstance(step, Restart) else step.commands
