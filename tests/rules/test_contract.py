"""What every rule promises: the public catalogue, its pages, and that rules only judge."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gpgdoctor
from gpgdoctor.diagnosis import look_up
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import RANK
from gpgdoctor.snapshot import decode, encode
from tests.support.build import ALICE, CONF, IN_USE, ON_USB, ROOT, RUNNING, SHARING, machine, with_file, without_pcscd
from tests.support.judging import judged
from tests.support.released import extended, released

DISABLE_CCID = "disable-ccid\n"
PACKAGE = Path(gpgdoctor.__file__).parent
LOOKING = {"os", "subprocess", "psutil", "smartcard", "socket", "pathlib", "shutil"}
ONLY_JUDGING = sorted(
    [
        *PACKAGE.glob("rules/*.py"),
        *PACKAGE.glob("report/*.py"),
        *PACKAGE.glob("scdaemon_conf/*.py"),
        *(PACKAGE / name for name in ("diagnosis.py", "facts.py", "holders.py", "snapshot.py", "plan/plan.py")),
    ]
)


def test_what_was_released_keeps_its_id_and_name() -> None:
    assert released().items() <= {id: rule.name for id, rule in catalogue().items()}.items()
    assert list(catalogue()) == sorted(catalogue())


def test_a_release_adds_its_rules_and_renames_none() -> None:
    assert extended({"GD999": "gone"}).keys() == {"GD999", *catalogue()}
    with pytest.raises(ValueError, match="released with another name: GD504"):
        extended({"GD504": "silent-card"})


@pytest.mark.parametrize("id", catalogue())
def test_a_rule_has_a_page_with_its_title(id: str) -> None:
    page = (PACKAGE / "rules" / "pages" / f"{id}.md").read_text(encoding="utf-8").splitlines()
    rule = catalogue()[id]
    assert page[:3] == [f"# {id} {rule.name}", "", rule.title]


@pytest.mark.parametrize("id", catalogue())
def test_a_rule_speaks_of_rules_that_exist(id: str) -> None:
    rule = catalogue()[id]
    assert {*(cause.id for cause in rule.causes), *rule.earlier} <= set(catalogue()) - {id}


def test_a_check_of_every_rule_is_made() -> None:
    for facts in (machine(), machine(version="2.4.7", conf=SHARING), nothing_known()):
        assert {check.rule.id for check in judged(facts).checks} == set(catalogue())


def test_no_finding_is_worse_than_its_rule_may_be() -> None:
    for facts in broken_machines():
        for finding in judged(facts).findings:
            assert RANK[finding.found.severity] <= RANK[finding.rule.worst], finding.id


def test_where_nothing_is_known_nothing_is_found_and_nothing_is_healthy() -> None:
    diagnosis = judged(nothing_known())
    assert (diagnosis.findings, diagnosis.verdict, diagnosis.complete) == ((), "incomplete", False)
    assert {check.status for check in diagnosis.checks} == {"unknown"}


@pytest.mark.parametrize("version", ["2.2.40", "2.4.7", "2.5.12"])
@pytest.mark.parametrize("uid", [ALICE, ROOT])
def test_a_healthy_machine_is_left_in_peace(version: str, uid: int) -> None:
    me: dict[str, Any] = {"version": version, "host": {"uid": uid, "root": uid == ROOT}}
    through_pcscd = [machine(conf=conf, usb=usb, **me) for conf in (DISABLE_CCID, SHARING) for usb in ((), (ON_USB,))]
    by_own_driver = [without_pcscd(conf=conf, **me) for conf in (None, "", "# nothing\n")]
    by_fallback = [machine(conf=conf, **me) for conf in (None, "pcsc-shared\n")] if version < "2.3" else []
    for facts in (*through_pcscd, *by_own_driver, *by_fallback):
        diagnosis = judged(facts)
        assert (diagnosis.verdict, diagnosis.complete) == ("healthy", True)


@pytest.mark.parametrize("version", ["2.2.40", "2.4.7", "2.5.12"])
def test_a_machine_whose_scdaemon_has_the_card_is_left_in_peace(version: str) -> None:
    sharing = machine(version=version, conf=SHARING, running=RUNNING, readers=(IN_USE,))
    by_own_driver = without_pcscd(version=version, running=RUNNING, usb=(ON_USB,))
    for facts in (sharing, by_own_driver):
        assert judged(facts).verdict == "healthy"


@pytest.mark.parametrize("path", ONLY_JUDGING, ids=lambda it: str(it.relative_to(PACKAGE)))
def test_whoever_judges_does_not_look(path: Path) -> None:
    assert not {name.partition(".")[0] for name in imported(path)} & LOOKING
    assert not any(name.startswith("gpgdoctor.collect") for name in imported(path))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("rules/*.py")), ids=lambda it: it.name)
def test_a_rule_never_catches_what_is_not_known(path: Path) -> None:
    handlers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]
    # Where a severity or a certainty is refined, and nothing else.
    allowed = {"services.py": 1, "holding.py": 1, "scdaemon.py": 1}
    assert len(handlers) <= allowed.get(path.name, 0)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def nothing_known() -> Facts:
    """A snapshot in which every fact is unknown."""
    why = {"unknown": "nobody looked"}
    return decode(dict.fromkeys(encode(machine()), why))


def broken_machines() -> Iterator[Facts]:
    """A few of everything that can be wrong."""
    for version in ("2.2.40", "2.4.7"):
        for conf in ("foo\n", "disable-ccid yes\n", "pcsc-shared\nreader-port X\ncard-timeout 5\n"):
            yield machine(version=version, conf=conf, readers=(IN_USE,), agent_conf="disable-scdaemon\n")
            yield machine(version=version, conf=conf, readers=(), usb=(), gnupg={"homedir_problems": ("it is shared",)})
        yield with_file(machine(version=version, conf=""), CONF, status="binary")
        yield machine(version=version, gnupg={"scdaemon_exists": False}, pcscd={"answer": "no-answer"})


def test_a_place_in_the_facts_is_looked_up() -> None:
    document = encode(machine(conf="disable-ccid\n", readers=Unknown.because("why")))
    assert look_up(document, "configuration.in_force[0].option") == "disable-ccid"
    assert look_up(document, "readers[0].state") == {"unknown": "why"}
    assert look_up(document, "gnupg.no_such_fact") is None
