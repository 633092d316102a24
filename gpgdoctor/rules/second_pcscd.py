"""A second pcscd, such as a snap brings: it has the readers on USB that the system's pcscd would list."""

from __future__ import annotations

import re

from gpgdoctor.facts import Facts, Process, known_or
from gpgdoctor.rules import holding
from gpgdoctor.rules.rule import Advice, Culprit, advice
from gpgdoctor.wording import Text, pid, public, text

OF_THE_SYSTEM = (
    "/usr/sbin/",
    "/usr/bin/",
    "/sbin/",
    "/bin/",
    "/usr/libexec/",
    "/usr/local/",
    "/nix/store/",
    "/gnu/store/",
)
SNAP = re.compile(r"/snap/([a-z0-9-]{1,40})/")


def rivals(facts: Facts) -> list[Process]:
    """The pcscd that are not the system's; all of them, where which one is does not show. None where there is one."""
    running = [process for process in known_or(facts.processes, ()) if process.role == "pcscd"]
    if len(running) < 2:
        return []
    return [process for process in running if not _is_the_systems(process)] or running


def _is_the_systems(process: Process) -> bool:
    in_session = known_or(process.session, None) is not None
    return known_or(process.executable, "").startswith(OF_THE_SYSTEM) and not in_session


def culprits(facts: Facts, programs: list[Process]) -> tuple[Culprit, ...]:
    return tuple(holding.culprit(it, "likely" if len(programs) == 1 else "possible") for it in programs)


def has_it(programs: list[Process]) -> Text:
    if len(programs) == 1:
        return text("another pcscd (pid {pid}) has it", pid=pid(programs[0].pid))
    return text("another pcscd has it: {number} of them run", number=len(programs))


def stop(programs: list[Process]) -> tuple[Advice, ...]:
    """How the second one is stopped; where it does not show which it is, how to see that."""
    if len(programs) > 1:
        return (
            advice(
                "One pcscd is the system's (pcscd.service). See what the other belongs to, and stop that:",
                *(("systemctl", "status", pid(process.pid)) for process in programs),
            ),
        )
    snap = SNAP.match(known_or(programs[0].executable, ""))
    if snap:
        name = public(snap[1])
        return (
            advice(
                "{who} comes with the snap {snap}: stop it.",
                ("sudo", "snap", "stop", text("{snap}", snap=name)),
                who=holding.named(programs[0]),
                snap=name,
            ),
        )
    return (
        advice(
            "See what started {who}, and end that:",
            ("systemctl", "status", pid(programs[0].pid)),
            who=holding.named(programs[0]),
        ),
    )
