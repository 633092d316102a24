"""Writes the Ansible collection: as a tree that Ansible finds, or as a tarball that ansible-galaxy installs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpgdoctor import __version__

if TYPE_CHECKING:
    from importlib.abc import Traversable  # its name in every version from 3.10 to 3.13

NAMESPACE, NAME = "gpgdoctor", "fleet"
MARK = f"namespace: {NAMESPACE}\nname: {NAME}\n"  # in the galaxy.yml of a tree that was written here
VERSION_PLACE = "@VERSION@"
# What `ansible-test sanity` does not mind: each of its versions, from Debian 12's on, reads a file of its own.
ANSIBLE_VERSIONS = tuple(f"2.{minor}" for minor in range(14, 30))
NOT_MINDED = "plugins/modules/{module}.py validate-modules:missing-gplv3-license # MIT, as all of gpgdoctor\n"
MODULES = ("check", "fix", "undo")
LISTED = {"ftype": "file", "chksum_type": "sha256", "format": 1}


class Refused(Exception):
    """Something that was not written here stands in the way; the message says where."""


def version() -> str:
    """Ansible takes versions as semver.org has them: of 1.2.0.dev3 the first three numbers, and the rest behind."""
    numbers, rest = re.fullmatch(r"(\d+\.\d+\.\d+)[.+-]?(.*)", __version__).groups()  # type: ignore[union-attr]
    return f"{numbers}-{rest}" if rest else numbers


def write_tree(directory: str) -> str:
    """Write it below ``directory``/ansible_collections, for ANSIBLE_COLLECTIONS_PATH; returns where it is.

    A tree that was written before is replaced as a whole. Raises Refused and OSError.
    """
    parent = Path(directory, "ansible_collections", NAMESPACE)
    target = parent / NAME
    parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or (target.exists() and not _is_ours(target)):
        raise Refused(f"{target}: there is something that gpgdoctor did not write")
    with tempfile.TemporaryDirectory(prefix=".new-", dir=parent) as scratch:
        new = Path(scratch, NAME)
        for name, content in _contents():
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if target.exists():
            target.rename(Path(scratch, "old"))
        new.rename(target)
    return str(target)


def _is_ours(target: Path) -> bool:
    try:
        with (target / "galaxy.yml").open(encoding="utf-8", errors="replace") as described:
            return MARK in described.read(4096)
    except OSError:
        return False


def write_archive(directory: str) -> str:
    """Write the tarball into ``directory``; returns its path. The same bytes each time. Raises OSError."""
    contents = {name: content for name, content in _contents() if name != "galaxy.yml"}
    listing = _json({"files": [*_directories(contents), *map(_listed, contents.items())], "format": 1})
    members = {"MANIFEST.json": _manifest(listing), "FILES.json": listing, **contents}
    path = Path(directory, f"{NAMESPACE}-{NAME}-{version()}.tar.gz")
    Path(directory).mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=directory)
    try:
        with open(descriptor, "wb") as file:
            file.write(_tarball(members))
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    return str(path)


def _contents() -> Iterator[tuple[str, bytes]]:
    """Every file of the collection, by its path in it, in a stable order."""
    root = files("gpgdoctor.fleet").joinpath("collection")
    packaged = {name: item.read_bytes() for name, item in _below(root, "")}
    packaged["galaxy.yml"] = packaged["galaxy.yml"].replace(VERSION_PLACE.encode(), version().encode())
    not_minded = "".join(NOT_MINDED.format(module=module) for module in MODULES).encode()
    sanity = {f"tests/sanity/ignore-{ansible}.txt": not_minded for ansible in ANSIBLE_VERSIONS}
    yield from sorted({**packaged, **sanity}.items())


def _below(directory: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for item in directory.iterdir():
        if item.name == "__pycache__" or item.name.endswith(".pyc"):
            continue
        if item.is_dir():
            yield from _below(item, f"{prefix}{item.name}/")
        else:
            yield f"{prefix}{item.name}", item


def _folders(contents: dict[str, bytes]) -> list[str]:
    return sorted({parent.as_posix() for name in contents for parent in Path(name).parents})


def _directories(contents: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    for name in _folders(contents):
        yield {"name": name, "ftype": "dir", "chksum_type": None, "chksum_sha256": None, "format": 1}


def _listed(item: tuple[str, bytes]) -> dict[str, Any]:
    name, content = item
    return {"name": name, "chksum_sha256": hashlib.sha256(content).hexdigest(), **LISTED}


def _manifest(listing: bytes) -> bytes:
    about: dict[str, Any] = {
        "namespace": NAMESPACE,
        "name": NAME,
        "version": version(),
        "authors": ["The gpgdoctor authors"],
        "readme": "README.md",
        "tags": ["security", "linux", "gnupg", "smartcard"],
        "description": "Finds out why GnuPG's scdaemon cannot reach a smart card, on many machines",
        "license": ["MIT"],
        "license_file": None,
        "dependencies": {},
        "repository": None,
        "documentation": None,
        "homepage": None,
        "issues": None,
    }
    file = {"name": "FILES.json", "chksum_sha256": hashlib.sha256(listing).hexdigest(), **LISTED}
    return _json({"collection_info": about, "file_manifest_file": file, "format": 1})


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _tarball(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        for name in _folders(members):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
