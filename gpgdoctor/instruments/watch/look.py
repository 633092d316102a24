"""The input and output of the attribution: looks at pcscd, and cards taken or let go of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from gpgdoctor.system.record import Record

Certainty = Literal["certain", "likely", "possible"]
Share = Literal["shared", "exclusive"]

EXCLUSIVE = -1
CERTAINTIES: tuple[Certainty, ...] = ("certain", "likely", "possible")


class Look(Record):
    """What one look at pcscd showed, and what ran since the look before."""

    at_s: float
    sharing: Mapping[str, int]
    """How many connections each reader has; -1: one, exclusive."""
    connections: frozenset[int]
    """Of all clients but us."""
    ran: frozenset[int] | None
    """Connections, also closed ones, whose thread ran since the look before; None where that is not visible."""
    strangers_ran: bool = False
    """A thread of which nobody knows whose it is ran, too."""
    rests: int = 0
    """How many looks there were since the look before at which nothing ran."""
    prompt: bool = False
    """Nothing stands in the way of certainty: every connection has its thread, and the look before is not long ago."""


class Change(Record):
    """A card was taken, or let go of. ``connections`` empty: by nobody who is visible."""

    kind: Literal["take", "release"]
    at_s: float
    reader: str
    share: Share
    connections: tuple[int, ...]
    """The one it was; or several, any of which it may have been."""
    certainty: Certainty
    since_s: float | None = None
    """Of a release: when the card was taken, where that was seen."""


def least(*certainties: Certainty) -> Certainty:
    """The lowest certainty among them."""
    return max(certainties, key=CERTAINTIES.index)
