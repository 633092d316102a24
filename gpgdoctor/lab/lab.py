"""A scenario brought to life: real pcscd, gpg, gpg-agent and scdaemon, virtual readers and cards."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from gpgdoctor.lab import layout
from gpgdoctor.lab.contents import RoomContents
from gpgdoctor.lab.handles import CardHandle, ClientHandle, read_line
from gpgdoctor.lab.plan import LabFailed, LabUnavailable
from gpgdoctor.lab.room import Room
from gpgdoctor.lab.scenario import GNUPG_2_3, CardKind, Client, Listener, Scenario, Step
from gpgdoctor.lab.workbench import Workbench

PCSCD_DEADLINE_S = 10.0
QUIET_DEADLINE_S = 5.0
STEP_DEADLINE_S = 30.0

SCARD_STATE_EMPTY, SCARD_STATE_PRESENT = 0x10, 0x20
SCARD_STATE_EXCLUSIVE, SCARD_STATE_INUSE, SCARD_STATE_MUTE = 0x80, 0x100, 0x200


class Lab(Workbench):
    """``with Lab(scenario) as lab:``; all that happens in it happens in namespaces of its own.

    ``root`` is the root directory of another Debian system, whose programs are used instead of this one's;
    ``user`` overrides whose home it is.
    """

    def __init__(self, scenario: Scenario, *, root: Path | None = None, user: int | None = None) -> None:
        super().__init__(RoomContents(scenario, root, scenario.user if user is None else user))
        self.scenario = scenario
        self.readers = [f"{reader.name} 00 00" for reader in scenario.readers]
        if len(set(self.readers)) < len(self.readers):
            # pcscd numbers readers of one name only where they share a driver file, and that would be one vpcd.
            raise ValueError(f"scenario {scenario.name}: two readers of one name")
        self.steps: list[subprocess.CompletedProcess[str]] = []
        self.pcscd_pid: int | None = None
        self._cards: dict[int, CardHandle] = {}
        self._clients: dict[str, ClientHandle] = {}
        self._counts: dict[str, str] = {}

    # -- life -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Lab:
        self.room = Room(self._contents.plan())
        try:
            self._play()
        except BaseException:
            self.room.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.room.close()

    def _play(self) -> None:
        scenario = self.scenario
        self._write_for_later_versions()
        if scenario.pcscd != "never-started":
            self.start_pcscd()
            self._insert_cards()
        for listener in scenario.listeners:
            self._start_listener(listener)
        for client in scenario.clients:
            if not client.after_steps:
                self.start_client(client)
        for step in scenario.steps:
            self._take(step)
        for client in scenario.clients:
            if client.after_steps:
                self.start_client(client)
        if scenario.pcscd in ("killed", "stopped"):
            self.signal_pcscd(signal.SIGKILL if scenario.pcscd == "killed" else signal.SIGSTOP)

    def _write_for_later_versions(self) -> None:
        files = [file for file in self.scenario.files if file.only_since_2_3]
        if files and self.gnupg_version >= GNUPG_2_3:
            for file in files:
                self.write(file.path, file.content, mode=file.mode)

    def _take(self, step: Step) -> None:
        done = self.run(step.argv, timeout=STEP_DEADLINE_S, user=step.user)
        self.steps.append(done)
        if step.code is not None and done.returncode != step.code:
            raise LabFailed(f"{' '.join(step.argv)} ended with {done.returncode}: {done.stderr.strip()}")

    # -- pcscd, cards, other programs -----------------------------------------------------------------------------

    def start_pcscd(self, *options: str) -> None:
        argv = ["pcscd", "--foreground", "--config", layout.PCSCD_CONFIGURATION, *options]
        version = self.run(["pcscd", "--version"], user=0).stdout
        if "polkit" in version and not self.scenario.polkit:
            argv.append("--disable-polkit")
        self._pcscd = self.room.popen(
            ["sh", "-c", f'exec "$0" "$@" >{layout.PCSCD_LOG} 2>&1', *argv], environment=self.environment()
        )
        self.pcscd_pid = self._pcscd.pid
        self.wait_until(lambda: layout.PCSCD_SOCKET in self.room.files(["/run/pcscd"]), "pcscd did not start listening")

    def signal_pcscd(self, number: int) -> None:
        if self.pcscd_pid is None:
            raise LabFailed("pcscd was not started")
        self.signal(self.pcscd_pid, number)
        if number == signal.SIGKILL:
            self._pcscd.wait(PCSCD_DEADLINE_S)

    def pcscd_log(self) -> str:
        try:
            return self.room.read(layout.PCSCD_LOG).decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _insert_cards(self) -> None:
        for number, reader in enumerate(self.scenario.readers):
            self._cards[number] = CardHandle(self.room, number, reader.card)
        present = [number for number, reader in enumerate(self.scenario.readers) if reader.card != "absent"]
        for number in present:
            self._cards[number].insert()
        bits = dict.fromkeys(self._cards, SCARD_STATE_EMPTY) | dict.fromkeys(present, SCARD_STATE_PRESENT)
        if not self.scenario.polkit:  # where everybody is refused, so are we
            self._wait_for_states(bits)
        for number in present:
            self.wait_until(self._cards[number].is_asleep, "pcscd did not let the card sleep", QUIET_DEADLINE_S)

    def insert(self, reader: int = 0, kind: CardKind | None = None) -> None:
        if kind is not None:
            self._cards[reader].change(kind)
        self._cards[reader].insert()
        self._wait_for_states({reader: SCARD_STATE_PRESENT})

    def remove(self, reader: int = 0) -> None:
        self._cards[reader].remove()
        self._wait_for_states({reader: SCARD_STATE_EMPTY})

    def card_log(self, reader: int = 0) -> list[str]:
        """One line per power-on, power-off, reset and APDU; what the reader asks by itself is not in it."""
        return self._cards[reader].log()

    def reader_states(self) -> dict[str, int]:
        return self._contents.parse_states(self.run(self._contents.states_argv(), user=0).stdout)

    def _wait_for_states(self, bits: Mapping[int, int]) -> None:
        wanted = [f"{self.readers[number]}={bit}" for number, bit in bits.items()]
        looked = self.run([*self._contents.states_argv(), str(PCSCD_DEADLINE_S), *wanted], user=0)
        if looked.returncode != 0:
            raise LabFailed(f"the readers did not become ready: {looked.stdout or looked.stderr}\n{self.pcscd_log()}")

    def start_client(self, client: Client, *, name: str | None = None) -> ClientHandle:
        handle = ClientHandle(
            self.room,
            self._contents.program_argv(self.room, client.program, "client.py"),
            self._contents.program_environment(),
            client,
            self.readers[client.reader] if self.readers else "",
        )
        self._clients[name or client.program] = handle
        return handle

    @property
    def clients(self) -> Mapping[str, ClientHandle]:
        return dict(self._clients)

    def client(self, name: str | None = None) -> ClientHandle:
        """The client of that name (by default its program's), or the only one."""
        if name is None:
            (only,) = self._clients.values()
            return only
        return self._clients[name]

    def _start_listener(self, listener: Listener) -> None:
        path = listener.path.format(sockets=self._contents.sockets)
        count_file = f"/tmp/connects-{len(self._counts)}"
        argv = [*self._contents.program_argv(self.room, listener.program, "listener.py"), path, count_file]
        own = path != listener.path
        if own:
            self.run(["gpgconf", "--create-socketdir"])
        environment = self._contents.program_environment()
        read_line(self.room.popen(argv, environment=environment, user=self.user if own else 0))
        self._counts[listener.path] = count_file

    def connects(self, path: str) -> int:
        """How often somebody connected to the listener at ``path``, as the scenario writes it."""
        return int(self.room.read(self._counts[path]))


__all__ = ["Lab", "LabFailed", "LabUnavailable"]
