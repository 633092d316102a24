"""Documents of `check` over literal machines, and over every recorded snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.redact.redact import redact
from gpgdoctor.report.json import document
from gpgdoctor.report.markdown import render
from gpgdoctor.report.style import Style
from gpgdoctor.snapshot import decode, encode
from tests.support.build import (
    CONF,
    EXCLUSIVE,
    IN_USE,
    NITROKEY,
    RUNNING,
    SHARING,
    SYSTEM_CONF,
    client,
    machine,
    reader,
    with_file,
    without_pcscd,
)

SNAPSHOTS = Path(__file__).resolve().parents[2] / "fixtures" / "snapshots"

FIREFOX = client("firefox", executable="/usr/lib/firefox/firefox")
MACHINES = {
    "healthy": machine(),
    "holds": machine(readers=(EXCLUSIVE,), running=RUNNING, clients=(FIREFOX,)),
    "shared": machine(readers=(IN_USE, reader("EMPTY", name=NITROKEY)), clients=(FIREFOX,)),
    "sharing": machine(conf=SHARING, readers=(IN_USE,), running=RUNNING, clients=(FIREFOX, client("ykman", 801))),
    "newer": machine(version="2.4.7", readers=(IN_USE,), clients=(FIREFOX, client("pcsc_scan", 802))),
    "mistakes": machine(conf="disable-cc\npcsc-shared # note\nreader-port = X\ndebug-level loud\nfoo bar\n"),
    "fatal": machine(version="2.4.7", conf="disable-cc\n[oops]\ncard-timeout 5\n", agent_conf="disable-scdaemon\n"),
    "voided": machine(
        conf="reader-port A\npcsc-shared\n", system_conf="[force]\nreader-port B\n[ignore]\npcsc-shared\n"
    ),
    "unreadable": with_file(machine(conf=""), CONF, status="unreadable", detail="Permission denied"),
    "dangling": with_file(machine(), CONF, detail="a symbolic link to /home/alice/gone/x y, which does not exist"),
    "managed": with_file(machine(conf=""), CONF, target="/home/alice/dots/scdaemon.conf", manager="chezmoi"),
    "foreign": with_file(machine(system_conf=SHARING, readers=(IN_USE,)), SYSTEM_CONF, owner=0),
    "empty": machine(readers=(reader("EMPTY"),)),
    "no pcscd": without_pcscd(conf="disable-ccid\n"),
    "blind": machine(readers=Unknown.because("pcscd does not answer"), usb=Unknown.because("/sys is not mounted")),
}


def checked(facts: Facts) -> dict[str, Any]:
    """What `check --json` prints for it."""
    return document(diagnose(facts), 0.25)


def redacted(facts: Facts, hosts: tuple[str, ...] = ()) -> dict[str, Any]:
    """What --save writes of it."""
    diagnosis, ledger = redact(diagnose(facts), hosts)
    return {**document(diagnosis, 0.25), "redacted": ledger}


def again(document: dict[str, Any], hosts: tuple[str, ...] = ()) -> dict[str, Any]:
    """What --save writes where a document is replayed."""
    return redacted(decode(document["facts"]), hosts)


def recorded() -> dict[str, dict[str, Any]]:
    """Every snapshot that is a file of its own."""
    paths = sorted(path for path in SNAPSHOTS.glob("*.json") if not path.is_symlink())
    return {path.stem: json.loads(path.read_text()) for path in paths}


DOCUMENTS = {
    **{name: checked(facts) for name, facts in MACHINES.items()},
    **{name: checked(decode(snapshot["facts"])) for name, snapshot in recorded().items()},
}


def outline(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """What was found, and how each check came out."""
    checks = [(check["id"], check["status"]) for check in document["checks"]]
    return checks + [(finding["id"], finding["severity"]) for finding in document["findings"]]


def outlined(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """The same, of its facts as they are judged now."""
    return outline(checked(decode(document["facts"])))


def written(path: Path, facts: Facts) -> str:
    """The path, with a snapshot of these facts in it, as --replay takes it."""
    path.write_text(json.dumps({"schema_version": "1.0", "facts": encode(facts)}))
    return str(path)


def reported(facts: Facts, hosts: tuple[str, ...] = (), encoding: str = "utf-8") -> str:
    """What `report` prints of it."""
    return render(*redact(diagnose(facts), hosts), Style(encoding=encoding))
