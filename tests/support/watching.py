"""A `gpgdoctor watch` that runs in a lab, and what it prints."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.plan import LabFailed
from gpgdoctor.lab.scenario import Client, Scenario

PATIENCE_S = 30.0
POLL_S = 0.02

Event = dict[str, Any]


class Watching:
    """Started at once; its lines are read as they come."""

    def __init__(
        self, lab: Lab, *arguments: str, user: int | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._process = lab.popen([lab.python, "-m", "gpgdoctor", "watch", *arguments], user=user, env=env)
        self._lab = lab
        self.lines: list[str] = []
        self._complaints: str | None = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def events(self) -> list[Event]:
        """Of a watch with --json: every whole line that has come."""
        return [json.loads(line) for line in list(self.lines)]

    def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for something to come; fails with all that came instead."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end or self._process.returncode is not None:
                raise LabFailed(f"{what} never came: {self.lines}, {self._process.returncode}")
            time.sleep(POLL_S)

    def event(self, kind: str, *, program: str | None = None, after: int = 0, **wanted: object) -> Event:
        """The first event of that kind, from the ``after``-th line on, by that program and with these values."""

        def found() -> list[Event]:
            return [event for event in self.events[after:] if _fits(event, kind, program, wanted)]

        self.until(f"{kind} by {program} with {wanted}", found)
        return found()[0]

    def interrupt(self) -> int:
        """Ctrl-C, and the exit code."""
        self._lab.signal(self._process.pid, signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        code = self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    @property
    def complaints(self) -> str:
        """What it printed on stderr; once it has ended."""
        if self._complaints is None:
            self._complaints = self._process.stderr.read()
        return self._complaints

    @property
    def pid(self) -> int:
        return self._process.pid


def _fits(event: Event, kind: str, program: str | None, wanted: Mapping[str, object]) -> bool:
    if event["event"] != kind or any(event[name] != value for name, value in wanted.items()):
        return False
    return program is None or any(who["program"] == program for who in event["by"])


def certainty_of(event: Event, program: str) -> str:
    return str(next(who["certainty"] for who in event["by"] if who["program"] == program))


def scenario(*clients: Client, **parts: Any) -> Scenario:
    return Scenario(name="watched", about="made for a test", files=(ON_PCSC,), clients=clients, **parts)


def idle(program: str = "pcsc_scan", **how: Any) -> Client:
    return Client(kind="idle", program=program, **how)
