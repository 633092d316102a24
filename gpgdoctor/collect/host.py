"""What kind of machine this is, as far as the advice depends on it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from gpgdoctor.collect.processes import session_of, user_name
from gpgdoctor.facts import Host, Maybe, Unknown
from gpgdoctor.system import mounts
from gpgdoctor.system.caller import called_by

RELEASE, FILE_BYTES = "/etc/os-release", 1 << 14
FIRST_PROCESS, KERNEL, CONTAINER = "/proc/1/comm", "/proc/version", "/run/systemd/container"
SEATS = "/run/systemd/seats"  # logind's, and what sd_seat_get_active(3) reads
FAMILIES = ("debian", "fedora", "suse", "arch", "alpine", "nixos", "gentoo", "void")


def host(environment: Mapping[str, str], uid: int) -> Host:
    """``uid`` is the user whose GnuPG is looked at; gpgdoctor itself may run as root for that user."""
    return Host(
        system=sys.platform,
        distribution=distribution(),
        init=_init(),
        container=_container(),
        session=_session(environment),
        user=user_name(uid),
        uid=uid,
        root=os.geteuid() == 0,
        called_by=called_by(environment),
        time=round(time.time(), 2),
        hides_processes=_hides_processes(),
        session_unit=session_of("self"),
        at_seat=_at_seat(uid),
    )


def _at_seat(uid: int) -> Maybe[bool]:
    """Whether a session of this user is the active one of a seat, as logind has it: polkit's "allow_active".

    polkitd also uses it for processes below the user manager, which are in no session (sd_uid_get_display(3)).
    """
    try:
        seats = os.listdir(SEATS)
        return any(f"ACTIVE_UID={uid}" in _lines(f"{SEATS}/{seat}") for seat in seats)
    except OSError as error:
        return Unknown.because(f"{SEATS}: {error.strerror}")


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(FILE_BYTES).splitlines()


def _first_line(path: str) -> str:
    return next(iter(_lines(path)), "").strip()


def _hides_processes() -> Maybe[bool]:
    """Whether /proc is mounted so that it hides the processes of other users (hidepid in proc(5))."""
    try:
        table = [mount for mount in mounts.mounts() if (mount.point, mount.kind) == ("/proc", "proc")]
    except OSError as error:
        return Unknown.because(f"{mounts.TABLE}: {error.strerror}")
    if not table:
        return Unknown.because("/proc is no file system of its own")
    hiding = next((it[8:] for it in table[-1].options if it.startswith("hidepid=")), "off")
    return hiding not in ("0", "off")


def distribution() -> Maybe[str]:
    """The family, for the names of its packages, then the name that the system gives itself."""
    try:
        pairs = dict(line.strip().split("=", 1) for line in _lines(RELEASE) if "=" in line)
    except OSError as error:
        return Unknown.because(f"{RELEASE}: {error.strerror}")
    words = f"{pairs.get('ID', '')} {pairs.get('ID_LIKE', '')}".replace('"', "").split()
    family = next((name for word in words for name in FAMILIES if word.startswith(name)), "other")
    if "rhel" in words or "centos" in words:
        family = "fedora"
    return f"{family} {pairs.get('PRETTY_NAME', '').strip(chr(34))}".strip()


def _init() -> Maybe[str]:
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    if os.path.isdir("/run/openrc"):
        return "openrc"
    # Debian's packages install /etc/runit and /etc/sv everywhere: only the name of the first process is certain.
    try:
        first = _first_line(FIRST_PROCESS)
    except OSError as error:
        return Unknown.because(f"{FIRST_PROCESS}: {error.strerror}")
    return "runit" if first in ("runit", "runit-init") else Unknown.because("no init system that gpgdoctor knows")


def _container() -> str | None:
    for path, name in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if os.path.exists(path):
            return name
    try:
        return _first_line(CONTAINER)[:100] or _wsl()
    except OSError:
        return _wsl()


def _wsl() -> str | None:
    """WSL's kernel is built by Microsoft, whose name is in its version."""
    try:
        return "wsl" if "microsoft" in _first_line(KERNEL).lower() else None
    except OSError:
        return None


def _session(environment: Mapping[str, str]) -> str | None:
    if "SSH_CONNECTION" in environment:
        return "ssh"
    return environment.get("XDG_SESSION_TYPE")
