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
from gpgdoctor.fix.restore import put_back
from gpgdoctor.plan.plan import Contents, Plan, plan
from gpgdoctor.plan.steps import Edit
from tests.support.configuration_files import USER_FILES, often
from tests.support.machines import SHARE, diagnosed, finding, machine
from tests.support.scdaemons import RealScdaemon, compare_values, one_in

CASES = int(os.environ.get("GPGDOCTOR_CASES", "300"))
TEMPORARY = ".gpgdoctor-1.tmp"


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


def planned_for(real: RealScdaemon) -> Plan:
    facts = facts_of(real)
    content = real.user_file.read_bytes()
    contents = Contents(bytes_of={str(real.user_file): content}, table_of=lambda _program: real.table)
    return plan(diagnosed(facts, finding("GD202", SHARE)), contents=contents)


@often(CASES)
@given(before=USER_FILES)
def test_options_come_into_force_and_undo_takes_them_out(real: RealScdaemon, before: bytes) -> None:
    real.write(before)
    real.user_file.chmod(0o640)
    if configuration.read(str(real.user_file), "scdaemon", "user").file.status != "regular":
        return
    planned = planned_for(real)
    for edit in planned.edits:
        files.write(files.as_planned(edit), edit.after, TEMPORARY)

    after = real.user_file.read_bytes()
    effective = compare_values(real, after, None)
    assert effective.has("disable-ccid") and effective.has("pcsc-shared")
    assert bool(planned.edits) == (after != before)
    assert all(step.diff for step in planned.edits)
    assert not planned_for(real).edits, "a second run would change something"

    change = Edit(path=str(real.user_file), before=before, after=after, mode=0o640)
    assert put_back(change, TEMPORARY)
    assert real.user_file.read_bytes() == before
    assert real.user_file.stat().st_mode & 0o777 == 0o640
