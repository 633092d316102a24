"""Many checks on a machine that never rests: GPGDOCTOR_SOAK=1000 pytest tests/soak (50 by default)."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import File, Scenario
from tests.soak.driver import Driver
from tests.soak.judge import complaints, is_strict, read_changes, read_looks, worlds

LOOKS = int(os.environ.get("GPGDOCTOR_SOAK", "50"))
SEED = int(os.environ.get("GPGDOCTOR_SOAK_SEED", "0")) or time.time_ns()
TIMEOUT_S = 1.2
STRICT_AT_LEAST = 0.2  # of all looks; a busy machine has fewer whose whole time fell into one world
RESTLESS = Scenario(name="restless", about="", files=(File(path=".gnupg/scdaemon.conf", content="disable-ccid\n"),))
COUNT = str(Path(__file__).with_name("count.py"))


@pytest.mark.lab
def test_checks_on_a_machine_that_never_rests(open_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = open_lab(RESTLESS)
    files_before = count(lab)[1]
    driver = Driver(lab, tmp_path / "changes", SEED)
    driver.start()
    try:
        look_often(lab, tmp_path / "looks", driver)
    finally:
        driver.end()
    changes, looks = read_changes(tmp_path / "changes"), read_looks(tmp_path / "looks")
    seen = [worlds(changes, look.begun, look.ended) for look in looks]
    strict = Counter(it[0] for it in seen if is_strict(it))
    print(f"seed {SEED}: {len(looks)} looks, {strict.total()} of them strict: {dict(strict)}")
    assert list(complaints(changes, looks)) == []
    assert strict.total() > STRICT_AT_LEAST * len(looks)
    lab.wait_until(lambda: count(lab) == (0, files_before), f"left over: {count(lab)}, not (0, {files_before})")


def look_often(lab: Lab, log: Path, driver: Driver) -> None:
    with log.open("w") as lines:
        for _ in range(LOOKS):
            assert driver.is_alive(), driver.failure
            begun = time.monotonic()
            done = lab.gpgdoctor("check", "--json", "--timeout", str(TIMEOUT_S))
            ended = time.monotonic()
            assert done.stderr == ""
            document = json.loads(done.stdout)
            look = {"begun": begun, "ended": ended, "timeout_s": TIMEOUT_S, "code": done.returncode}
            lines.write(json.dumps({**look, "document": document}) + "\n")
            assert count(lab)[0] == 0, "a child outlived its check"


def count(lab: Lab) -> tuple[int, int]:
    children, files = lab.run([lab.python, "-I", "-S", COUNT], user=0).stdout.split()
    return int(children), int(files)
