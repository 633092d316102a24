"""Unpacks documents from Ansible's results, facts and lists, and finds hosts that gave none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gpgdoctor.fleet.sources import Damaged
from gpgdoctor.system.escape import printable

DOCUMENTS_LIMIT = 500  # of the users of one host
ITEMS_LIMIT = 100
USERS_LIMIT = 1_000_000
TEXT_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Failure:
    """A host that was asked and gave no document."""

    reason: str


def documents(content: Any) -> list[Any]:
    """The documents in the content of a file, or what stands in their place; raises Damaged."""
    if isinstance(content, list):
        found = content
    elif isinstance(content, dict) and isinstance(content.get("documents"), list):
        found = content["documents"]
        if not found and failed(content):
            found = [content]
    else:
        found = [_in_local_facts(content)]
    if len(found) > DOCUMENTS_LIMIT:
        raise Damaged(f"more than {DOCUMENTS_LIMIT} documents in one file")
    return found


def accounts_without(content: Any) -> Iterator[Failure]:
    """Accounts of a host of which the module check brought no document."""
    if isinstance(content, dict) and content.get("documents"):
        for entry in items(content.get("not_looked_at"), ITEMS_LIMIT):
            if isinstance(entry, dict):
                yield Failure(f"{text(entry.get('account'))}: {text(entry.get('reason'), 'no reason given')}")


def left_out(content: Any) -> int:
    """How many users or accounts a host has that were not looked for."""
    names = ("users_left_out", "accounts_left_out")
    numbers = [content.get(name) for name in names] if isinstance(content, dict) else []
    return sum(number for number in numbers if type(number) is int and 0 < number < USERS_LIMIT)


def _in_local_facts(content: Any) -> Any:
    """What Ansible's setup module wrapped around the hook's document."""
    inner = content
    for key in ("ansible_facts", "ansible_local", "gpgdoctor"):
        if not (isinstance(inner, dict) and key in inner and "schema_version" not in inner):
            return content
        inner = inner[key]
    return inner


def failed(content: dict[str, Any]) -> bool:
    """Whether this is a failed result of Ansible; what `ansible --tree` writes of one has only a message."""
    failed_itself = isinstance(content.get("msg"), str) and "changed" in content
    return failed_itself or content.get("failed") is True or content.get("unreachable") is True


def why(result: dict[str, Any]) -> str:
    """Ansible's message; what the host said where that went wrong before the module ran."""
    said = (result.get(name) for name in ("msg", "module_stderr", "module_stdout"))
    first = [it.strip().splitlines()[0] for it in said if isinstance(it, str) and it.strip()]
    kind = "unreachable" if result.get("unreachable") is True else "failed"
    return f"{kind}: {'; '.join(map(text, first)) or 'no reason given'}"


def items(value: Any, limit: int) -> list[Any]:
    """As many as are looked at; none where it is no list."""
    return value[:limit] if isinstance(value, list) else []


def text(value: Any, otherwise: str = "") -> str:
    """A text from a document, on one line and not too long; ``otherwise`` where it is none."""
    return printable(value, TEXT_LIMIT) if isinstance(value, str) else otherwise
