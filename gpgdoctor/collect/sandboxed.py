"""Programs in a sandbox, which bring a PC/SC library of their own: a pcscd of another protocol refuses them."""

from __future__ import annotations

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


def without_connection(connected: Collection[int]) -> bool:
    """Whether a program in a sandbox that talks to cards runs, and is none of these clients of pcscd.

    Only of programs that are for cards: a browser in a snap or a flatpak runs on many desktops, and wants none.
    """
    if not any(os.path.exists(os.path.expanduser(home)) for home in HOMES):
        return False
    names = ((pid, proc.comm(pid)) for pid in proc.pids() if pid not in connected)
    return any(name is not None and _talks_to_cards(pid, name) and _is_sandboxed(pid) for pid, name in names)


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
    return (proc.executable(pid) or "").startswith(places)
