"""A running copy of the saved machine: devices are plugged into it, and its users run commands in it."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from gpgdoctor.lab.jcecard import ADVICE
from gpgdoctor.lab.machine import build, image, root
from gpgdoctor.lab.machine.channel import Channel
from gpgdoctor.lab.machine.device import Device
from gpgdoctor.lab.machine.models import ModelName
from gpgdoctor.lab.machine.patience import patient, stretch
from gpgdoctor.lab.machine.qemu import CHANNELS, USB_PORTS, Emulator
from gpgdoctor.lab.machine.scenario import Who
from gpgdoctor.lab.plan import SOURCE_TREE, LabFailed, LabUnavailable
from gpgdoctor.lab.scenario import CardKind
from gpgdoctor.system.deadline import STRETCH as STRETCH_VARIABLE

RESTORE_DEADLINE_S = 60.0
RUN_DEADLINE_S = 120.0
STRETCH = 6  # what takes a second on a machine takes about that many here
SHELL_DEADLINE_S = 86400.0
TERMINAL = "/dev/hvc0"

SSH = (
    *("ssh", "-q", "-i", "/etc/ssh/lab_key", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
    *("-o", "ControlMaster=auto", "-o", "ControlPersist=yes", "-o", "ControlPath=/run/lab-%r"),
)


class Waiting:
    """A command that runs while others do."""

    def __init__(self, channel: Channel, argv: Sequence[str], deadline_s: float) -> None:
        self._argv = list(argv)
        self._done: subprocess.CompletedProcess[str] | None = None
        self._thread = threading.Thread(target=self._run, args=(channel, deadline_s), daemon=True)
        self._thread.start()

    def _run(self, channel: Channel, deadline_s: float) -> None:
        with suppress(LabFailed, subprocess.TimeoutExpired):  # then it is waited for in vain
            self._done = channel.run(self._argv, deadline_s=deadline_s)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def wait(self, timeout: float) -> int:
        self._thread.join(timeout)
        if self._done is None:
            raise subprocess.TimeoutExpired(self._argv, timeout)
        return self._done.returncode


class Machine:
    """``with Machine() as machine:`` restores it, and ends it whatever happens. Built first where it has to be."""

    def __init__(
        self, tell: build.Tell = lambda _: None, *, note: build.Tell = lambda _: None, source: Path = SOURCE_TREE
    ) -> None:
        """``tell`` is told how far it is, and ``note`` of every command with its result."""
        self._tell = tell
        self._note = note
        self._source = source
        self._emulator: Emulator | None = None
        self._channels: dict[str, Channel] = {}
        self.devices: list[Device] = []

    def __enter__(self) -> Machine:
        if importlib.util.find_spec("jcecard") is None:
            raise LabUnavailable(f"the virtual card needs jcecard: {ADVICE}")
        self._built = build.build(self._tell)
        self._clean_up_after_the_killed()
        self._directory = Path(tempfile.mkdtemp(prefix=f"run-{os.getpid()}-", dir=build.directory()))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for device in self.devices:
            device.unplug()
        if self._emulator is not None:
            self._emulator.close()
        for channel in self._channels.values():
            channel.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _clean_up_after_the_killed(self) -> None:
        """Directories of runs whose process is no more; its QEMU ended with it."""
        for left in build.directory().glob("run-*-*"):
            if not Path("/proc", left.name.split("-")[1]).exists():
                shutil.rmtree(left, ignore_errors=True)

    def _start(self) -> None:
        source = self._directory / "source.img"
        _make_source(self._built, self._source, self._directory / "source", source)
        self._emulator = Emulator(self._built.base, self._directory, source, restore=self._built.state)
        for name in CHANNELS:
            self._channels[name] = Channel(self.connect(name))
            self._channels[name].wait_for_hello(patient(RESTORE_DEADLINE_S))
        # The disk's content is another one than when the machine was saved, and so is the time.
        self.must(
            "root",
            f"date -s @{time.time():.3f} && blockdev --flushbufs /dev/vdb && mount -o ro /dev/vdb /opt/gpgdoctor",
        )

    # -- devices ---------------------------------------------------------------------------------------------------

    def plug(self, model: ModelName = "token", card: CardKind = "openpgp") -> Device:
        """Plug a new device in, and wait until the kernel has it and udev is done with it."""
        number = len(self.devices)
        if number == USB_PORTS:
            raise LabFailed(f"the machine has {USB_PORTS} USB ports")
        port = f"usb{number}"
        device = Device(model, card, lambda: self.connect(port), self._directory / f"device{number}")
        self.devices.append(device)
        device.plug()
        self.settle()
        return device

    def settle(self) -> None:
        """Wait until all devices that are plugged in are there, and udev has nothing left to do."""
        plugged = sum(device.is_plugged for device in self.devices)
        count = "$(ls /sys/bus/usb/devices | grep -c '^[0-9]*-[0-9]*$')"
        self.must("root", f"until [ {count} = {plugged} ]; do sleep 0.1; done; udevadm settle", deadline_s=60)

    # -- commands --------------------------------------------------------------------------------------------------

    def run(
        self,
        who: Who,
        command: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        deadline_s: float = RUN_DEADLINE_S,
    ) -> subprocess.CompletedProcess[str]:
        """A command (a string is for bash) of one of the machine's users; killed at the deadline: TimeoutExpired."""
        argv = ["bash", "-c", command] if isinstance(command, str) else list(command)
        self._note(f"{who}$ {command if isinstance(command, str) else shlex.join(command)}")
        done = self._channel(who).run(_as(who, _with_environment(argv, env or {})), deadline_s=patient(deadline_s))
        self._note(f"{done.stdout}{done.stderr}[{done.returncode}]")
        return done

    def popen(self, who: Who, argv: Sequence[str]) -> Waiting:
        return Waiting(self._channel(who), _as(who, argv), patient(RUN_DEADLINE_S))

    def popen_on_terminal(self, who: Who, argv: Sequence[str], *, env: Mapping[str, str]) -> Waiting:
        """A command with the machine's TERMINAL as its controlling one."""
        given = _as(who, _with_environment(argv, env), terminal=True)
        redirected = ["sh", "-c", f'exec "$@" <{TERMINAL} >{TERMINAL} 2>&1', "sh", *given]
        return Waiting(self._channel(who), redirected, SHELL_DEADLINE_S)

    def connect(self, name: str) -> socket.socket:
        """One of QEMU's sockets: "terminal" is what TERMINAL in the machine is joined to."""
        if self._emulator is None:
            raise LabFailed("the machine does not run")
        return self._emulator.connect(name)

    def _channel(self, who: Who) -> Channel:
        return self._channels["seat" if who in ("seat", "sudo") else "root"]

    def must(self, who: Who, command: str | Sequence[str], *, deadline_s: float = RUN_DEADLINE_S) -> str:
        """A command that has to succeed, and what it printed."""
        done = self.run(who, command, deadline_s=deadline_s)
        if done.returncode != 0:
            raise LabFailed(f"{who}: {command} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def gpgdoctor(
        self, who: Who, *arguments: str, deadline_s: float = RUN_DEADLINE_S
    ) -> subprocess.CompletedProcess[str]:
        return self.run(who, ["gpgdoctor", *arguments], deadline_s=deadline_s)


def _with_environment(argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
    variables = {STRETCH_VARIABLE: str(stretch(STRETCH)), **env}
    return ["env", *(f"{name}={value}" for name, value in variables.items()), *argv]


def _as(who: Who, argv: Sequence[str], *, terminal: bool = False) -> list[str]:
    if who in ("ssh", "bob"):
        user = "bob" if who == "bob" else "alice"
        return [*SSH, *(["-t"] if terminal else []), f"{user}@{root.ADDRESS}", shlex.join(argv)]
    if who == "sudo":
        return ["sudo", "--", *argv]
    if who == "service":
        return ["systemd-run", "-q", "--pipe", "--wait", "--collect", "--uid=alice", "--", *argv]
    return list(argv)


def _make_source(built: build.Built, source: Path, scratch: Path, disk: Path) -> None:
    """A disk with this gpgdoctor on it, compiled for the machine's Python."""
    ignored = shutil.ignore_patterns("__pycache__", "machine", "*.pyc")
    shutil.copytree(source / "gpgdoctor", scratch / "gpgdoctor", ignore=ignored)
    root.compile_source(built.root, scratch)
    image.make_disk(built.tools, scratch, disk, image.SOURCE_BYTES)
    shutil.rmtree(scratch)
