"""What pcscd says of the readers, asked by a child that is killed at its deadline."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpgdoctor.collect.deadline import Deadline
from gpgdoctor.facts import Maybe, PcscDriver, Reader, Unknown

ANSWER_DEADLINE_S = 2.0  # for a list of the readers; pcscd needs about a millisecond
BLOCKED_AFTER_S = 2.0
MARGIN_S = 0.5
ANSWER_LIMIT_BYTES = 1 << 20
SOURCE = Path(__file__).resolve().parents[2]
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


@dataclass
class Said:
    """What the child has said so far."""

    library: dict[str, Any] | None = None
    driver: dict[str, Any] | None = None
    establish: int | None = None
    listed: int | None = None
    names: list[str] = field(default_factory=list)
    states: dict[str, tuple[int, str]] | None = None
    later: dict[str, tuple[int, str]] | None = None
    probes: dict[str, tuple[str, int, float]] = field(default_factory=dict)
    done: bool = False
    ended: bool = False


class ReaderProbe:
    """The child: started early, told later what to do, read as long as there is time."""

    def __init__(self) -> None:
        self.said = Said()
        self._error = "the probe process ended early"
        self._buffer = b""
        self._pipe, theirs = os.pipe()
        try:
            self._process: subprocess.Popen[bytes] | None = subprocess.Popen(
                [sys.executable, "-m", "gpgdoctor.collect.probe", str(theirs)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # pyscard prints there where it finds no libpcsclite
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": _with_source(), "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",  # so that no module is imported from wherever the user happens to be
                pass_fds=[theirs],
                start_new_session=True,
            )
        except OSError as error:
            self._process = None
            self._error = f"the probe process could not be started: {error.strerror}"
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def go(self, *, look: bool, probe: bool, driver: str | None, deadline: Deadline) -> None:
        """Tell the child what to do; ``look`` is the first call to pcscd."""
        blocked_after_s = max(0.1, min(BLOCKED_AFTER_S, deadline.left() - MARGIN_S))
        order = {"look": look, "probe": probe, "driver": driver, "blocked_after_s": blocked_after_s}
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.close()

    def wait_for_library(self, deadline: Deadline) -> None:
        while self.said.library is None and self._read(deadline):
            pass

    def wait_for_second_look(self, deadline: Deadline) -> bool:
        """Whether there was one: only where a reader was held."""
        answer_deadline = deadline.sooner(ANSWER_DEADLINE_S)
        while not self.said.done and self.said.states is None and self._read(answer_deadline):
            pass
        if self.said.states is None:
            return False
        while not self.said.done and self.said.later is None and self._read(deadline):
            pass
        return self.said.later is not None

    def wait(self, deadline: Deadline) -> None:
        """Read to the end; not of a child that did not get so far as the readers' states."""
        while self.said.states is not None and not self.said.done and self._read(deadline):
            pass

    def _read(self, deadline: Deadline) -> bool:
        """Take in what the child wrote; False at its end or at the deadline."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            if not selector.select(deadline.left()):
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
            fact = json.loads(line)
            said = self.said
            if "probe" in fact:
                said.probes[fact["probe"]] = (fact["outcome"], int(fact["code"]), float(fact["seconds"]))
            elif "states" in fact:
                said.states = {name: (int(state), atr) for name, state, atr in fact["states"]}
            elif "later" in fact:
                said.later = {name: (int(state), atr) for name, state, atr in fact["later"]}
            elif "list" in fact:
                said.listed, said.names = int(fact["list"]), [str(name) for name in fact["names"]]
            else:
                for key in ("library", "driver", "establish", "done"):
                    if key in fact:
                        setattr(said, key, fact[key])
        except (ValueError, KeyError, TypeError):
            self._error = "the probe process gave an answer that makes no sense"

    def close(self) -> None:
        """Kill the child where it still runs. Blocked in a DIRECT connect it does no harm (pcsc-lite
        src/winscard_svc.c): pcscd's thread wakes when the transaction ends, and leaves the card."""
        if self._process is not None:
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._process.stdin:
                with suppress(OSError):
                    self._process.stdin.close()
        os.close(self._pipe)

    # -- facts ----------------------------------------------------------------------------------------------------

    def library(self) -> Maybe[PcscDriver]:
        if self.said.library is None:
            return Unknown(self._why_silent())
        reason = self.said.library.get("reason")
        if self.said.library["name"] == "pyscard":
            return Unknown(f"pyscard cannot be imported: {reason}")
        return PcscDriver(name=self.said.library["name"], usable=reason is None, reason=reason)

    def driver(self) -> Maybe[PcscDriver | None]:
        if self.said.driver is None:
            return Unknown(self._why_silent())
        reason = self.said.driver.get("reason")
        return PcscDriver(name=self.said.driver["name"], usable=reason is None, reason=reason)

    def answer(self) -> Maybe[str]:
        """What pcscd answered, where it was asked."""
        said = self.said
        library = self.library()
        if isinstance(library, Unknown):
            return library
        if not library.usable:
            return Unknown("the PC/SC library cannot be loaded")
        if said.establish is None or (said.establish == 0 and said.listed is None):
            return Unknown(self._error) if said.ended else "no-answer"
        code = said.establish or said.listed or 0
        return "ok" if code in (0, 0x8010002E) else f"0x{code:08X}"

    def readers(self, not_made_because: str | None) -> Maybe[tuple[Reader, ...]]:
        """The readers as PC/SC lists them; ``not_made_because`` says why no probe was asked for."""
        said = self.said
        answer = self.answer()
        if answer != "ok":
            return Unknown("pcscd does not answer" if answer == "no-answer" else f"pcscd answers {_text(answer)}")
        return tuple(self._reader(name, not_made_because) for name in said.names)

    def _reader(self, name: str, not_made_because: str | None) -> Reader:
        said = self.said
        state = _state(said.states, name, self._why_silent())
        later: Maybe[tuple[str, ...] | None] = None
        if not isinstance(state, Unknown) and HELD & set(state):
            later = _state(said.later, name, self._why_silent())
        outcome, code, seconds = self._outcome(name, state, later, not_made_because)
        atr = said.states.get(name, (0, ""))[1] if said.states else ""
        return Reader(
            name=name,
            state=state,
            later_state=later,
            probe=outcome,
            probe_code=f"0x{code:08X}" if code else None,
            not_made_because=not_made_because if outcome == "not-made" else None,
            seconds=round(seconds, 1) if outcome in ("blocked", "stuck") else None,
            atr=atr or None,
        )

    def _outcome(
        self,
        name: str,
        state: Maybe[tuple[str, ...]],
        later: Maybe[tuple[str, ...] | None],
        not_made_because: str | None,
    ) -> tuple[Maybe[str], int, float]:
        if isinstance(state, Unknown):
            return state, 0, 0.0
        if not HELD & set(state) or (isinstance(later, tuple) and not HELD & set(later)):
            return "not-needed", 0, 0.0
        if not_made_because is not None:
            return "not-made", 0, 0.0
        if name in self.said.probes:
            return self.said.probes[name]
        return Unknown(self._why_silent()), 0, 0.0

    def _why_silent(self) -> str:
        return self._error if self.said.ended or self._process is None else "it took longer than --timeout allows"


def _state(states: dict[str, tuple[int, str]] | None, name: str, why: str) -> Maybe[tuple[str, ...]]:
    if states is None:
        return Unknown(why)
    if name not in states:
        return Unknown("PC/SC did not tell the reader's state")
    return tuple(word for bit, word in _STATES if states[name][0] & bit)


def _text(answer: Maybe[str]) -> str:
    return answer.reason if isinstance(answer, Unknown) else answer


def _with_source() -> str:
    return os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH", "")]))
