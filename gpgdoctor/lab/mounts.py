"""The file system of a room: what a private mount namespace shows instead of the machine's own.

Runs inside the new namespaces only. Everything that is written goes to a tmpfs, so it is gone with
the last process of the room.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gpgdoctor.lab.layout import CHANGED_DIRECTORIES, LAB_DIRECTORY

MS_NODEV, MS_NOSUID = 0x4, 0x2
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

PLAIN_CHROOT = (
    'this is a plain chroot, whose "/" is no mount point, so that nothing can be mounted in it apart from the rest; '
    "before it is entered: mount --bind ROOT ROOT"
)

_libc = ctypes.CDLL(None, use_errno=True)


class MountRefused(Exception):
    """The kernel does not let us build the room; the message says what it refused."""


def _mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    if _libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise MountRefused(f"mounting {kind or source} on {target} was refused: {reason}")


def _tmpfs(target: str, mode: str = "755") -> None:
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")


def _by_descriptor(path: str) -> str:
    """A name of ``path`` that stays good when something is mounted over it."""
    return f"/proc/self/fd/{os.open(path, os.O_PATH)}"


def _overlay(target: str, lower: Iterable[str], upper: str = "") -> None:
    # A path may contain the separators of the option string: Documentation/filesystems/overlayfs.rst.
    escaped = [name.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,") for name in lower]
    options = f"lowerdir={':'.join(escaped)}"
    if upper:
        for name in ("changed", "work"):
            os.makedirs(f"{upper}/{name}")
        options += f",upperdir={upper}/changed,workdir={upper}/work"
    _mount("overlay", target, "overlay", 0, options)


def raise_loopback() -> None:
    """vpcd and its cards talk through TCP on 127.0.0.1; a new network namespace has it down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def write_files(base: str, files: Iterable[Mapping[str, Any]]) -> None:
    """Write files and directories as the plan gives them: path, mode, owner, content or None."""
    for entry in files:
        path = Path(base + entry["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry["content"] is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.write_bytes(entry["content"].encode("latin-1"))
        path.chmod(entry["mode"])
        if entry["owner"]:
            os.chown(path, entry["owner"], entry["owner"])


def _hide(layer: str, below: Iterable[str], patterns: Iterable[str]) -> None:
    """Put whiteouts into ``layer`` for everything under /usr that matches one of the patterns."""
    for pattern in patterns:
        for usr in below:
            for found in Path(usr).glob(pattern):
                whiteout = Path(layer, "usr", found.relative_to(usr))
                if not any(path.is_char_device() for path in (whiteout, *whiteout.parents)):
                    whiteout.parent.mkdir(parents=True, exist_ok=True)
                    os.mknod(whiteout, stat.S_IFCHR, os.makedev(0, 0))


def _hide_usb(base: str) -> None:
    """Keep the machine's real readers from the room's pcscd and scdaemon, which would claim them."""
    for directory in ("/dev/bus/usb", "/sys/bus/usb/devices", "/usr/lib/pcsc/drivers"):
        if os.path.isdir(base + directory):
            _tmpfs(base + directory)


def _keep(base: str, kept: Mapping[str, str], *, read_only: bool) -> None:
    for path, descriptor in kept.items():
        target = base + path
        Path(target).mkdir(parents=True, exist_ok=True)
        if read_only:
            empty = f"{LAB_DIRECTORY}/empty"
            os.makedirs(empty, exist_ok=True)
            _overlay(target, [empty, descriptor])
        else:
            _mount(descriptor, target, "", MS_BIND | MS_REC)


def build(plan: Mapping[str, Any]) -> str:
    """Build the file system; answers the directory that is the room's root ("" for this one)."""
    _make_private()
    _mount("proc", "/proc", "proc")
    root = _by_descriptor(plan["root"]) if plan["root"] else ""
    parts = [_by_descriptor(path) for path in plan["parts"]]
    kept = {path: _by_descriptor(path) for path in plan["keep"] if root or _is_covered(path)}
    files = [*plan["files"], *({**copy, "content": _latin(copy["source"])} for copy in plan["copies"])]
    _tmpfs("/tmp", "1777")
    layer = f"{LAB_DIRECTORY}/layer"
    for directory in ("usr", "etc"):
        os.makedirs(f"{layer}/{directory}")
    write_files(layer, plan["layer"])
    base = _enter_root(root, layer, parts, plan["hidden"]) if root else _cover(layer, parts, plan["hidden"])
    _keep(base, kept, read_only=bool(root))
    if root:  # for the cards, which run on the machine's own root, whose /tmp is covered as well
        _keep("", {path: kept[path] for path in kept if path.startswith("/tmp/")}, read_only=False)
    _hide_usb(base)
    write_files(base, files)
    return base


def _make_private() -> None:
    """Refused where "/" is no mount point: mount(2) says EINVAL then, whatever else may be allowed."""
    try:
        _mount("none", "/", "", MS_REC | MS_PRIVATE)
    except MountRefused:
        if not in_plain_chroot():
            raise
        raise MountRefused(PLAIN_CHROOT) from None


def in_plain_chroot() -> bool:
    """Whether "/" is no mount point; os.path.ismount takes every "/" for one. Many a chroot has no /proc either."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            return not any(line.split(" ")[4] == "/" for line in file)
    except FileNotFoundError:
        return True


def _is_covered(path: str) -> bool:
    return any(path.startswith(f"{directory}/") for directory in CHANGED_DIRECTORIES)


def _latin(source: str) -> str:
    return Path(source).read_bytes().decode("latin-1")


def _cover(layer: str, parts: list[str], hidden: list[str]) -> str:
    """Lay the room's own directories over those of the machine."""
    for directory in CHANGED_DIRECTORIES:
        if directory != "/tmp" and os.path.isdir(directory):
            _tmpfs(directory)
    below = [*parts, "/usr"]
    _hide(layer, below, hidden)
    _overlay("/etc", [f"{layer}/etc", "/etc"])
    _overlay("/usr", [f"{layer}/usr", *below])
    return ""


def _enter_root(root: str, layer: str, parts: list[str], hidden: list[str]) -> str:
    """Make a throw-away copy of another system's root, with the kernel's file systems in it."""
    base = f"{LAB_DIRECTORY}/root"
    os.makedirs(base)
    _hide(layer, [*parts, f"{root}/usr"], hidden)
    _overlay(base, [layer, root], upper=f"{LAB_DIRECTORY}/upper")
    _mount("proc", f"{base}/proc", "proc")
    for directory in ("/dev", "/sys"):
        _mount(directory, base + directory, "", MS_BIND | MS_REC)
    for directory in CHANGED_DIRECTORIES:
        _tmpfs(base + directory, "1777" if directory == "/tmp" else "755")
    return base
