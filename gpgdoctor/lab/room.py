"""A room: private mount, pid and network namespaces in which programs can be started and watched.

The owner's side. The other side is ``gpgdoctor.lab.init``, the first process in the room. They talk
through a socket pair; when it closes, init ends and the kernel kills everything else in the room.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from gpgdoctor.lab.channel import Channel
from gpgdoctor.lab.init import PACKET_BYTES, memory_file
from gpgdoctor.lab.plan import SOURCE_TREE, LabUnavailable, Plan

START_DEADLINE_S = 20.0
END_DEADLINE_S = 5.0
RUN_DEADLINE_S = 60.0


class Process:
    """A program that runs in a room; ``pid`` is its number there."""

    def __init__(self, room: Room, pid: int, streams: Sequence[IO[str]] = ()) -> None:
        self._room = room
        self.pid = pid
        self._streams = streams
        if streams:
            self.stdin, self.stdout, self.stderr = streams

    @property
    def returncode(self) -> int | None:
        return self._room.exit_code(self.pid)

    def wait(self, timeout: float = RUN_DEADLINE_S) -> int:
        return self._room.wait(self.pid, timeout)

    def kill(self) -> None:
        """Kill the process and those it started, and see it gone."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                self._room.signal(self.pid, signal.SIGKILL, group=True)
            self.wait(END_DEADLINE_S)
        for stream in self._streams:
            stream.close()


class Room:
    def __init__(self, plan: Plan) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = open(memory_file(), "rb")  # noqa: SIM115 - closed in close()
        try:
            self._unshare = self._start(theirs)
            theirs.close()
            self.base = self._hand_over(plan)
        except BaseException:
            self._abandon()
            raise
        self._channel = Channel(self._control, self._said)

    def _start(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        as_user = [] if os.geteuid() == 0 else ["--map-root-user"]
        enter = ["unshare", *as_user, "--mount", "--net", "--pid", "--fork", "--kill-child"]
        try:
            return subprocess.Popen(
                [*enter, sys.executable, "-m", "gpgdoctor.lab.init", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(SOURCE_TREE), "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                cwd="/",
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C is for us, not for the room
            )
        except FileNotFoundError as error:
            raise LabUnavailable("the program unshare (util-linux) is not installed") from error

    def _hand_over(self, plan: Plan) -> str:
        descriptor = memory_file(plan.as_json())
        self._control.settimeout(START_DEADLINE_S)
        try:
            socket.send_fds(self._control, [b"plan"], [descriptor])
            packet = self._control.recv(PACKET_BYTES)
        except TimeoutError as error:
            raise LabUnavailable(f"the lab did not start within {START_DEADLINE_S:.0f} s") from error
        except (BrokenPipeError, ConnectionResetError):
            packet = b""
        finally:
            os.close(descriptor)
        if not packet:
            self._unshare.wait(END_DEADLINE_S)
            raise LabUnavailable(f"private namespaces are refused here: {self._said()}")
        answer = json.loads(packet)
        if "refused" in answer:
            raise LabUnavailable(answer["refused"])
        self._control.settimeout(None)
        return str(answer["base"])

    def _said(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no reason was given"

    def spawn(
        self,
        argv: Sequence[str],
        streams: Sequence[int],
        *,
        environment: Mapping[str, str],
        user: int = 0,
        own_network: bool = False,
        outside: bool = False,
        on_terminal: bool = False,
        directory: str = "/",
        deadline_s: float | None = None,
    ) -> int:
        """Start a program; ``outside`` means with the machine's root where the room has another."""
        answer, _ = self._channel.ask(
            "spawn",
            streams,
            argv=list(argv),
            environment=dict(environment),
            user=user,
            own_network=own_network,
            outside=outside,
            on_terminal=on_terminal,
            directory=directory,
            deadline_s=deadline_s,
        )
        return int(answer["pid"])

    def run(
        self, argv: Sequence[str], *, timeout: float, input: str = "", **how: Any
    ) -> subprocess.CompletedProcess[str]:
        # Files instead of pipes: a daemon that inherits them cannot keep us waiting for their end.
        streams = [memory_file(input.encode()), memory_file(), memory_file()]
        try:
            pid = self.spawn(argv, streams, deadline_s=timeout, **how)
            code = self.wait(pid, timeout + END_DEADLINE_S)
            out, err = (_read_all(descriptor) for descriptor in streams[1:])
        finally:
            for descriptor in streams:
                os.close(descriptor)
        if self._channel.was_late(pid):
            raise subprocess.TimeoutExpired(list(argv), timeout, out, err)
        return subprocess.CompletedProcess(list(argv), code, out, err)

    def popen(self, argv: Sequence[str], **how: Any) -> Process:
        (their_in, stdin), (stdout, their_out), (stderr, their_err) = os.pipe(), os.pipe(), os.pipe()
        try:
            pid = self.spawn(argv, [their_in, their_out, their_err], **how)
        finally:
            for descriptor in (their_in, their_out, their_err):
                os.close(descriptor)
        return Process(self, pid, [open(stdin, "w", buffering=1), open(stdout), open(stderr)])

    def popen_on_terminal(self, argv: Sequence[str], terminal: int, **how: Any) -> Process:
        return Process(self, self.spawn(argv, [terminal] * 3, on_terminal=True, **how))

    @property
    def outside_pid(self) -> int:
        """A process of the room as the machine numbers it: /proc/PID/ns/net is the room's network."""
        return self._unshare.pid

    def wait(self, pid: int, timeout: float) -> int:
        return self._channel.wait_for_end(pid, timeout)

    def exit_code(self, pid: int) -> int | None:
        return self._channel.exit_code(pid)

    def signal(self, pid: int, number: int, *, group: bool = False) -> None:
        self._channel.ask("signal", pid=pid, signal=int(number), group=group)

    def read(self, path: str, *, outside: bool = False) -> bytes:
        _, descriptor = self._channel.ask("open", path=path, outside=outside)
        assert descriptor is not None
        with open(descriptor, "rb") as file:
            return file.read()

    def write(self, path: str, content: bytes, *, mode: int, owner: int) -> None:
        descriptor = memory_file(content)
        try:
            self._channel.ask("write", [descriptor], file={"path": path, "mode": mode, "owner": owner})
        finally:
            os.close(descriptor)

    def files(self, below: Sequence[str]) -> dict[str, tuple[int, int]]:
        found = self._attached("files", below=list(below))
        return {path: (size, time_ns) for path, (size, time_ns) in found.items()}

    def processes(self) -> list[dict[str, Any]]:
        return list(self._attached("processes"))

    def _attached(self, do: str, **rest: Any) -> Any:
        _, descriptor = self._channel.ask(do, **rest)
        assert descriptor is not None
        with open(descriptor, "rb") as file:
            return json.load(file)

    def _abandon(self) -> None:
        self._control.close()
        if hasattr(self, "_unshare"):
            self._unshare.kill()
            self._unshare.wait(END_DEADLINE_S)
        self._errors.close()

    def close(self) -> None:
        """End the room, and everything in it, and see it gone."""
        deadline = time.monotonic() + END_DEADLINE_S
        self._channel.close(END_DEADLINE_S)
        with suppress(subprocess.TimeoutExpired):
            self._unshare.wait(max(0.1, deadline - time.monotonic()))
        self._abandon()


def _read_all(descriptor: int) -> str:
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    return io.TextIOWrapper(io.BytesIO(content), errors="replace").read()
