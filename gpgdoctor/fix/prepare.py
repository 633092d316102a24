"""From planned edits to bytes: the files as they are now, and as they will be."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix import files
from gpgdoctor.plan.edits import rewritten, still_says
from gpgdoctor.plan.plan import Plan, file_at
from gpgdoctor.plan.steps import Edit
from gpgdoctor.scdaemon_conf.edits import diff
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.scdaemon_conf.reading import parse
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline

TABLE_DEADLINE_S = 5.0


class Drifted(Exception):
    """A file is not what it was when the facts were collected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An edit, the file that was found, and what it will hold."""

    edit: Edit
    found: files.Found
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    prepared: tuple[Prepared, ...]
    obstacles: dict[str, str]  # why a file cannot be written, by path

    def shown_in(self, plan: Plan) -> Plan:
        """The plan with each edit's real diff, and without edits that change nothing."""
        real = {item.edit.path: item.edit for item in self.prepared}
        steps = (real.get(step.path) if isinstance(step, Edit) else step for step in plan.steps)
        return replace(plan, steps=tuple(step for step in steps if step is not None))


class Tables:
    """The options that each program knows, in its own words."""

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


def prepare(facts: Facts, plan: Plan, tables: Tables) -> Preparation:
    """Read every file that is to change; raises Drifted where one changed since the look."""
    prepared, obstacles = [], {}
    for edit in plan.edits:
        try:
            item = _prepare(facts, edit, tables)
        except files.Obstacle as reason:
            obstacles[edit.path] = str(reason)
        else:
            prepared += [item] if item.content != item.found.content else []
    return Preparation(prepared=tuple(prepared), obstacles=obstacles)


def _prepare(facts: Facts, edit: Edit, tables: Tables) -> Prepared:
    found = files.find(edit.path)
    file = file_at(facts, edit.path)
    table, user = tables.of(file.program), known_or(facts.host.user, "")
    before = found.content or b""
    if (found.content is None) != (file.status == "absent") or not still_says(parse(before, table, user=user), file):
        raise Drifted(edit.path)
    after = rewritten(before, edit.wish, table, user)
    real = diff(before, after, edit.path, created=found.content is None)
    return Prepared(edit=replace(edit, diff=real), found=found, content=after)
