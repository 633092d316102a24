"""Runs other programs and our own modules as processes, with limits in time and size; several can run at once."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from gpgdoctor.system.caller import RunAs, environment_of
from gpgdoctor.system.deadline import Deadline, stretched
from gpgdoctor.system.lines import LineReader, TooMuch
from gpgdoctor.system.record import Record

OUTPUT_LIMIT_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16
MOST_DIGITS = 20  # of an unsigned 64-bit number
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
# -s: nothing is imported from another user's site-packages. The working directory is / in both cases.
_FLAGS = (("-B",), ("-B", "-s"))
IN_ENGLISH = {"LC_ALL": "C", "LANGUAGE": ""}


class CommandFailed(Exception):
    """The program gave no usable answer; the message says why, after the program's name."""


class Output(Record):
    code: int
    stdout: str
    stderr: str


class Command:
    """A program that is started now and read later. Its messages are in English."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """``environment`` is added to our own."""
        self.name = os.path.basename(argv[0])
        self._process: subprocess.Popen[bytes] | None = None
        self._error = ""
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **IN_ENGLISH, **(environment or {})},
                cwd="/",
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._error = f"{self.name}: {error.strerror if isinstance(error, OSError) else error}"

    def result(self, deadline: Deadline) -> Output:
        """Wait for the program to end; raises CommandFailed where it hangs, prints too much or dies."""
        if self._process is None:
            raise CommandFailed(self._error)
        try:
            texts = self._read(self._process, deadline)
            code = self._process.wait(deadline.left())
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{self.name} did not answer within {deadline.seconds:.1f} s") from error
        finally:
            self.kill()
        if code < 0:
            raise CommandFailed(f"{self.name} died of signal {-code}")
        return Output(code=code, stdout=texts[0], stderr=texts[1])

    def _read(self, process: subprocess.Popen[bytes], deadline: Deadline) -> tuple[str, str]:
        streams: list[IO[bytes]] = [stream for stream in (process.stdout, process.stderr) if stream]
        collected = {stream: bytearray() for stream in streams}
        with selectors.DefaultSelector() as selector:
            for stream in streams:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(deadline.left())
                if not ready and not deadline.left():
                    raise subprocess.TimeoutExpired(self.name, deadline.seconds)
                for key, _ in ready:
                    chunk = os.read(key.fd, CHUNK_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                        continue
                    text = collected[key.fileobj]  # type: ignore[index]
                    text += chunk
                    if len(text) > OUTPUT_LIMIT_BYTES:
                        raise CommandFailed(f"{self.name} printed more than {OUTPUT_LIMIT_BYTES} bytes")
        out, err = (bytes(collected[stream]).decode(errors="surrogateescape") for stream in streams)
        return out, err

    def kill(self) -> None:
        """End it, if it still runs, with everything that it started."""
        if self._process is not None:
            _end(self._process)


def run(argv: Sequence[str], deadline: Deadline, environment: Mapping[str, str] | None = None) -> Output:
    """Start a program and wait for it."""
    return Command(argv, environment).result(deadline)


class Child:
    """A module of gpgdoctor in a process of its own: what may hang, die, or must be done as another user.

    It is started at once and gets its orders later, as lines of JSON on its stdin. What it finds it writes as lines
    of JSON, as it comes. It limits itself in memory and processor time (see inside.py), and ends by itself after
    ``limit_s``; but a user may stop, trace and rewrite a process of their own, so its output is bounded here as
    well, and is checked by the code that reads it.
    """

    def __init__(self, module: str, *, limit_s: float, answer_bytes: int, run_as: RunAs | None = None) -> None:
        self.error: str | None = None  # why there are no (more) answers
        self._closed = False
        ours, theirs = os.pipe()
        self._reader = LineReader(ours, answer_bytes)
        self._pipe = ours
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_FLAGS[run_as is not None], "-m", module, str(theirs), str(stretched(limit_s))],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,  # pyscard prints to it where it finds no libpcsclite
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=[theirs],
                start_new_session=True,
                **_as(run_as),
            )
        except (OSError, ValueError) as error:
            self.error = f"a process could not be started: {getattr(error, 'strerror', None) or error}"
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def ended(self) -> bool:
        """Whether no more answers will come."""
        return self._process is None or self._reader.ended

    def order(self, **order: Any) -> None:
        """Tell it what to do next; one that has ended does nothing."""
        if self._process and self._process.stdin and not self._process.stdin.closed:
            with suppress(OSError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()

    def read(self, deadline: Deadline) -> list[Any]:
        """The answers since the last call, decoded; waits for one. Empty at the deadline and at its end."""
        try:
            lines = self._reader.lines(deadline)
        except (OSError, TooMuch):
            self.error = "its answer is too long"
            return []
        if not lines and self._reader.ended:
            self.error = self.error or "it ended early"
        return [fact for line in lines if (fact := self._decoded(line)) is not None]

    def _decoded(self, line: bytes) -> Any:
        try:
            return json.loads(line, parse_int=integer, parse_constant=_refuse)
        except (ValueError, RecursionError):
            self.error = "it gave an answer that makes no sense"
            return None

    def close(self) -> None:
        """Kill it where it still runs, with everything that it started."""
        if self._closed:
            return
        self._closed = True
        if self._process is not None:
            _end(self._process)
        os.close(self._pipe)


def _as(run_as: RunAs | None) -> dict[str, Any]:
    """Popen's arguments to become a user: with the user's groups, and without root's groups and environment."""
    source = {"PYTHONPATH": with_source()}
    if run_as is None:
        return {"env": {**os.environ, **source}}
    from gpgdoctor.system.inside import AS_ANOTHER

    groups = os.getgrouplist(run_as.user.pw_name, run_as.user.pw_gid)
    environment = {**environment_of(run_as), **IN_ENGLISH, **source}
    environment[AS_ANOTHER] = "1"
    return {"env": environment, "user": run_as.user.pw_uid, "group": run_as.user.pw_gid, "extra_groups": groups}


def integer(digits: str) -> int:
    """For json.loads: int() of very many digits takes very long. Raises ValueError."""
    if len(digits) > MOST_DIGITS:
        raise ValueError("a number is too long")
    return int(digits)


def _refuse(word: str) -> None:
    raise ValueError(word)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            with suppress(OSError):
                stream.close()


def with_source() -> str:
    """PYTHONPATH for a child that must find this very gpgdoctor."""
    return os.pathsep.join(filter(None, [SOURCE, os.environ.get("PYTHONPATH", "")]))
