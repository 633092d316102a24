"""The process that talks to pcscd for us: started early, told later what to do, killed at its deadline."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpgdoctor.system.deadline import Deadline, stretched

ANSWER_DEADLINE_S = 2.0  # for a list of the readers; pcscd needs about a millisecond
BLOCKED_AFTER_S = 2.0
MARGIN_S = 0.5
LOAD_DEADLINE_S = 1.0
ANSWER_LIMIT_BYTES = 1 << 20
SOURCE = Path(__file__).resolve().parents[2]


class Said:
    """What the child has said so far."""

    def __init__(self) -> None:
        self.library: dict[str, Any] | None = None
        self.driver: dict[str, Any] | None = None
        self.establish: int | None = None
        self.listed: int | None = None
        self.names: list[str] = []
        self.states: dict[str, tuple[int, str]] | None = None
        self.later: dict[str, tuple[int, str]] | None = None
        self.probes: dict[str, tuple[str, int, float]] = {}
        self.asked = False
        self.looked = False
        self.done = False
        self.ended = False


class ProbeChild:
    """The child: started early, told later what to do, read as long as there is time."""

    def __init__(self, limit_s: float = 60.0) -> None:
        """``limit_s`` is when it ends by itself, should nobody be there to end it."""
        self.said = Said()
        self._closed = False
        self.error = "the probe process ended early"
        self._buffer = b""
        self._pipe, theirs = os.pipe()
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                [sys.executable, "-m", "gpgdoctor.collect.probe", str(theirs), str(limit_s)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # pyscard prints there where it finds no libpcsclite
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": with_source(), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",  # so that no module is imported from wherever the user happens to be
                pass_fds=[theirs],
                start_new_session=True,
            )
        except OSError as error:
            self._process = None
            self.error = f"the probe process could not be started: {error.strerror}"
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def look(self, *, ask: bool, probe: bool, timeout_s: float) -> None:
        """Tell the child how to look; ``ask`` is the first call to pcscd, ``timeout_s`` that of the whole run."""
        blocked_after_s = stretched(max(0.1, min(BLOCKED_AFTER_S, timeout_s - MARGIN_S)))
        self._order({"look": ask, "probe": probe, "blocked_after_s": blocked_after_s})

    def load(self, driver: str | None) -> None:
        """Have a library loaded, once the look is over; the last order."""
        self._order({"driver": driver})
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def _order(self, order: dict[str, Any]) -> None:
        if self._process and self._process.stdin and not self._process.stdin.closed:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()

    def wait_for_library(self, deadline: Deadline) -> None:
        while self.said.library is None and self._read(deadline):
            pass

    def wait_for_second_look(self, deadline: Deadline) -> bool:
        """Whether there was one: only where a reader was held."""
        answer_deadline = deadline.sooner(ANSWER_DEADLINE_S)
        while not self.said.looked and self.said.states is None and self._read(answer_deadline):
            pass
        if self.said.states is None:
            return False
        while not self.said.looked and self.said.later is None and self._read(deadline):
            pass
        return self.said.later is not None

    def wait(self, deadline: Deadline) -> None:
        """Read to the end of the look; not of a child that did not get so far as the readers' states."""
        while self.said.states is not None and not self.said.looked and self._read(deadline):
            pass

    def wait_for_driver(self, deadline: Deadline) -> None:
        limit = deadline.sooner(LOAD_DEADLINE_S)
        while not self.said.done and self._read(limit):
            pass

    def _read(self, deadline: Deadline) -> bool:
        """Take in what the child wrote; False at its end or at the deadline."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            if not selector.select(deadline.left()) or not deadline.left():
                return False
        chunk = os.read(self._pipe, 1 << 16)
        self._buffer += chunk
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            self._take(line)
        self.said.ended = not chunk
        return bool(chunk) and len(self._buffer) < ANSWER_LIMIT_BYTES

    def _take(self, line: bytes) -> None:
        try:
            self._note(json.loads(line))
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            self.error = "the probe process gave an answer that makes no sense"

    def _note(self, fact: dict[str, Any]) -> None:
        """Keep a fact, if it is one: a driver in the child may have written over what it said."""
        said = self.said
        if "probe" in fact:
            said.probes[str(fact["probe"])] = (str(fact["outcome"]), int(fact["code"]), float(fact["seconds"]))
        elif "states" in fact:
            said.states = _states(fact["states"])
        elif "later" in fact:
            said.later = _states(fact["later"])
        elif "list" in fact:
            said.listed, said.names = int(fact["list"]), [str(name) for name in fact["names"]]
        elif "library" in fact:
            said.library = _library(fact["library"])
        elif "driver" in fact:
            said.driver = _library(fact["driver"])
        elif "establish" in fact:
            said.establish = int(fact["establish"])
        else:
            for stage in ("asked", "looked", "done"):
                if stage in fact:
                    setattr(said, stage, True)

    def close(self) -> None:
        """Kill the child where it still runs. Blocked in a DIRECT connect it does no harm (pcsc-lite
        src/winscard_svc.c): pcscd's thread wakes when the transaction ends, and leaves the card."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdin:
                with suppress(OSError):
                    self._process.stdin.close()
        os.close(self._pipe)

    @property
    def why_silent(self) -> str:
        """Why something was not said."""
        return self.error if self.said.ended or self._process is None else "it took longer than --timeout allows"


def _states(said: list[list[Any]]) -> dict[str, tuple[int, str]]:
    return {str(name): (int(state), str(atr)) for name, state, atr in said}


def _library(said: dict[str, Any]) -> dict[str, Any]:
    reason = said["reason"]
    return {"name": str(said["name"]), "reason": None if reason is None else str(reason)}


def with_source() -> str:
    """PYTHONPATH for a child that must find this very gpgdoctor."""
    return os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
