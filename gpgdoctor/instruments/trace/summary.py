"""What each program did in a trace, all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from gpgdoctor.instruments.trace.events import Call, Client, Ended, Event, Waiting
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.names import constant, described

PROGRAMS_LIMIT = 1000  # told apart; a trace of a build may start thousands


class Program:
    """The calls of one program, of all its processes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pids: set[int] = set()
        self.connections: set[int] = set()
        self.calls = 0
        self.connects: Counter[tuple[int, int]] = Counter()  # share mode and code
        self.transactions = 0
        self.longest_transaction_s = 0.0
        self.applets: Counter[str] = Counter()
        self.dispositions: Counter[int] = Counter()
        self.left_open = 0
        self.unanswered: Counter[str] = Counter()
        self.failures: Counter[tuple[str, int]] = Counter()
        self._began_s: dict[tuple[int, str | None], float] = {}

    def take(self, event: Event) -> None:
        self.pids.add(event.client.pid)
        self.connections.add(event.connection)
        if isinstance(event, Call):
            self.calls += 1
            self._take_call(event)
        elif isinstance(event, Waiting) and not event.for_change:
            self.unanswered[event.name] += 1
        elif isinstance(event, Ended):
            self.left_open += len(event.left)

    def _take_call(self, call: Call) -> None:
        if call.name in ("SCardConnect", "SCardReconnect") and call.share is not None and call.code is not None:
            self.connects[call.share, call.code] += 1
        elif call.code not in (None, names.SUCCESS, names.CANCELLED, names.TIMEOUT):
            self.failures[call.name, call.code or 0] += 1
        if call.applet and call.code == names.SUCCESS:
            self.applets[call.applet] += 1
        if call.name == "SCardDisconnect" and call.disposition is not None and call.code == names.SUCCESS:
            self.dispositions[call.disposition] += 1
        self._follow_transaction(call)

    def _follow_transaction(self, call: Call) -> None:
        place = (call.connection, call.reader)
        if call.name == "SCardBeginTransaction" and call.code == names.SUCCESS:
            self.transactions += 1
            self._began_s.setdefault(place, call.at_s + call.seconds)
        elif call.name in ("SCardEndTransaction", "SCardDisconnect") and place in self._began_s:
            lasted_s = call.at_s + call.seconds - self._began_s.pop(place)
            self.longest_transaction_s = max(self.longest_transaction_s, lasted_s)

    def lines(self) -> Iterator[str]:
        pids = f"pid {min(self.pids)}" if len(self.pids) == 1 else f"{len(self.pids)} processes"
        yield f"{self.name} ({pids}): {_count(self.connections, 'connection')}, {_number(self.calls, 'call')}"
        yield f"  share modes   {self._connects() or 'none'}"
        if self.unanswered:
            yield f"  waited        {', '.join(f'{name} {times}x' for name, times in self.unanswered.items())}"
        if self.connects:
            yield from self._with_a_card()

    def _with_a_card(self) -> Iterator[str]:
        yield f"  transactions  {self._transactions()}"
        yield f"  applets       {_counted(self.applets) or 'none selected by name'}"
        yield f"  on leaving    {self._leaving()}"
        if self.failures:
            yield f"  failed        {self._failed()}"

    def _connects(self) -> str:
        return ", ".join(
            f"{constant(names.SHARE_MODES, share)} {times}x {described(code)}"
            for (share, code), times in sorted(self.connects.items())
        )

    def _transactions(self) -> str:
        if not self.transactions:
            return "none"
        longest = f", the longest {self.longest_transaction_s:.3f} s" if self.longest_transaction_s else ""
        still = ", one not ended" if self._began_s else ""
        return f"{self.transactions}{longest}{still}"

    def _leaving(self) -> str:
        left = {constant(names.DISPOSITIONS, it): times for it, times in self.dispositions.items()}
        if self.left_open:
            left["without SCardDisconnect"] = self.left_open
        return ", ".join(f"{how} {times}x" for how, times in left.items()) or "nothing to leave"

    def _failed(self) -> str:
        return ", ".join(f"{name} {times}x {described(code)}" for (name, code), times in self.failures.items())

    def as_json(self) -> dict[str, Any]:
        return {
            "program": self.name,
            "pids": sorted(self.pids),
            "connections": len(self.connections),
            "calls": self.calls,
            "connects": [
                {
                    "share": constant(names.SHARE_MODES, share),
                    "code": names.hexadecimal(code),
                    "result": names.code_name(code),
                    "times": times,
                }
                for (share, code), times in sorted(self.connects.items())
            ],
            "transactions": self.transactions,
            "longest_transaction_seconds": round(self.longest_transaction_s, 6),
            "applets": dict(self.applets),
            "dispositions": {constant(names.DISPOSITIONS, it): times for it, times in self.dispositions.items()},
            "without_disconnect": self.left_open,
            "unanswered": dict(self.unanswered),
            "failures": [
                {"call": name, "code": names.hexadecimal(code), "times": times}
                for (name, code), times in self.failures.items()
            ],
        }


class Summary:
    """Collects what every program does."""

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}

    def take(self, event: Event) -> None:
        name = event.client.program
        if name not in self._programs and len(self._programs) >= PROGRAMS_LIMIT:
            name = "other programs"
        self._programs.setdefault(name, Program(name)).take(event)

    @property
    def programs(self) -> list[Program]:
        return list(self._programs.values())

    def clients(self) -> Iterator[Client]:
        for program in self.programs:
            for pid in sorted(program.pids):
                yield Client(pid=pid, program=program.name)


def _count(things: Iterable[object], what: str) -> str:
    return _number(len(list(things)), what)


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _counted(counter: Counter[str]) -> str:
    return ", ".join(name if times == 1 else f"{name} {times}x" for name, times in counter.items())
