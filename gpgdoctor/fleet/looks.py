"""What the report needs from one document: checked, bounded, and judged here where it was not judged yet.

A document may come from anybody: nothing in it is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gpgdoctor.fleet.envelopes import (
    ITEMS_LIMIT,
    Failure,
    accounts_without,
    documents,
    failed,
    items,
    text,
    why,
)
from gpgdoctor.fleet.sources import Damaged

ID = re.compile(r"GD\d{3}")
SEVERITIES = ("info", "warning", "error")
CERTAINTIES = ("possible", "likely", "certain")
VERDICTS = ("healthy", "incomplete", "findings", "error")
APPLICABILITIES = ("safe", "costly", "manual")
MAJOR_VERSION = "1"

# Findings about a program that has the reader, or comes between: whose culprits hold.
HOLDING = re.compile(r"GD2\d\d|GD311|GD602")

FINDINGS_LIMIT = 500
CHECKS_LIMIT = 5000
FACTS_LIST_LIMIT = 2000  # of facts that are judged here: rules compare items with each other
# What redaction puts in the place of something private: the same alias on another machine is something else.
ALIAS = re.compile(
    r"\b(?:user|host|serial|value|path|key|short_key|address|mail|account|aid|number|url|uid)\d+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cure:
    applicability: str
    steps: tuple[str, ...]  # what is changed, in words that are the same on every machine; () where a person acts


@dataclass(frozen=True, slots=True)
class Found:
    id: str
    name: str
    title: str
    severity: str
    cause: str | None  # the finding that this one follows from
    programs: tuple[tuple[str, str], ...]  # with how certain it is
    cure: Cure | None
    users: tuple[str, ...] = ()

    @property
    def counts(self) -> bool:
        return self.severity != "info"


@dataclass(frozen=True, slots=True)
class Look:
    """One document."""

    verdict: str
    findings: tuple[Found, ...]
    unchecked: tuple[tuple[str, str, str], ...]  # id and name of a check, and why it could not be made
    gnupg: tuple[str, ...]
    pcsclite: str
    distribution: str
    users: tuple[str, ...] = ()


def looks(content: Any) -> list[Look | Failure]:
    """The documents in one file: of check, --save and hooks, in Ansible's results and facts; raises Damaged."""
    found = [*map(_look, documents(content)), *accounts_without(content)]
    if not found:
        raise Damaged("no document of gpgdoctor in it")
    return found


def _look(document: Any) -> Look | Failure:
    if not isinstance(document, dict):
        raise Damaged("not a document of gpgdoctor")
    if "schema_version" not in document and failed(document):
        return Failure(why(document))
    version = document.get("schema_version")
    if not isinstance(version, str) or "facts" not in document:
        raise Damaged("not a document of gpgdoctor")
    if version.partition(".")[0] != MAJOR_VERSION:
        raise Damaged(f"schema version {text(version)}; this gpgdoctor reads {MAJOR_VERSION}")
    if not {"findings", "checks", "verdict"} <= document.keys():
        document = {**document, **_judged(document["facts"])}
    return _as_look(document)


def _judged(facts: Any) -> dict[str, Any]:
    """A snapshot that holds facts alone."""
    from gpgdoctor.diagnosis import diagnose
    from gpgdoctor.report.json import document as document_of
    from gpgdoctor.snapshot import BadSnapshot, decode

    if _longest_list(facts) > FACTS_LIST_LIMIT:
        raise Damaged(f"a list in its facts has more than {FACTS_LIST_LIMIT} items")
    try:
        judged = document_of(diagnose(decode(facts)), 0)
    except BadSnapshot as error:
        raise Damaged(text(str(error))) from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Facts that no machine has, of the right types: no reason to leave the other machines out.
        raise Damaged("its facts cannot be judged") from error
    return {name: judged[name] for name in ("findings", "checks", "verdict")}


