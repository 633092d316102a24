"""The shims against a gpgdoctor that hangs, dies or is not there: what their hosts see of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.hooks import marker
from gpgdoctor.hooks.install import pieces
from gpgdoctor.hooks.targets import BY_NAME

pytestmark = pytest.mark.machine_dependent

SAID = "GPGDOCTOR OK - said to the host"
FAILURES = {
    "hangs": "sleep 60",
    "dies": "kill -9 $$",
    "does-not-start": "echo 'Traceback: /home/gisela' >&2; exit 1",
    "cannot-say": "exit 3",
    "has-a-defect": "echo 'details of gisela' >&2; exit 70",
    "is-missing": None,
}
CODES = {"hangs": 124, "dies": 137, "does-not-start": 1, "cannot-say": 3, "has-a-defect": 70, "is-missing": 127}
# The shims' own limit, with a shorter time.
TIMEOUT = """#!/bin/sh
[ "$1 $2 $3" = "-k 5 40" ] || exit 99
shift 3
exec "$(PATH=/usr/bin:/bin command -v timeout)" -k 1 1 "$@"
"""


class Machine:
    """A directory with a stand-in for gpgdoctor, and the shims that call it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.executable = str(directory / "gpgdoctor")
        self._program("timeout", TIMEOUT)

    def _program(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)
        (self.directory / name).chmod(0o755)

    def gpgdoctor(self, script: str | None) -> None:
        if script is not None:
            self._program("gpgdoctor", f"#!/bin/sh\n{script}\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.directory}:/usr/bin:/bin", "LANG": "C"}

    def shim(self, name: str, number: int = 0) -> str:
        piece = pieces(BY_NAME[name], self.executable)[number]
        path = self.directory / f"{name}-{number}"
        path.write_bytes(marker.mark(piece.content, 1))
        path.chmod(0o755)
        return str(path)

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )

    def reportbug(self) -> tuple[int, str]:
        """What reportbug's handle_bugscript does: descriptor 3 is the report."""
        report = self.directory / "report"
        done = self.run("bash", "-ec", f"{self.shim('reportbug')} 3>|{report}")
        assert done.stdout + done.stderr == ""
        return done.returncode, report.read_text()

    def apport(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setenv("PATH", self.environment["PATH"])
        hook: dict[str, Any] = {}
        exec(compile(Path(self.shim("apport")).read_text(), "package hook", "exec"), hook)
        report: dict[str, Any] = {}
        hook["add_info"](report, None)
        hook["add_info"](report)
        return report

    def symptom(self, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, Any]]:
        monkeypatch.setenv("PATH", self.environment["PATH"])
        symptom: dict[str, Any] = {}
        exec(compile(Path(self.shim("apport", 1)).read_text(), "symptom", "exec"), symptom)
        assert symptom["description"]
        report: dict[str, Any] = {}
        return symptom["run"](report, None), report


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_what_gpgdoctor_says_reaches_every_host(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.gpgdoctor(f"echo '{SAID}'; echo 'details of gisela' >&2; [ ! -t 0 ] && ! read line")
    assert machine.reportbug() == (0, f"{SAID}\n")
    for name in ("supportconfig", "nagios", "ansible-fact"):
        done = machine.run(machine.shim(name))
        assert (done.returncode, done.stdout, done.stderr) == (0, f"{SAID}\n", "")
    assert machine.apport(monkeypatch) == {"GpgdoctorReport": f"{SAID}\n"}
    assert machine.symptom(monkeypatch) == ("scdaemon", {"GpgdoctorReport": f"{SAID}\n"})
    (command,) = (line for line in Path(machine.shim("sos")).read_text().splitlines() if line[0] != "#")
    done = machine.run(*command.split(" "))
    assert done.stdout == f"{SAID}\n"


@pytest.mark.parametrize("failure", FAILURES)
def test_reportbug_goes_on(failure: str, machine: Machine) -> None:
    if FAILURES[failure] is None and shutil.which("gpgdoctor", path="/usr/bin:/bin"):
        pytest.skip("it searches for gpgdoctor, and there is one in /usr/bin")
    machine.gpgdoctor(FAILURES[failure])
    code, report = machine.reportbug()
    assert code == 0
    assert report == f"gpgdoctor: no complete report (exit code {CODES[failure]})\n"


@pytest.mark.parametrize("failure", FAILURES)
def test_supportconfig_is_told(failure: str, machine: Machine) -> None:
    machine.gpgdoctor(FAILURES[failure])
    done = machine.run("bash", "-c", f"umask 0077; {machine.shim('supportconfig')}")
    assert done.returncode == (111 if failure == "is-missing" else 1)
    assert done.stdout.count("\n") == 1
    assert "gisela" not in done.stdout + done.stderr


@pytest.mark.parametrize("code", [0, 111])
def test_supportconfig_gets_the_codes_it_knows(code: int, machine: Machine) -> None:
    machine.gpgdoctor(f"exit {code}")
    assert machine.run(machine.shim("supportconfig")).returncode == code


@pytest.mark.parametrize("failure", FAILURES)
def test_a_monitoring_system_does_not_know(failure: str, machine: Machine) -> None:
    machine.gpgdoctor(FAILURES[failure])
    done = machine.run(machine.shim("nagios"))
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith("GPGDOCTOR UNKNOWN - ")


@pytest.mark.parametrize("code", range(4))
def test_a_monitoring_system_gets_the_code_with_the_line(code: int, machine: Machine) -> None:
    machine.gpgdoctor(f"echo 'GPGDOCTOR SOMETHING - x'; exit {code}")
    assert machine.run(machine.shim("nagios")).returncode == code


@pytest.mark.parametrize("failure", FAILURES)
def test_ansible_gets_json(failure: str, machine: Machine) -> None:
    machine.gpgdoctor(FAILURES[failure])
    done = machine.run(machine.shim("ansible-fact"))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"verdict": "error"}


@pytest.mark.parametrize("failure", FAILURES)
def test_apport_gets_text_and_no_exception(failure: str, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.gpgdoctor(FAILURES[failure])
    assert machine.apport(monkeypatch)["GpgdoctorReport"].startswith("none (exit code ")
    assert machine.symptom(monkeypatch)[0] == "scdaemon"


def test_apport_gets_no_exception_without_timeout(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    os.unlink(machine.directory / "timeout")
    monkeypatch.setattr(Machine, "environment", {"PATH": str(machine.directory)})
    assert machine.apport(monkeypatch) == {"GpgdoctorReport": "none (FileNotFoundError)"}
    assert machine.symptom(monkeypatch) == ("scdaemon", {})


def test_a_report_on_a_silent_pcscd_goes_to_pcscd(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.gpgdoctor("echo '### GD303 pcscd-not-answering (error)'")
    assert machine.symptom(monkeypatch)[0] == "pcscd"


def test_the_question_of_reportbug_fits_on_a_line() -> None:
    (question,) = re.findall(r'yesno "(.+?)"', pieces(BY_NAME["reportbug"], "/usr/bin/gpgdoctor")[0].content.decode())
    assert len(question) < 80
