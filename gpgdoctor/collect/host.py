"""What kind of machine this is, as far as it decides what to advise."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping

from gpgdoctor.collect.processes import user_name
from gpgdoctor.facts import Host, Maybe, Unknown
from gpgdoctor.system.caller import called_by

RELEASE_BYTES = 1 << 14
FIRST_PROCESS = "/proc/1/comm"
FAMILIES = ("debian", "fedora", "suse", "arch", "alpine", "nixos", "gentoo", "void")


def host(environment: Mapping[str, str], uid: int) -> Host:
    """``uid`` is the user whose GnuPG is looked at; gpgdoctor itself may run as root for her."""
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
    )


def distribution() -> Maybe[str]:
    """The family, whose package names are known, then what the system calls itself."""
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            pairs = dict(line.strip().split("=", 1) for line in file.read(RELEASE_BYTES).splitlines() if "=" in line)
    except OSError as error:
        return Unknown.because(f"/etc/os-release: {error.strerror}")
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
    # Debian's packages bring /etc/runit and /etc/sv for those who want them: only the first process tells.
    try:
        with open(FIRST_PROCESS, encoding="utf-8", errors="replace") as file:
            first = file.read(100).strip()
    except OSError as error:
        return Unknown.because(f"{FIRST_PROCESS}: {error.strerror}")
    return "runit" if first in ("runit", "runit-init") else Unknown.because("no init system that gpgdoctor knows")


def _container() -> str | None:
    for path, name in (("/run/.containerenv", "podman"), ("/.dockerenv", "docker")):
        if os.path.exists(path):
            return name
    try:
        with open("/run/systemd/container", encoding="utf-8", errors="replace") as file:
            return file.read(100).strip() or None
    except OSError:
        return None


def _session(environment: Mapping[str, str]) -> str | None:
    if "SSH_CONNECTION" in environment:
        return "ssh"
    return environment.get("XDG_SESSION_TYPE")
