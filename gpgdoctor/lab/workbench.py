"""Programs and files in a room, as the user whose home it is sees and runs them."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from gpgdoctor.lab import layout
from gpgdoctor.lab.contents import RoomContents
from gpgdoctor.lab.plan import LabFailed
from gpgdoctor.lab.room import RUN_DEADLINE_S, Process, Room

WAIT_DEADLINE_S = 10.0
POLL_S = 0.05


class Workbench:
    """What can be done in any room; ``room`` is there once it has been entered."""

    room: Room

    def __init__(self, contents: RoomContents) -> None:
        self._contents = contents
        self.user = contents.user
        self.python = contents.python
        self.home = layout.HOME
        self.gnupghome = f"{layout.HOME}/{contents.scenario.homes[0]}"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self._contents.environment(), **(extra or {})}

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float = RUN_DEADLINE_S,
        env: Mapping[str, str] | None = None,
        user: int | None = None,
        input: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the lab as its user; at ``timeout`` it is killed, and TimeoutExpired raised."""
        return self.room.run(argv, timeout=timeout, input=input, **self._how(env, user))

    def popen(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None, user: int | None = None) -> Process:
        return self.room.popen(argv, **self._how(env, user))

    def popen_on_terminal(self, argv: Sequence[str], terminal: int, *, env: Mapping[str, str]) -> Process:
        """Like popen, with this terminal as the program's controlling one."""
        return self.room.popen_on_terminal(argv, terminal, **self._how(env, None))

    def _how(self, env: Mapping[str, str] | None, user: int | None) -> dict[str, Any]:
        return {
            "environment": self.environment(env),
            "user": self.user if user is None else user,
            "directory": self.home if user in (None, self.user) else "/",
        }

    def gpgdoctor_argv(self, *arguments: str) -> list[str]:
        return [self.python, "-m", "gpgdoctor", *arguments]

    def gpgdoctor(self, *arguments: str, **how: Any) -> subprocess.CompletedProcess[str]:
        return self.run(self.gpgdoctor_argv(*arguments), **how)

    @cached_property
    def gnupg_version(self) -> tuple[int, ...]:
        """(2, 2, 40), say; () where there is none."""
        try:
            first_line = self.run(["gpg", "--version"]).stdout.partition("\n")[0]
        except FileNotFoundError:
            return ()
        return tuple(int(number) for number in re.findall(r"\d+", first_line))

    def signal(self, pid: int, number: int) -> None:
        self.room.signal(pid, number)

    def processes(self) -> list[dict[str, Any]]:
        """Every process of the lab: pid, name, parent, zombie."""
        return self.room.processes()

    def pid_of(self, name: str) -> int | None:
        found = [process["pid"] for process in self.processes() if process["name"] == name and not process["zombie"]]
        return found[0] if found else None

    def snapshot_files(self) -> dict[str, tuple[int, int]]:
        """Size and modification time in ns of every file that somebody in the lab could have written."""
        return self.room.files([self.home, "/run"])

    def read(self, path: str) -> str:
        return self.read_bytes(path).decode()

    def read_bytes(self, path: str) -> bytes:
        return self.room.read(self._absolute(path))

    def write(self, path: str, content: str | bytes, *, mode: int = 0o600) -> None:
        written = content.encode() if isinstance(content, str) else content
        self.room.write(self._absolute(path), written, mode=mode, owner=self.user)

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.home}/{path}"

    def wait_until(self, condition: Callable[[], bool], complaint: str, within_s: float = WAIT_DEADLINE_S) -> None:
        """Wait until ``condition`` holds; LabFailed with the complaint when it does not in time."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                raise LabFailed(f"{complaint} within {within_s:.0f} s")
            time.sleep(POLL_S)
