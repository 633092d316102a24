"""The demo plays what it promises, and says so when it does not."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from gpgdoctor.lab import catalogue, demo
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.machine import catalogue as machines
from tests.support.demo_shell import SHELL_DEADLINE_S, Shell

CURABLE = [scenario.name for scenario in catalogue.SCENARIOS if scenario.cure]


def played(name: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = demo.run_demo(name, out=out, err=err)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def needs_lab(open_lab: Callable[..., Lab]) -> None:
    open_lab(replace(catalogue.BY_NAME["healthy"], readers=(), pcscd="never-started"))


@pytest.mark.lab
@pytest.mark.usefixtures("needs_lab")
class TestPlayed:
    def test_the_classic_is_illness_diagnosis_cure_and_proof(self) -> None:
        code, out, err = played(catalogue.CLASSIC)
        assert code == demo.EXIT_SHOWN, out + err
        pattern = r"(?s)\$ gpg --card-status\n.*No such device.*\$ gpgdoctor check\n.*GD202.*firefox \(pid \d+"
        assert re.search(pattern, out)
        assert re.search(r"(?s)\$ gpgdoctor fix --yes\n.*\$ gpg --card-status\n.*Serial number.*firefox is still", out)

    def test_it_is_plain_text_of_80_columns(self) -> None:
        _, out, _ = played(catalogue.CLASSIC)
        assert max(map(len, out.splitlines())) <= 80
        assert all(character == "\n" or " " <= character <= "~" for character in out)

    def test_the_first_word_comes_at_once(self) -> None:
        class Watched(io.StringIO):
            first: float | None = None

            def write(self, text: str) -> int:
                self.first = self.first or time.monotonic()
                return super().write(text)

        begin, err = time.monotonic(), Watched()
        demo.run_demo("pcscd-never-started", out=io.StringIO(), err=err)
        assert err.first is not None
        assert err.first - begin < 0.5

    @pytest.mark.parametrize("name", CURABLE)
    def test_what_has_a_cure_is_cured(self, name: str) -> None:
        code, out, err = played(name)
        assert code == demo.EXIT_SHOWN, out + err

    @pytest.mark.parametrize("name", ["healthy", "transaction-held", "pcscd-stopped", "no-gnupg"])
    def test_what_has_none_is_shown(self, name: str) -> None:
        code, out, err = played(name)
        assert code == demo.EXIT_SHOWN, out + err
        assert "gpgdoctor fix --yes" not in out

    def test_a_healthy_reader_is_looked_at_before_gpg_takes_it(self) -> None:
        _, out, _ = played("healthy")
        assert out.index("$ gpgdoctor check") < out.index("$ gpg --card-status")

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"expect": ("GD202",)}, "check should find GD202, and found nothing"),
            ({"info": ("GD503",)}, "check should mention GD503"),
            ({"gpg": "fails"}, "gpg was to fail, and works"),
            ({"gpg": "hangs"}, "gpg was to hang, and works"),
        ],
    )
    def test_what_is_not_as_it_should_be_is_said(
        self, change: dict[str, object], complaint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong = replace(catalogue.BY_NAME["healthy"], **change)  # type: ignore[arg-type]
        monkeypatch.setitem(catalogue.BY_NAME, "wrong", wrong)
        code, _, err = played("wrong")
        assert code == demo.EXIT_NOT_SHOWN
        assert f"gpgdoctor demo: {complaint}\n" in err

    def test_a_fix_that_cures_nothing_is_no_proof(self, monkeypatch: pytest.MonkeyPatch) -> None:
        incurable = replace(catalogue.BY_NAME["exclusive-holder"], cure=True)
        monkeypatch.setitem(catalogue.BY_NAME, "incurable", incurable)
        code, _, err = played("incurable")
        assert code == demo.EXIT_NOT_SHOWN
        assert "gpg was to work, and fails\n" in err

    def test_the_shell_is_in_the_scenario_and_has_a_terminal(self) -> None:
        with Shell(catalogue.CLASSIC) as shell:
            shell.expect(r"firefox has pid \d+")
            shell.expect("lab:")
            shell.type("tty; gpg --card-status; echo ended with $?\n")
            shell.expect(r"/dev/pts/\d+.*No such device.*ended with 2")
            shell.type("gpgdoctor check --no-probe | tail -n 1\n")
            shell.expect("Found: ")
            shell.type("sleep 100\n")
            time.sleep(0.5)
            shell.type("\x03")
            shell.type("echo in'terrupted'\n")
            shell.expect("interrupted")
            shell.type("exit\n")
            assert shell.code() == demo.EXIT_SHOWN


def test_the_list_has_every_scenario() -> None:
    lines = demo.list_scenarios().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [*catalogue.BY_NAME, *machines.BY_NAME]
    assert max(map(len, lines)) <= 80


def test_a_scenario_that_boots_a_machine_says_so_in_its_name_and_in_the_list() -> None:
    assert all(name.startswith("usb-") for name in machines.BY_NAME)
    assert not any(name.startswith("usb-") for name in catalogue.BY_NAME)
    assert " ".join(demo.list_scenarios().split()).count("Boots a machine.") == len(machines.BY_NAME)


def test_an_unknown_scenario_is_refused() -> None:
    code, out, err = played("no\nsuch")
    assert (code, out) == (demo.EXIT_USAGE, "")
    assert err == "gpgdoctor demo: no scenario 'no\\nsuch'; gpgdoctor demo --list has them all\n"


def test_where_the_lab_cannot_run_one_line_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    code, out, err = played(catalogue.CLASSIC)
    assert (code, out) == (demo.EXIT_CANNOT_RUN, "")
    assert re.fullmatch(r"gpgdoctor demo: cannot run here: .+", err.splitlines()[-1])


def test_the_shell_needs_a_terminal() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from gpgdoctor.lab import demo; raise SystemExit(demo.run_shell({catalogue.CLASSIC!r}))",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SHELL_DEADLINE_S,
    )
    assert (done.returncode, done.stdout) == (demo.EXIT_USAGE, "")
    assert done.stderr == "gpgdoctor demo: --shell needs a terminal\n"
