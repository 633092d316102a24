"""Programs in a sandbox, which bring a PC/SC library of their own: a pcscd of another protocol refuses them."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection

from gpgdoctor.collect.processes import program_of
from gpgdoctor.holders import known
from gpgdoctor.system import proc

# By the control group that flatpak and snapd make, and by where a program lies.
SCOPES = re.compile(r"/(?:app-flatpak-|snap\.)")
PLACES = ("/app/", "/snap/", "/var/lib/snapd/snap/", "/nix/store/")
NIXOS = "/run/current-system/nixos-version"
# Without any of these there is no sandbox of theirs, and no process is looked at.
HOMES = ("/var/lib/flatpak", "~/.local/share/flatpak", "/snap", "/var/lib/snapd/snap", "/nix/store")
INTERPRETERS = re.compile(r"python[\d.]*")
# Where an AppImage mounts itself: .mount_, the first six letters of its file's name, six of chance.
IMAGES = "/tmp/.mount_*"
IMAGE = re.compile(r"/\.mount_(\w{1,6})[^/]*")
LIBRARY = "libpcsclite"


def without_connection(connected: Collection[int]) -> bool:
    """Whether a program in a sandbox that talks to cards runs, and is none of these clients of pcscd.

    Only of programs that are for cards: a browser in a snap or a flatpak runs on many desktops, and wants none. One
    that nobody knows is for cards where it has loaded the library.
    """
    images = glob.glob(IMAGES)
    if not images and not any(os.path.exists(os.path.expanduser(home)) for home in HOMES):
        return False
    names = ((pid, proc.comm(pid)) for pid in proc.pids() if pid not in connected)
    return any(name is not None and _is_for_cards_in_a_sandbox(pid, name, images) for pid, name in names)


def _is_for_cards_in_a_sandbox(pid: int, name: str, images: list[str]) -> bool:
    if _talks_to_cards(pid, name):
        return _is_sandboxed(pid) or _is_of_an_image(name, images)
    return known(name) is None and _is_sandboxed(pid) and proc.mapped(LIBRARY, pid) is not None


def _is_of_an_image(name: str, images: list[str]) -> bool:
    """By the name alone: KeePassXC hides its executable, and an AppImage's own start script its place."""
    starts = (found.group(1).lower() for found in map(IMAGE.search, images) if found)
    return any(name.lower().startswith(start) for start in starts)


def _talks_to_cards(pid: int, name: str) -> bool:
    """By the table: what selects on a card, resets it or cuts its power does not leave that to a PKCS#11 module."""
    holder = known(program_of(pid) if INTERPRETERS.fullmatch(name) else name)
    if holder is None or any(INTERPRETERS.fullmatch(program) for program in holder.programs):
        return False
    return holder.leaves != "nothing"


def _is_sandboxed(pid: int) -> bool:
    if SCOPES.search(proc.control_groups(pid)):
        return True
    places = tuple(place for place in PLACES if place != "/nix/store/" or not os.path.exists(NIXOS))
    executable = proc.executable(pid) or ""
    return executable.startswith(places) or IMAGE.search(executable) is not None
