"""Events as JSON, one object a line, ASCII, with sorted keys."""

from __future__ import annotations

import json
from typing import Any

from gpgdoctor.instruments.trace.events import Call, Ended, Event, Held, NoService, NotUnderstood, Repeated, Waiting
from gpgdoctor.pcsc import names


def line(event: Event) -> str:
    """Times are seconds since the trace began; codes are as in text, with and without their names."""
    return dumped(
        {
            "t": round(event.at_s, 6),
            "event": _KINDS[type(event)],
            "connection": event.connection,
            "pid": event.client.pid,
            "program": event.client.program,
            **_details(event),
        }
    )


def dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=True, sort_keys=True)


_KINDS: dict[type[Any], str] = {
    Call: "call",
    Waiting: "waiting",
    Repeated: "repeated",
    Ended: "ended",
    NotUnderstood: "not-understood",
    NoService: "no-service",
}


def _details(event: Event) -> dict[str, Any]:
    if isinstance(event, Call):
        return {
            "call": event.name,
            "arguments": _arguments(event.arguments),
            "readers": _readers(event.held) if event.tells_readers else None,
            "code": None if event.code is None else names.hexadecimal(event.code),
            "result": None if event.code is None else names.code_name(event.code),
            "remark": event.remark,
            "reader": event.reader,
            "seconds": round(event.seconds, 6),
        }
    if isinstance(event, Waiting):
        return {
            "call": event.name,
            "arguments": _arguments(event.arguments),
            "readers": _readers(event.held) if event.for_change else None,
            "reader": event.reader,
            "seconds": round(event.seconds, 6),
            "for_change": event.for_change,
        }
    if isinstance(event, Repeated):
        return {"call": event.name, "times": event.times, "until": round(event.until_s, 6)}
    if isinstance(event, Ended):
        return {
            "by_pcscd": event.by_pcscd,
            "unanswered": list(event.unanswered),
            "left": [
                {"reader": reader, "share": names.constant(names.SHARE_MODES, share), "in_transaction": in_transaction}
                for reader, share, in_transaction in event.left
            ],
        }
    return {"reason": event.reason} if isinstance(event, NoService) else {}


def _readers(held: tuple[Held, ...]) -> list[dict[str, Any]]:
    """``connections`` as pcscd counts them, -1 exclusive."""
    return [{"name": it.name, "connections": it.sharing, "card": it.has_card} for it in held]


def _arguments(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """By name; what has no name is a list under "shown"."""
    named = {name: value for name, value in pairs if name}
    unnamed = [value for name, value in pairs if not name]
    return {**named, **({"shown": unnamed} if unnamed else {})}
