"""What counts as proved after a fix: findings that are gone, or that are harmless now."""

from __future__ import annotations

import pytest

from gpgdoctor.diagnosis import Diagnosis, Finding
from gpgdoctor.facts import Facts, Setting
from gpgdoctor.fix import agent, verify
from gpgdoctor.fix.entries import Daemon
from gpgdoctor.fix.restart import Running
from gpgdoctor.fix.work import FixOptions, Tables, Work
from gpgdoctor.plan.plan import Plan
from gpgdoctor.plan.steps import Restart
from gpgdoctor.rules.rule import Cure, LineChange, Severity
from gpgdoctor.system.assuan import Answer
from gpgdoctor.system.record import replace
from tests.support.machines import BY_HAND, CONF, HOME, RUNNING, SHARE, diagnosed, finding, machine

OUT_OF_FORCE = LineChange(path=CONF, line=1, text=None)
DROP = Cure(applicability="safe", changes=(OUT_OF_FORCE,), restart=True)
NO_SUCH_DEVICE = 32848


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "VERIFY_DEADLINE_S", 0.1)
    monkeypatch.setattr(verify, "POLL_S", 0.01)


def scdaemon_says(monkeypatch: pytest.MonkeyPatch, code: int) -> list[str]:
    """What is asked of it from now on."""
    asked: list[str] = []

    def ask(_homedir: str, command: str, _deadline: object) -> Answer:
        asked.append(command)
        return Answer(code)

    monkeypatch.setattr(agent, "ask", ask)
    return asked


def proved(monkeypatch: pytest.MonkeyPatch, facts: Facts, then: Finding, *now: Finding) -> verify.Proof:
    """Of a fix that was to cure ``then``, where this is found now."""
    after: Diagnosis = diagnosed(machine(readers=()), *now)
    monkeypatch.setattr(verify, "look", lambda *_: after)
    restart = Restart(target="gpg-agent", argv=("gpgconf", "--kill", "gpg-agent"))
    work = Work(
        diagnosis=diagnosed(facts, then),
        plan=Plan(planned=(then,), steps=(restart,)),
        running=Running(homedir=HOME, agent=Daemon(pid=5, started=1)),
        tables=Tables(facts),
    )
    return verify.verify(work, FixOptions(), lambda _: None)


def no_reader() -> Facts:
    return machine(readers=())


def test_what_is_gone_is_cured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proved(monkeypatch, no_reader(), finding("GD314", DROP)).revealed == ()


@pytest.mark.parametrize("cure", [None, BY_HAND])
def test_an_error_that_is_an_information_now_is_cured(monkeypatch: pytest.MonkeyPatch, cure: Cure | None) -> None:
    proof = proved(monkeypatch, no_reader(), finding("GD314", DROP), finding("GD314", cure, severity="info"))
    assert [it.id for it in proof.after.findings] == ["GD314"]


@pytest.mark.parametrize(
    ("then", "now", "cure"),
    [
        ("error", "error", BY_HAND),
        ("error", "warning", BY_HAND),  # `check` would not be green
        ("error", "info", SHARE),  # the program that made it an error has gone: nothing was cured
        ("info", "info", BY_HAND),  # was asked for by its id
    ],
)
def test_what_is_still_there_is_not(monkeypatch: pytest.MonkeyPatch, then: Severity, now: Severity, cure: Cure) -> None:
    with pytest.raises(verify.NotProved, match="GD201 is still found"):
        proved(monkeypatch, no_reader(), finding("GD201", SHARE, severity=then), finding("GD201", cure, severity=now))


def leaving_pcscd() -> Facts:
    facts = machine(readers=())
    settings = (Setting(option="disable-ccid", value=None, path=CONF, line=1),)
    return replace(facts, configuration=replace(facts.configuration, in_force=settings))


def test_the_own_driver_has_to_read_the_card_that_pcscd_does_not_list(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scdaemon_says(monkeypatch, 0)
    proved(monkeypatch, leaving_pcscd(), finding("GD502", DROP))
    assert asked == ["SCD SERIALNO"]
    scdaemon_says(monkeypatch, NO_SUCH_DEVICE)
    with pytest.raises(verify.NotProved, match="No such device"):
        proved(monkeypatch, leaving_pcscd(), finding("GD502", DROP))


def test_a_card_that_scdaemon_had_by_its_own_driver_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scdaemon_says(monkeypatch, 0)
    restart_only = Cure(applicability="safe", restart=True)
    had_one = machine(readers=(), running={**RUNNING, "cards": ["D276"]})
    proved(monkeypatch, had_one, finding("GD310", restart_only, severity="warning"))
    assert asked == ["SCD SERIALNO"]
