"""What is to be done, from one look: the diagnosis, and the plan with the exact bytes of each change."""

from __future__ import annotations

import os
import shlex

from gpgdoctor.diagnosis import Diagnosis
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix import files
from gpgdoctor.fix.looking import LOOK_DEADLINE_S, look_with_files
from gpgdoctor.fix.restart import Running, running
from gpgdoctor.plan.plan import Contents, Edit, Plan, plan
from gpgdoctor.plan.restarts import restart
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record, replace

TABLE_DEADLINE_S = 5.0
MAY_BE_WRITTEN = ("regular", "absent")


class FixOptions(Record):
    ids: tuple[str, ...] = ()
    yes: bool = False
    dry_run: bool = False
    json: bool = False
    homedir: str | None = None
    keep_agent: bool = False
    verify: bool = True
    timeout_s: float = LOOK_DEADLINE_S  # of each look at the machine

    def confirmed(self) -> str:
        """The command line that applies what this one shows."""
        home = ("--homedir", self.homedir) if self.homedir else ()
        time = ("--timeout", f"{self.timeout_s:g}") if self.timeout_s != LOOK_DEADLINE_S else ()
        switches = (*(("--keep-agent",) if self.keep_agent else ()), *(() if self.verify else ("--no-verify",)))
        return shlex.join(("gpgdoctor", "fix", "--yes", *self.ids, *home, *time, *switches))


class Work(Record):
    """Everything that a fix works with."""

    diagnosis: Diagnosis
    plan: Plan
    running: Running
    tables: Tables
    note: str | None = None


class Tables:
    """The options that each program knows, as it lists them itself."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[str, OptionTable] = {"common": COMMON_OPTIONS}

    def of(self, program: str) -> OptionTable:
        if program not in self._known:
            self._known[program] = self._ask(program)
        return self._known[program]

    def _ask(self, program: str) -> OptionTable:
        path = known_or(self._facts.gnupg.scdaemon, None)
        if program == "gpg-agent":
            path = os.path.join(os.path.dirname(known_or(self._facts.gnupg.gpgconf, None) or ""), program)
        try:
            return parse_option_table(run([path or program, "--dump-option-table"], Deadline(TABLE_DEADLINE_S)).stdout)
        except CommandFailed:
            return OptionTable(options=())


def work_out(options: FixOptions) -> Work:
    """Look, and plan; changes nothing. Raises Drifted where a file changes at the same time."""
    diagnosis, sources = look_with_files(options.homedir, options.timeout_s)
    facts = diagnosis.facts
    now, tables = running(facts), Tables(facts)
    there = {path: source.content for path, source in sources.items() if source.file.status != "absent"}
    planned = plan(
        diagnosis,
        options.ids,
        keep_agent=options.keep_agent or now.loses_options,
        contents=Contents(bytes_of=there, table_of=tables.of),
        found_obstacles=obstacles(facts),
    )
    note = None if options.keep_agent else _loses_options(facts, planned, now)
    return Work(diagnosis=diagnosis, plan=_with_modes(planned), running=now, tables=tables, note=note)


def obstacles(facts: Facts) -> dict[str, str]:
    """Why files cannot be written, by their paths, beyond what the facts say."""
    found = {}
    for file in known_or(facts.configuration.files, ()):
        if file.scope == "user" and file.status in MAY_BE_WRITTEN:
            try:
                files.find(file.path)
            except files.Obstacle as reason:
                found[file.path] = str(reason)
    return found


def _with_modes(planned: Plan) -> Plan:
    steps = (replace(it, mode=files.as_planned(it).mode) if isinstance(it, Edit) else it for it in planned.steps)
    return replace(planned, steps=tuple(steps))


def _loses_options(facts: Facts, planned: Plan, now: Running) -> str | None:
    """Why gpg-agent is not restarted, although that would be usual."""
    usual = restart(facts, planned.cures, keep_agent=False)
    if usual is None or usual.target != "gpg-agent" or not now.loses_options:
        return None
    return (
        f"gpg-agent was started with options that are not in gpg-agent.conf ({', '.join(now.own_options)}) "
        "and would lose them: scdaemon alone is restarted."
    )
