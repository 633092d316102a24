"""Looks at a pcscd that was never there, for tests of what is concluded from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gpgdoctor.instruments.watch.attribution import Attribution
from gpgdoctor.instruments.watch.look import Change, Look

READER = "Reader 00 00"
PERIOD_S = 0.05


class Story:
    """An attribution that is fed look by look."""

    def __init__(self) -> None:
        self.attribution = Attribution()
        self._at_s = 0.0

    def look(
        self,
        count: int | Mapping[str, int],
        connections: Collection[int],
        ran: Collection[int] | None = (),
        *,
        strangers_ran: bool = False,
        prompt: bool = True,
        rests: int = 0,
    ) -> list[Change]:
        self._at_s += PERIOD_S * (1 + rests)
        return self.attribution.feed(
            Look(
                at_s=self._at_s,
                sharing={READER: count} if isinstance(count, int) else count,
                connections=frozenset(connections),
                ran=None if ran is None else frozenset(ran),
                strangers_ran=strangers_ran,
                prompt=prompt,
                rests=rests,
            )
        )


def told(changes: list[Change]) -> list[tuple[str, tuple[int, ...], str]]:
    return [(change.kind, change.connections, change.certainty) for change in changes]
