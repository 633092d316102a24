"""Another program, run with a limit in time and in size; several can run side by side."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record

if TYPE_CHECKING:
    import pwd

OUTPUT_LIMIT_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16


class CommandFailed(Exception):
    """The program gave no usable answer; the message says why, after the program's name."""


class Output(Record):
    code: int
    stdout: str
    stderr: str


class Command:
    """A program that is started now and read later. Its messages are in English."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        user: pwd.struct_passwd | None = None,
    ) -> None:
        """``environment`` is added to our own, or is the whole of it where root runs the program as ``user``."""
        self.name = os.path.basename(argv[0])
        self._process: subprocess.Popen[bytes] | None = None
        self._error = ""
        try:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**({} if user else os.environ), "LC_ALL": "C", "LANGUAGE": "", **(environment or {})},
                cwd="/",
                start_new_session=True,
                **_as(user),
            )
        except (OSError, ValueError) as error:
            self._error = f"{self.name}: {error.strerror if isinstance(error, OSError) else error}"

    def result(self, deadline: Deadline) -> Output:
        """Wait for the program's end; raises CommandFailed where it hangs, talks too much or dies."""
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
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """How Popen becomes a user: all of the user's groups, and none of root's."""
    if user is None:
        return {}
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def run(argv: Sequence[str], deadline: Deadline, environment: Mapping[str, str] | None = None) -> Output:
    """Start a program and wait for it."""
    return Command(argv, environment).result(deadline)
