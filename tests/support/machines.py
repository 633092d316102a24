"""Facts and findings as literals, for tests of what is decided without a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import Cost, Cure, Found, Severity, Subject
from gpgdoctor.snapshot import decode
from gpgdoctor.wording import public, text

HOME = "/home/alice/.gnupg"
CONF = f"{HOME}/scdaemon.conf"
UID = 1000
READER = "Yubico YubiKey 00 00"
OPTIONS = ("disable-ccid", "pcsc-shared", "reader-port", "log-file", "verbose")
AGENT = {"pid": 5, "program": "gpg-agent", "role": "gpg-agent", "uid": UID, "user": "alice"}
SCDAEMON = {"pid": 6, "program": "scdaemon", "role": "scdaemon", "uid": UID, "user": "alice"}
RUNNING = {"pid": 6, "version": "2.2.40", "cards": []}


def machine(
    *,
    file: dict[str, Any] | None = None,
    readers: Sequence[str] = ("PRESENT",),
    daemons: Sequence[dict[str, Any]] = (AGENT, SCDAEMON),
    homedir: str = HOME,
    **gnupg: Any,
) -> Facts:
    """A machine with a card, a gpg-agent and a scdaemon that was refused; ``file`` is the user's scdaemon.conf."""
    roles = {daemon["role"] for daemon in daemons}
    conf = {"path": f"{homedir}/scdaemon.conf", "program": "scdaemon", "scope": "user", "status": "absent"}
    known = {
        "homedir": homedir,
        "home_is_default": homedir == HOME,
        "socketdir": "/run/user/1000/gnupg",
        "scdaemon": "/usr/lib/gnupg/scdaemon",
        "scdaemon_version": "2.2.40",
        "scdaemon_options": list(OPTIONS),
        **({"agent_listener": "gpg-agent"} if "gpg-agent" in roles else {}),
        **({"running": RUNNING} if "scdaemon" in roles else {}),
        **gnupg,
    }
    return decode(
        {
            "gnupg": known,
            "configuration": {"files": [{**conf, **(file or {})}], "in_force": [], "agent_in_force": []},
            "processes": list(daemons),
            "pcscd": {"listener": "pcscd"},
            "readers": [{"name": READER, "state": states.split(), "probe": "not-needed"} for states in readers],
            "usb": [],
            "host": {"uid": UID, "user": "alice"},
        }
    )


def finding(id: str, cure: Cure | None, *, severity: Severity = "error", subject: str | None = READER) -> Finding:
    return Finding(
        rule=catalogue()[id],
        about=Subject(name=text("{about}", about=public(subject)) if subject else None, is_reader=subject == READER),
        found=Found(severity=severity, summary=text("It is so."), because=(), cure=cure),
        because=(),
    )


def diagnosed(facts: Facts, *findings: Finding) -> Diagnosis:
    return Diagnosis(facts=facts, findings=findings, checks=(), verdict="findings", complete=True, fail_on="warning")


SHARE = Cure(applicability="costly", costs=(Cost.ASKS_PIN,), options=("disable-ccid", "pcsc-shared"), restart=True)
BY_HAND = Cure(applicability="manual")
