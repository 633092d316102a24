"""QEMU: its command line, its monitor, and its end."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpgdoctor.lab.machine.packages import foreign
from gpgdoctor.lab.machine.patience import patient
from gpgdoctor.lab.plan import LabFailed

PR_SET_PDEATHSIG = 1
MEMORY_MIB = 1024
PROCESSORS = 2
USB_PORTS = 4
START_DEADLINE_S = 30.0
MONITOR_DEADLINE_S = 120.0
POLL_S = 0.05
PROGRAM = "bin/qemu-system-x86_64"
# A boot beside other work takes longer than the 90 s after which systemd gives a service or a device up.
PATIENT_SYSTEMD = (
    "systemd.show_status=0 systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900"
    " udev.event_timeout=900"
)
CHANNELS = ("root", "seat")

_libc = ctypes.CDLL(None)


class Emulator:
    """One QEMU whose sockets lie in ``directory``; it ends with this process, however that ends."""

    def __init__(self, base: Path, directory: Path, source: Path, *, restore: Path | None = None) -> None:
        self.directory = directory
        # Socket addresses have room for 107 bytes, and a cache directory may be deeper than that.
        self._handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        owner = os.getpid()

        def end_with_us() -> None:
            os.setpgid(0, 0)  # Ctrl-C is for us
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != owner:
                os._exit(1)

        self._errors = (directory / "qemu.log").open("w+b")
        self.process = subprocess.Popen(
            command_line(base, source, restoring=restore is not None),
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "QEMU_MODULE_DIR": str(_modules(base / "tools"))},
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            preexec_fn=end_with_us,
        )
        try:
            monitor = self.connect("monitor")
            monitor.settimeout(patient(MONITOR_DEADLINE_S))
            self._monitor = monitor.makefile("rw")
            self._line()
            self.ask("qmp_capabilities")
            if restore is not None:
                self.ask("migrate-incoming", uri=f"file:{restore}")
                self._wait_for_migration()
                self.ask("cont")
        except BaseException:
            self.close()
            raise

    def connect(self, name: str) -> socket.socket:
        """A connection to one of QEMU's sockets: monitor, root, seat, usb0 and so on."""
        deadline = time.monotonic() + patient(START_DEADLINE_S)
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(f"/proc/self/fd/{self._handle}/{name}")
                return connection
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise LabFailed(f"QEMU does not run: {self._last_words()}") from None
                time.sleep(POLL_S)

    def ask(self, command: str, **arguments: Any) -> Any:
        """One command of QEMU's monitor, and what it returns."""
        self._monitor.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._monitor.flush()
        while True:
            answer: Mapping[str, Any] = json.loads(self._line())
            if "error" in answer:
                raise LabFailed(f"QEMU refuses {command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]

    def _line(self) -> str:
        try:
            line = self._monitor.readline()
        except TimeoutError:
            raise LabFailed("QEMU's monitor does not answer") from None
        if not line:
            raise LabFailed(f"QEMU ended: {self._last_words()}")
        return line

    def save(self, state: Path) -> None:
        """Stop the machine, and write all that it is but its disk."""
        self.ask("stop")
        self.ask("migrate-set-parameters", **{"max-bandwidth": 1 << 34})
        self.ask("migrate", uri=f"file:{state}")
        self._wait_for_migration()

    def _wait_for_migration(self) -> None:
        deadline = time.monotonic() + patient(MONITOR_DEADLINE_S)
        while (status := self.ask("query-migrate")).get("status") != "completed":
            if status.get("status") == "failed" or time.monotonic() > deadline:
                raise LabFailed(f"the machine was not saved or restored: {status} {self._last_words()}")
            time.sleep(POLL_S)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._errors.close()
        os.close(self._handle)


def command_line(base: Path, source: Path, *, restoring: bool) -> list[str]:
    tools = base / "tools"
    data = tools / "usr" / "share"
    command = [
        *foreign(tools, PROGRAM),
        *("-L", str(data / "qemu"), "-L", str(data / "seabios")),
        *("-accel", "tcg,thread=multi", "-cpu", "max", "-machine", "q35", "-smp", str(PROCESSORS)),
        *("-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-vga", "none"),
        *("-kernel", str(base / "vmlinuz"), "-initrd", str(base / "initrd")),
        *("-append", f"console=ttyS0 quiet loglevel=3 mitigations=off random.trust_cpu=1 {PATIENT_SYSTEMD}"),
        *("-chardev", "file,id=serial,path=console.log", "-serial", "chardev:serial"),
        *_disk("root", base / "root.img"),
        *_disk("source", source),
        *("-device", "virtio-rng-pci"),
        *("-device", "virtio-serial-pci"),
    ]
    for name in CHANNELS:
        command += [*_socket(name), "-device", f"virtserialport,chardev={name},name=lab.{name}"]
    command += [*_socket("terminal"), "-device", "virtconsole,chardev=terminal"]
    command += ["-device", f"qemu-xhci,id=usb,p2={USB_PORTS + 2},p3=0"]
    for number in range(USB_PORTS):
        name = f"usb{number}"
        command += [*_socket(name), "-device", f"usb-redir,chardev={name},id=r{number},bus=usb.0,port={number + 1}"]
    command += [*_socket("monitor"), "-mon", "chardev=monitor,mode=control"]
    return [*command, "-incoming", "defer"] if restoring else command


def _disk(name: str, image: Path) -> list[str]:
    drive = f"file={str(image).replace(',', ',,')},if=none,id={name},format=raw,readonly=on,cache=unsafe"
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name}"]


def _socket(name: str) -> list[str]:
    return ["-chardev", f"socket,id={name},path={name},server=on,wait=off"]


def _modules(tools: Path) -> Path:
    return tools / "usr" / "lib" / "x86_64-linux-gnu" / "qemu"
