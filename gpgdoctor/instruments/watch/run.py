"""The loop: look, conclude, print; until the time is over, a conflict is seen, or the reader has gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from gpgdoctor.instruments.watch.claims import Claims
from gpgdoctor.instruments.watch.observer import Observer
from gpgdoctor.instruments.watch.poll import Poll, Sight
from gpgdoctor.instruments.watch.timeline import Event, Recorder, Timeline

ASK_OFTEN_S, ASK_SELDOM_S = 1.0, 10.0
ASK_NOBODY_S = 3.0  # where no scdaemon runs: to look for one takes longer than to ask one


class NothingToWatch(Exception):
    """The message says why."""


class Watch:
    """One watch; ``run`` it once, and take its timeline at any time."""

    def __init__(self, poll: Poll, claims: Claims, *, rate_hz: float) -> None:
        self._poll, self._claims, self._period_s = poll, claims, 1 / rate_hz
        self._began_s = time.monotonic()
        self._observer = Observer(self._began_s)
        self._recorder = Recorder(time.time())

    def run(
        self,
        tell: Callable[[Iterable[Event], float, str | None], bool],
        *,
        for_s: float | None,
        until_conflict: bool,
    ) -> Event | None:
        """Look until it is over; the conflict that ended it, if one did.

        ``tell`` takes new events, if any, the time, and what is to be said of pcscd, after every look; False: nobody
        wants to know any more. Raises NothingToWatch where pcscd tells nothing from the beginning.
        """
        due_s = time.monotonic()
        sight = self._poll.look()
        if sight is not None and sight.trouble is not None:
            raise NothingToWatch(sight.trouble)
        remark = None
        while True:
            if sight is not None:
                remark = sight.trouble or sight.note
            events = self._seen(sight)
            if not tell(events, self._observer.at_s, remark):
                return None
            conflict = next((it for it in events if _is_conflict(it)), None)
            if conflict is not None and until_conflict:
                return conflict
            now_s = time.monotonic()
            if for_s is not None and now_s - self._began_s >= for_s:
                return None
            due_s = max(due_s + self._period_s, now_s)
            end_s = due_s if for_s is None else min(due_s, self._began_s + for_s)
            time.sleep(max(0.0, end_s - now_s))
            sight = self._poll.look()

    def _seen(self, sight: Sight | None) -> list[Event]:
        """What is new at this look; nothing ran in pcscd where there is no sight."""
        now_s = time.monotonic() if sight is None else sight.at_s
        said = self._claims.latest(now_s, self._ask_every_s())
        events = self._observer.rest(now_s, said) if sight is None else self._observer.see(sight, said)
        for event in events:
            self._recorder.add(event)
        return events

    def _ask_every_s(self) -> float:
        if not self._observer.wants_answers:
            return ASK_SELDOM_S
        return ASK_OFTEN_S if self._observer.knows_scdaemon else ASK_NOBODY_S

    def timeline(self) -> Timeline:
        return self._recorder.timeline(self._observer.at_s)

    @property
    def began_at(self) -> float:
        return self._recorder.began_at

    def close(self) -> None:
        self._poll.close()
        self._claims.close()


def _is_conflict(event: Event) -> bool:
    return event.kind in ("wait", "refused") and event.change == "began"