def _longest_list(value: Any) -> int:
    longest, todo = 0, [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            longest = max(longest, len(item))
            todo += item
    return longest


def _as_look(document: dict[str, Any]) -> Look:
    facts = document["facts"]
    users = [entry for entry in items(document.get("users"), ITEMS_LIMIT) if isinstance(entry, dict)]
    own = [entry.get("facts") for entry in users] or [facts]
    account = document.get("account")
    accounts = [account] if isinstance(account, str) else [entry.get("user") for entry in users]
    return Look(
        verdict=_one_of(document["verdict"], VERDICTS, "verdict"),
        findings=tuple(map(_finding, _required(document["findings"], "findings", FINDINGS_LIMIT))),
        unchecked=tuple(_unchecked(_required(document["checks"], "checks", CHECKS_LIMIT))),
        gnupg=tuple(dict.fromkeys(_version(it, "gnupg", "scdaemon_version") for it in own)),
        pcsclite=_version(facts, "pcscd", "version"),
        distribution=_distribution(_version(facts, "host", "distribution")),
        users=tuple(dict.fromkeys(text(account, "a user") for account in accounts)),
    )


def _finding(item: Any) -> Found:
    if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not ID.fullmatch(item["id"]):
        raise Damaged("a finding in it has no id")
    cause = item.get("consequence_of")
    ignored = item.get("ignored") is True
    severity = _one_of(item.get("severity"), SEVERITIES, f"severity of {item['id']}")
    return Found(
        id=item["id"],
        name=text(item.get("name")),
        title=text(item.get("title")),
        severity="info" if ignored else severity,
        cause=cause if isinstance(cause, str) and ID.fullmatch(cause) else None,
        programs=tuple(_programs(item.get("culprits"))),
        cure=_cure(item.get("fix")),
        users=tuple(text(user) for user in items(item.get("users"), ITEMS_LIMIT)),
    )


def _programs(culprits: Any) -> Iterator[tuple[str, str]]:
    """Each program once, with the most that is known of it."""
    found: dict[str, str] = {}
    for culprit in items(culprits, ITEMS_LIMIT):
        if isinstance(culprit, dict) and culprit.get("certainty") in CERTAINTIES:
            program = text(culprit.get("program"))
            found[program] = max(found.get(program, CERTAINTIES[0]), culprit["certainty"], key=CERTAINTIES.index)
    yield from found.items()


def _cure(fix: Any) -> Cure | None:
    if not isinstance(fix, dict) or fix.get("applicability") not in APPLICABILITIES:
        return None
    steps = _steps(fix.get("steps")) if fix["applicability"] != "manual" else ()
    return Cure(fix["applicability"], tuple(dict.fromkeys(steps)))


def _steps(steps: Any) -> Iterator[str]:
    for step in items(steps, ITEMS_LIMIT):
        if not isinstance(step, dict):
            continue
        if step.get("kind") == "edit":
            yield from _edits(step)
        elif step.get("kind") == "restart":
            yield f"restart {text(step.get('target'))}"


def _edits(step: dict[str, Any]) -> Iterator[str]:
    """The lines of a diff that change, with the file's name: where it lies differs from home to home."""
    file = text(str(step.get("path")).rpartition("/")[2])
    lines = str(step.get("diff"))[: 1 << 16].split("\n")
    changed = [line for line in lines if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]
    for line in changed[:ITEMS_LIMIT]:
        yield f"{file}: {line[0]}{text(line[1:].strip())}"


def _unchecked(checks: list[Any]) -> Iterator[tuple[str, str, str]]:
    for check in checks:
        if not isinstance(check, dict):
            raise Damaged("one of its checks is malformed")
        id = check.get("id")
        if check.get("status") == "unknown" and isinstance(id, str) and ID.fullmatch(id):
            yield id, text(check.get("name")), text(check.get("reason"), "no reason given")


def _version(facts: Any, area: str, name: str) -> str:
    """A version, or why it is not known."""
    value = facts.get(area) if isinstance(facts, dict) else None
    if isinstance(value, dict) and set(value) != {"unknown"}:
        value = value.get(name)
        if value is None:
            return "none"
    return text(value, "unknown") or "unknown"


def _distribution(name: str) -> str:
    """Without the short name that stands before the long one."""
    first, _, rest = name.partition(" ")
    return rest if rest and first.islower() else name


def _one_of(value: Any, choices: tuple[str, ...], what: str) -> str:
    if value not in choices:
        raise Damaged(f"its {what} is not one of {', '.join(choices)}")
    return str(value)


def _required(value: Any, name: str, limit: int) -> list[Any]:
    if not isinstance(value, list):
        raise Damaged(f"its {name} are not a list")
    if len(value) > limit:
        raise Damaged(f"it has more than {limit} {name}")
    return value
