"""What pcscd's program file, arguments and settings show: polkit, drivers, protocol. Nothing is started."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Collection, Iterable

from gpgdoctor.facts import Maybe, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.record import Record
from gpgdoctor.system.regular import NotRegular, read_regular

PLACES = os.pathsep.join(
    ("/usr/sbin", "/usr/local/sbin", "/sbin", os.defpath, "/run/current-system/sw/bin")  # the last one is NixOS'
)
PROGRAM_BYTES = 4 << 20  # 0.14 MB on Debian
SETTINGS = ("/etc/default/pcscd", "/etc/sysconfig/pcscd", "/etc/conf.d/pcscd")
SETTINGS_BYTES = 1 << 16
POLICIES = (
    "/usr/share/polkit-1/actions",
    "/usr/local/share/polkit-1/actions",
    "/run/current-system/sw/share/polkit-1/actions",  # NixOS
)
DRIVERS = (
    *("/usr/lib/pcsc/drivers", "/usr/lib64/pcsc/drivers", "/usr/local/lib/pcsc/drivers", "/var/lib/pcsc/drivers"),
    *("/usr/lib64/readers/usb", "/usr/lib/readers/usb"),
)
BUNDLES = "*.bundle/Contents/Info.plist"  # src/hotplug.h
READER_CONF = "/etc/reader.conf.d"
READER_CONF_BYTES = 1 << 16
NIXOS = "/etc/NIXOS"

_POLKIT = b"libpolkit-gobject-1"
_DROPDIR = re.compile(rb"usbdropdir=(/[\x21-\x7e]{1,300})")
_READY = re.compile(rb"pcsc-lite (\d{1,3})\.(\d{1,3})\.(\d{1,3})[^\0]{0,20} daemon ready")
_SETTING = re.compile(r"^\s*(?:export\s+)?(PCSCD_ARGS|PCSCLITE_HP_DROPDIR)=(.*)$", re.MULTILINE)
_LIBPATH = re.compile(r"^\s*LIBPATH\s+\S", re.MULTILINE)
# The minor protocol that pcscd speaks since each version (src/winscard_msg.h); from 2.4.1 on it takes 4:4 as well.
PROTOCOLS = (((2, 4, 1), 4), ((2, 3, 0), 5), ((1, 8, 24), 4))


class Program(Record):
    """What the program file of a pcscd contains."""

    uses_polkit: bool
    drivers: str | None  # the directory that it was built for
    version: tuple[int, ...]


class PcscdProgram:
    """The pcscd that runs, as far as ``daemons`` are its pids; else the one that is installed."""

    def __init__(self, daemons: Collection[int]) -> None:
        self._pid = next(iter(daemons), None)
        self.arguments = proc.arguments(self._pid) if self._pid is not None else []
        self._installed = shutil.which("pcscd", path=PLACES)
        named = self.arguments[0] if self.arguments else ""
        self.path = named if os.path.isabs(named) and os.path.isfile(named) else self._installed
        self._program = _read_program(self.path) if self.path else None
        self._settings = {name: _unquoted(value) for name, value in _SETTING.findall(_text_of(SETTINGS))}

    def polkit(self, socket_is_mounted: Maybe[bool]) -> Maybe[bool]:
        """Whether it asks polkit who may use it: built with polkit, and not switched off (pcscd(8))."""
        if self._pid is None and socket_is_mounted is True:
            return Unknown.because("the pcscd behind that socket is not on this system")
        if self.path is None:
            return False if self._pid is None else Unknown.because("the program file of pcscd is not to be found")
        if self._program is None:
            return Unknown.because(f"{self.path} cannot be read")
        switched_off = self.arguments if self._pid is not None else self._settings.get("PCSCD_ARGS", "").split()
        return self._program.uses_polkit and "--disable-polkit" not in switched_off

    def drivers(self) -> Maybe[bool]:
        """Whether any reader driver is installed: a bundle, or one that reader.conf names."""
        places = self._directories()
        if any(glob.glob(f"{glob.escape(place)}/{BUNDLES}") for place in places):
            return True
        if _names_a_driver(self._reader_conf()):
            return True
        if os.path.exists(NIXOS):
            return Unknown.because("NixOS keeps pcscd's drivers in its store")
        return False

    def _directories(self) -> Iterable[str]:
        """Where it looks: the variable, else the built-in directory, else the places that distributions use."""
        configured = self._environment() or self._settings.get("PCSCLITE_HP_DROPDIR")
        if configured:
            return (configured,)
        if self._program is not None and self._program.drivers:
            return (self._program.drivers,)
        return DRIVERS

    def _environment(self) -> str | None:
        """The variable in the running pcscd's environment, which only root and its own user may read."""
        return proc.variable(self._pid, "PCSCLITE_HP_DROPDIR") if self._pid is not None else None

    def _reader_conf(self) -> str:
        words = iter(self.arguments)
        for word in words:
            if word in ("-c", "--config"):
                return next(words, READER_CONF)
            if word.startswith("--config="):
                return word.partition("=")[2]
        return READER_CONF

    def protocol(self) -> int | None:
        """A minor protocol version that the running pcscd accepts.

        None where that is not certain: pcscd refuses a wrong one, and logs that.
        """
        if self._program is None or self._pid is None or not self.arguments or self._was_replaced(self._pid):
            return None
        return next((minor for since, minor in PROTOCOLS if self._program.version >= since), None)

    def _was_replaced(self, pid: int) -> bool:
        """Whether the file may be newer than the running process."""
        started = proc.started(pid)
        try:
            return started is None or os.stat(str(self.path)).st_ctime > started
        except OSError:
            return True


def policy() -> bool:
    """Whether polkit knows pcscd's actions: it refuses unknown ones to everybody but root."""
    return any(os.path.exists(f"{directory}/org.debian.pcsc-lite.policy") for directory in POLICIES)


def _read_program(path: str) -> Program | None:
    content = _content(path, PROGRAM_BYTES)
    if content is None:
        return None
    drivers, ready = _DROPDIR.search(content), _READY.search(content)
    return Program(
        uses_polkit=_POLKIT in content,
        drivers=drivers[1].decode("ascii") if drivers else None,
        version=tuple(map(int, ready.groups())) if ready else (),
    )


def _content(path: str, limit_bytes: int) -> bytes | None:
    try:
        return read_regular(path, limit_bytes)
    except (OSError, ValueError, NotRegular):
        return None


def _text_of(paths: Iterable[str]) -> str:
    contents = (_content(path, SETTINGS_BYTES) for path in paths)
    return "\n".join(content.decode(errors="replace") for content in contents if content is not None)


def _unquoted(value: str) -> str:
    return value.strip().strip("\"'")


def _names_a_driver(place: str) -> bool:
    """Whether a file, or one in a directory, has a LIBPATH line (reader.conf(5)); Debian's are comments alone."""
    paths = sorted(glob.glob(f"{glob.escape(place)}/*")) if os.path.isdir(place) else [place]
    contents = (_content(path, READER_CONF_BYTES) for path in paths[:100])
    return any(_LIBPATH.search(content.decode(errors="replace")) for content in contents if content is not None)
