"""The machine's disk, its kernel and the initial RAM disk that mounts the one for the other."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from gpgdoctor.lab.debian import DebianUnavailable
from gpgdoctor.lab.machine.packages import foreign, run_foreign
from gpgdoctor.lab.machine.root import GUEST_FILES

PROGRAM_DEADLINE_S = 120.0
ROOT_BYTES = 1 << 30
SOURCE_BYTES = 32 << 20
INTERPRETER = b"#!/bin/busybox sh\n"  # only in the initial RAM disk is there one; the package has a text

# What mounts the disk, in this order with all they need before them; and what else the machine may have a use for.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4", "overlay")
MODULES = (
    *BOOT_MODULES,
    *("virtio_console", "virtio_rng", "xhci_pci", "xhci_hcd", "usbcore", "usbhid", "hid_generic", "evdev", "autofs4"),
    *("fuse", "configfs", "unix_diag", "inet_diag", "tcp_diag", "ip_tables", "x_tables", "dm_mod", "loop"),
)


def make_kernel(root: Path, into: Path) -> None:
    """Take the kernel out of the tree, and leave only the modules that are needed in it."""
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    shutil.move(kernel, into / "vmlinuz")
    shutil.rmtree(root / "boot")
    (root / "boot").mkdir()
    modules = root / "usr" / "lib" / "modules" / version
    needs = _dependencies(root, version, modules)
    kept = _closure(MODULES, needs)
    for module in modules.rglob("*.ko.xz"):
        if module not in kept:
            module.unlink()
    _depmod(root, version)
    (into / "initrd").write_bytes(_initrd(root, _closure(BOOT_MODULES, needs)))


def _depmod(root: Path, version: str) -> None:
    run_foreign(root, "sbin/depmod", "-b", str(root), version, deadline_s=PROGRAM_DEADLINE_S)


def _dependencies(root: Path, version: str, modules: Path) -> dict[str, list[Path]]:
    """For every module, by its name: its file, and those that it needs, last first."""
    _depmod(root, version)
    found = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        module, _, needs = line.partition(":")
        found[_name(module)] = [modules / path for path in (module, *needs.split())]
    return found


def _name(module: str) -> str:
    return re.sub(r"\.ko(\.xz)?$", "", os.path.basename(module)).replace("-", "_")


def _closure(names: Iterable[str], needs: dict[str, list[Path]]) -> list[Path]:
    """The files of these modules in an order in which they can be loaded; what is built in has none."""
    ordered: list[Path] = []
    for name in names:
        ordered += [path for path in reversed(needs.get(name, [])) if path not in ordered]
    return ordered


def _initrd(root: Path, modules: Iterable[Path]) -> bytes:
    files = [("bin", None, 0o755), ("dev", None, 0o755), ("modules", None, 0o755)]
    entries = b"".join(_entry(name, b"", stat.S_IFDIR | mode) for name, _, mode in files)
    entries += _entry("bin/busybox", (root / "usr/bin/busybox").read_bytes(), stat.S_IFREG | 0o755)
    entries += _entry("init", INTERPRETER + (GUEST_FILES / "init.sh").read_bytes(), stat.S_IFREG | 0o755)
    for number, module in enumerate(modules):
        content = lzma.decompress(module.read_bytes())
        entries += _entry(f"modules/{number:02}-{_name(module.name)}.ko", content, stat.S_IFREG | 0o644)
    return entries + _entry("TRAILER!!!", b"", 0)


def _entry(name: str, content: bytes, mode: int) -> bytes:
    """One file of an archive in cpio's "newc" format: Linux, Documentation/driver-api/early-userspace/buffer-format."""
    numbers = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % number for number in numbers) + name.encode() + b"\0"
    return _padded(header) + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def make_disk(tools: Path, tree: Path, disk: Path, size_bytes: int) -> None:
    """An ext4 file system with what is in ``tree``, all of it root's."""
    with disk.open("wb") as file:
        file.truncate(size_bytes)
    # In a user namespace whose root we are, our files are root's.
    as_owner = [] if os.geteuid() == 0 else ["unshare", "--map-root-user"]
    command = [*as_owner, *foreign(tools, "sbin/mke2fs"), "-q", "-F", "-t", "ext4", "-m", "0"]
    options = ["-O", "^has_journal,^metadata_csum", "-d", str(tree), str(disk)]
    try:
        subprocess.run([*command, *options], check=True, capture_output=True, timeout=PROGRAM_DEADLINE_S)
    except subprocess.CalledProcessError as error:
        raise DebianUnavailable(f"mke2fs failed: {error.stderr.decode(errors='replace').strip()}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise DebianUnavailable(f"mke2fs cannot be run: {error}") from error
