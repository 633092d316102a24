"""A tally as plain values, in the order of the report: the JSON of `fleet report`, and the source of other forms."""

from __future__ import annotations

from typing import Any

from gpgdoctor import __version__
from gpgdoctor.fleet.looks import SEVERITIES
from gpgdoctor.fleet.tally import Group, Table, Tally, worst
from gpgdoctor.system.escape import printable

SCHEMA_VERSION = "1.0"
LABEL_LIMIT = 300

Picture = dict[str, Any]


def picture(tally: Tally) -> Picture:
    """Everything, with every host by name."""
    return {
        "schema_version": SCHEMA_VERSION,
        "gpgdoctor": __version__,
        "hosts": tally.hosts,
        "documents": tally.documents,
        "verdicts": dict(tally.verdicts),
        "findings": _findings(tally),
        "programs": _programs(tally),
        "versions": {
            "gnupg": _versions(tally.gnupg),
            "pcsc-lite": _versions(tally.pcsclite),
            "distribution": _versions(tally.distributions),
        },
        "cures": _cures(tally),
        "not_looked_at": {
            "hosts": [_named(host, reason) for host, reason in sorted(tally.failures)],
            "checks": _unchecked(tally),
            "users_left_out": tally.users_left_out,
        },
        "damaged": [{"file": printable(name, LABEL_LIMIT), "reason": reason} for name, reason in sorted(tally.damaged)],
        "left_out": _left_out(tally),
    }


def _findings(tally: Tally) -> list[Picture]:
    rows = [
        {
            "id": id,
            "name": group.name,
            "title": group.title,
            "severity": worst(group),
            "severities": {severity: len(hosts) for severity, hosts in sorted(group.severities.items())},
            "programs": sorted(group.programs),
            **_hosts(group),
        }
        for id, group in tally.findings.groups.items()
    ]
    return sorted(rows, key=lambda row: (-SEVERITIES.index(row["severity"]), -len(row["hosts"]), row["id"]))


def _programs(tally: Tally) -> list[Picture]:
    rows = [
        {"program": name, "certainty": group.certainty, "findings": sorted(group.findings), **_hosts(group)}
        for name, group in tally.programs.groups.items()
    ]
    return sorted(rows, key=lambda row: (-len(row["hosts"]), row["program"]))


def _versions(table: Table[str, Group]) -> list[Picture]:
    rows = [{"version": version, **_hosts(group)} for version, group in table.groups.items()]
    return sorted(rows, key=lambda row: (-len(row["hosts"]), row["version"]))


def _cures(tally: Tally) -> list[Picture]:
    rows = [
        {
            "findings": sorted(group.findings),
            "applicability": group.applicability,
            "steps": [] if group.applicability == "manual" else [step for step in steps if step not in group.findings],
            "whole": len(group.whole),
            **_hosts(group),
        }
        for steps, group in tally.cures.groups.items()
    ]
    return sorted(rows, key=lambda row: (row["applicability"] == "manual", -len(row["hosts"]), row["findings"]))


def _unchecked(tally: Tally) -> list[Picture]:
    rows = [
        {"id": id, "name": group.name, "reasons": sorted(group.reasons), **_hosts(group)}
        for id, group in tally.unchecked.groups.items()
    ]
    return sorted(rows, key=lambda row: (-len(row["hosts"]), row["id"]))


def _hosts(group: Group) -> Picture:
    """``users`` are named with their host: user1 of one machine is not user1 of another."""
    names = sorted(group.hosts)
    users = {printable(host, LABEL_LIMIT): sorted(group.hosts[host]) for host in names if group.hosts[host]}
    return {"hosts": [printable(host, LABEL_LIMIT) for host in names], **({"users": users} if users else {})}


def _named(host: str, reason: str) -> Picture:
    return {"host": printable(host, LABEL_LIMIT), "reason": reason}


def _left_out(tally: Tally) -> int:
    """Mentions of programs, versions and cures beyond the limit of how many different ones are kept."""
    tables: list[Table[Any, Any]] = [tally.findings, tally.programs, tally.cures, tally.unchecked, tally.gnupg]
    return sum(table.left_out for table in [*tables, tally.pcsclite, tally.distributions])
