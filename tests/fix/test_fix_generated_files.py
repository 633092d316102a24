"""Generated files through plan, edit, the real scdaemon, and undo."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from gpgdoctor.collect import configuration
from gpgdoctor.facts import Facts
from gpgdoctor.fix import files
from gpgdoctor.fix.journal import FileChange
from gpgdoctor.fix.prepare import Prepared, Tables, prepare
from gpgdoctor.fix.restore import put_back
from gpgdoctor.plan.plan import Plan, plan
from gpgdoctor.scdaemon_conf.options import OptionTable
from tests.support.configuration_files import USER_FILES, often
from tests.support.machines import SHARE, diagnosed, finding, machine
from tests.support.scdaemons import RealScdaemon, compare_values, one_in

CASES = int(os.environ.get("GPGDOCTOR_CASES", "300"))
TEMPORARY = ".gpgdoctor-1.tmp"


class KnownTable(Tables):
    """Without asking a program each time."""

    def __init__(self, table: OptionTable) -> None:
        self._table = table

    def of(self, program: str) -> OptionTable:
        return self._table


@pytest.fixture(scope="module")
def real() -> Iterator[RealScdaemon]:
    yield from one_in(Path("/"))


def facts_of(real: RealScdaemon) -> Facts:
    """As the collector sees the file, and for the rest a machine on which scdaemon is refused."""
    source = configuration.read(str(real.user_file), "scdaemon", "user")
    (file,), _ = configuration.judge([source], real.table, real.user)
    facts = machine(homedir=str(real.user_file.parent), scdaemon_options=list(real.table.names), daemons=())
    host = replace(facts.host, uid=os.getuid(), user=real.user)
    return replace(
        facts, host=host, configuration=replace(facts.configuration, files=(replace(file, owner=os.getuid()),))
    )


def planned_for(real: RealScdaemon) -> tuple[Plan, tuple[Prepared, ...]]:
    facts = facts_of(real)
    planned = plan(diagnosed(facts, finding("GD202", SHARE)))
    preparation = prepare(facts, planned, KnownTable(real.table))
    assert not preparation.obstacles
    return planned, preparation.prepared


@often(CASES)
@given(before=USER_FILES)
def test_options_come_into_force_and_undo_takes_them_out(real: RealScdaemon, before: bytes) -> None:
    real.write(before)
    real.user_file.chmod(0o640)
    if configuration.read(str(real.user_file), "scdaemon", "user").file.status != "regular":
        return
    planned, prepared = planned_for(real)
    for item in prepared:
        files.write(item.found, item.content, TEMPORARY)

    after = real.user_file.read_bytes()
    effective = compare_values(real, after, None)
    assert effective.has("disable-ccid") and effective.has("pcsc-shared")
    assert [step.diff for step in planned.edits] != [""] or after == before
    assert not planned_for(real)[1], "a second run would change something"

    change = FileChange(path=str(real.user_file), before=before, after=after, mode=0o640)
    assert put_back(change, TEMPORARY)
    assert real.user_file.read_bytes() == before
    assert real.user_file.stat().st_mode & 0o777 == 0o640
