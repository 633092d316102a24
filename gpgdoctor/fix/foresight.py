"""What a fix would do, as of one look: the diagnosis, the plan, and every byte of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.fix import journal
from gpgdoctor.fix.prepare import Prepared, Tables, prepare
from gpgdoctor.fix.restart import Running, running
from gpgdoctor.fix.verify import look
from gpgdoctor.plan.plan import Plan, plan
from gpgdoctor.system import locking


@dataclass(frozen=True, slots=True, kw_only=True)
class FixOptions:
    ids: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False
    json: bool = False
    homedir: str | None = None
    keep_agent: bool = False
    verify: bool = True

    def confirmed(self) -> str:
        """The command line that does what this one plans."""
        home = ("--homedir", self.homedir) if self.homedir else ()
        switches = (*(("--keep-agent",) if self.keep_agent else ()), *(() if self.verify else ("--no-verify",)))
        return shlex.join(("gpgdoctor", "fix", "--yes", *self.ids, *home, *switches))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    diagnosis: Diagnosis
    plan: Plan
    prepared: tuple[Prepared, ...]
    running: Running
    tables: Tables
    changes: int  # so many runs had changed something before the look
    note: str | None


def foresee(options: FixOptions) -> Prospect:
    """Look, and plan. Nothing is changed by it. Raises Drifted where a file changes at the same time."""
    changes = locking.changes_so_far(journal.location())
    diagnosis = look(options.homedir)
    facts = diagnosis.facts
    now, tables = running(facts), Tables(facts)
    planned = plan(diagnosis, options.ids, keep_agent=options.keep_agent)
    note = _loses_options(planned, now)
    keep_agent = options.keep_agent or note is not None
    planned = plan(diagnosis, options.ids, keep_agent=keep_agent) if note else planned
    preparation = prepare(facts, planned, tables)
    if preparation.obstacles:
        planned = plan(diagnosis, options.ids, keep_agent=keep_agent, found_obstacles=preparation.obstacles)
        preparation = prepare(facts, planned, tables)
    return Prospect(
        diagnosis=diagnosis,
        plan=preparation.shown_in(planned),
        prepared=preparation.prepared,
        running=now,
        tables=tables,
        changes=changes,
        note=note,
    )


def _loses_options(planned: Plan, now: Running) -> str | None:
    """Why gpg-agent is not restarted although that would be the usual way."""
    if planned.restart is None or planned.restart.target != "gpg-agent" or not now.loses_options:
        return None
    return (
        f"gpg-agent was started with options that are not in gpg-agent.conf ({', '.join(now.own_options)}) "
        "and would lose them: scdaemon alone is restarted."
    )
