"""The first process of a room: builds it, starts programs in it, and takes it down.

It is PID 1 of its own pid namespace, so the kernel kills everything in the room when it ends; and it
ends when its control socket closes, which also happens when its owner is killed.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpgdoctor.lab import mounts

CLONE_NEWNET = 0x40000000
PACKET_BYTES = 65536

Request = Mapping[str, Any]


def memory_file(content: bytes = b"") -> int:
    """A file without a name, for what is too long for one packet."""
    descriptor = os.memfd_create("gpgdoctor-lab")
    os.write(descriptor, content) if content else None
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class Init:
    def __init__(self, control: socket.socket, base: str) -> None:
        self._control = control
        self._base = base
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._deadlines: dict[int, float] = {}
        self._late: set[int] = set()

    def serve(self) -> None:
        awake, wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(awake, selectors.EVENT_READ)
            open_for_requests = True
            while open_for_requests:
                ready = [key.fd for key, _ in selector.select(self._next_deadline())]
                if awake in ready:
                    os.read(awake, PACKET_BYTES)
                if self._control.fileno() in ready:
                    open_for_requests = self._answer_one()
                self._kill_the_late()
                self._reap()

    def _answer_one(self) -> bool:
        packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 8)
        if not packet:
            return False
        request = json.loads(packet)
        try:
            answer, attached = getattr(self, f"_do_{request['do']}")(request, descriptors)
        except OSError as error:
            answer, attached = {"error": error.errno, "text": str(error)}, None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._send({"answers": request["number"], **answer}, attached)
        return True

    def _send(self, message: Request, attached: int | None = None) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], [] if attached is None else [attached])
        if attached is not None:
            os.close(attached)

    def _do_spawn(self, request: Request, descriptors: list[int]) -> tuple[Request, int | None]:
        def become() -> None:
            if request["own_network"] and ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
                os._exit(126)
            if request["on_terminal"]:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if self._base and not request["outside"]:
                os.chroot(self._base)
            os.chdir(request["directory"])
            if request["user"]:
                os.setgroups([])
                os.setgid(request["user"])
                os.setuid(request["user"])

        # One thread only, so a function between fork and exec is safe here.
        child = subprocess.Popen(
            request["argv"],
            env=request["environment"],
            stdin=descriptors[0],
            stdout=descriptors[1],
            stderr=descriptors[2],
            start_new_session=True,
            preexec_fn=become,
        )
        self._running[child.pid] = child
        if request["deadline_s"] is not None:
            self._deadlines[child.pid] = time.monotonic() + request["deadline_s"]
        return {"pid": child.pid}, None

    def _do_signal(self, request: Request, _: list[int]) -> tuple[Request, int | None]:
        (os.killpg if request["group"] else os.kill)(request["pid"], request["signal"])
        return {}, None

    def _do_open(self, request: Request, _: list[int]) -> tuple[Request, int | None]:
        base = "" if request["outside"] else self._base
        return {}, os.open(base + request["path"], os.O_RDONLY | os.O_NONBLOCK)

    def _do_write(self, request: Request, descriptors: list[int]) -> tuple[Request, int | None]:
        content = os.pread(descriptors[0], os.fstat(descriptors[0]).st_size, 0)
        mounts.write_files(self._base, [{**request["file"], "content": content.decode("latin-1")}])
        return {}, None

    def _do_files(self, request: Request, _: list[int]) -> tuple[Request, int | None]:
        found = {}
        for top in request["below"]:
            for directory, _names, names in os.walk(self._base + top):
                for name in [*names, ""]:
                    path = os.path.join(directory, name).rstrip("/")
                    status = os.lstat(path)
                    found[path[len(self._base) :]] = (status.st_size, status.st_mtime_ns)
        return {}, memory_file(json.dumps(found).encode())

    def _do_processes(self, _request: Request, _: list[int]) -> tuple[Request, int | None]:
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                name = Path("/proc", entry, "comm").read_text().rstrip("\n")
                state, parent = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[:2]
            except OSError:  # it ended while we looked
                continue
            found.append({"pid": int(entry), "name": name, "parent": int(parent), "zombie": state == "Z"})
        return {}, memory_file(json.dumps(found).encode())

    def _next_deadline(self) -> float | None:
        return max(0.0, min(self._deadlines.values()) - time.monotonic()) if self._deadlines else None

    def _kill_the_late(self) -> None:
        now = time.monotonic()
        for pid in [pid for pid, deadline in self._deadlines.items() if deadline <= now]:
            del self._deadlines[pid]
            self._late.add(pid)
            os.killpg(pid, signal.SIGKILL)

    def _reap(self) -> None:
        """As PID 1 we also inherit the daemons' orphans; their ends interest nobody."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._deadlines.pop(pid, None)
            child = self._running.pop(pid, None)
            if child is not None:
                child.returncode = os.waitstatus_to_exitcode(status)
                self._send({"ended": pid, "code": child.returncode, "late": pid in self._late})


def main() -> int:
    os.umask(0o022)  # everybody in the room enters the directories that are made for it
    control = socket.socket(fileno=int(sys.argv[1]))
    _, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES, 1)
    with open(descriptors[0], "rb") as plan_file:
        plan = json.load(plan_file)
    try:
        mounts.raise_loopback()
        base = mounts.build(plan)
    except (mounts.MountRefused, OSError) as error:
        control.send(json.dumps({"refused": str(error)}).encode())
        return 1
    control.send(json.dumps({"base": base}).encode())
    Init(control, base).serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
