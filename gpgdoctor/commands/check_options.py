"""What a check is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpgdoctor.system.record import Record

if TYPE_CHECKING:
    from gpgdoctor.rules.rule import Severity


class CheckOptions(Record):
    homedir: str | None = None
    format: str = "text"
    fail_on: Severity = "warning"
    ignore: tuple[str, ...] = ()
    probe: bool = True
    wake: bool = False
    timeout_s: float = 5.0
    save: str | None = None
    replay: str | None = None
    redact: bool = True
    verbose: bool = False
    quiet: bool = False
    picture: bool = True


FLAGS: dict[str, dict[str, Any]] = {
    "--json": {"format": "json"},
    "--no-probe": {"probe": False},
    "--wake": {"wake": True},
    "-v": {"verbose": True},
    "--verbose": {"verbose": True},
    "-q": {"quiet": True},
    "--quiet": {"quiet": True},
    "--no-picture": {"picture": False},
}


def with_flags(arguments: list[str]) -> CheckOptions | None:
    """The options of a check that is asked for by flags alone, as most are; None where typer must read them.

    To import typer takes a third of such a check.
    """
    chosen: dict[str, Any] = {}
    for argument in arguments:
        if argument not in FLAGS:
            return None
        chosen.update(FLAGS[argument])
    return CheckOptions(**chosen)
