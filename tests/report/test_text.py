"""The text for people, as it is printed: whole outputs as goldens, and what holds for every one of them.

``GPGDOCTOR_GOLDENS=write pytest tests/report/test_text.py`` writes them anew; read the difference before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from gpgdoctor import __version__
from gpgdoctor.diagnosis import Diagnosis, Evidence, diagnose
from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.report import evidence
from gpgdoctor.report.style import Style
from gpgdoctor.report.text import render
from tests.support.build import CONF, EXCLUSIVE, IN_USE, NOW, RUNNING, machine, with_file
from tests.support.odd_machines import EVERY, MANAGED

GOLDENS = Path(__file__).parent / "goldens"
WIDTH = 80

every_machine = pytest.mark.parametrize("name", EVERY)


def text(facts: Facts, **style: object) -> str:
    return render(diagnose(facts), Style(**style))  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@every_machine
def test_golden(name: str, encoding: str) -> None:
    printed = text(EVERY[name], encoding=encoding).replace(__version__, "VERSION") + "\n"
    differs = not text(EVERY[name]).isascii()
    path = GOLDENS / (f"{name}.{encoding}.txt" if differs else f"{name}.txt").replace(" ", "-")
    if os.environ.get("GPGDOCTOR_GOLDENS") == "write":
        path.write_text(printed, "utf-8")
    assert printed == path.read_text("utf-8"), "see the docstring of this file"


def test_no_golden_is_left_over() -> None:
    names = {path.name.partition(".")[0] for path in GOLDENS.iterdir()}
    assert names == {name.replace(" ", "-") for name in EVERY}


@every_machine
def test_nothing_is_printed_that_acts(name: str) -> None:
    for verbose in (False, True):
        printed = text(EVERY[name], verbose=verbose)
        assert all(character.isprintable() or character == "\n" for character in printed)


@every_machine
def test_80_columns_but_for_commands_and_lines_of_files(name: str) -> None:
    for encoding in ("ascii", "utf-8"):
        for line in text(EVERY[name], verbose=True, encoding=encoding).splitlines():
            assert len(line) <= WIDTH or line.startswith(" " * 13), line


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_narrower_terminal(width: int) -> None:
    for line in text(EVERY["mistakes"], width=width, verbose=True).splitlines():
        assert (
            len(line) <= width or line.startswith(("ERROR", "WARNING", " " * 13)) or re.match(r"  \w[\w, ]+ {2,}", line)
        )


@every_machine
def test_the_last_line_is_the_verdict(name: str) -> None:
    diagnosis = diagnose(EVERY[name])
    quiet = render(diagnosis, Style(quiet=True))
    assert render(diagnosis, Style()).endswith(f"\n{quiet}")
    assert " ".join(quiet.split()).startswith({"findings": "Found: "}.get(diagnosis.verdict, "No cause found"))


@every_machine
def test_every_finding_has_its_block(name: str) -> None:
    diagnosis = diagnose(EVERY[name])
    printed = text(EVERY[name])
    headings = re.findall(r"^(?:ERROR|WARNING|INFO) (GD\d{3}) ", printed, re.MULTILINE)
    assert headings == [finding.id for finding in diagnosis.findings]
    assert printed.count("\n  More     gpgdoctor explain GD") == len(headings)


def test_no_command_is_broken() -> None:
    for width in range(40, 81):
        printed = text(EVERY["shared"], width=width)
        assert printed.endswith("gpgdoctor fix")
        healthy = text(EVERY["healthy"], width=width)
        assert "gpgdoctor check" in healthy
        assert "gpgconf --kill gpg-agent" in text(EVERY["holds"], width=width)


def test_colour_is_only_colour() -> None:
    coloured = text(EVERY["mistakes"], colour=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == text(EVERY["mistakes"])
    assert "\x1b[1;31mERROR GD102" in coloured


def test_verbose_lists_every_check() -> None:
    diagnosis = diagnose(EVERY["shared"])
    lines = text(EVERY["shared"], verbose=True).splitlines()
    listed = [line.split()[1] for line in lines if re.match(r" {4}(?:pass|fail|skipped|unknown) ", line)]
    assert listed == [check.rule.id for check in diagnosis.checks]


def test_a_replayed_snapshot_says_so() -> None:
    first, second, *_ = text(EVERY["healthy"], origin="snap\x1bshot.json").splitlines()
    assert f"{first} {second}".strip().endswith("(replayed from snap\\x1bshot.json)")


def test_what_is_ignored_is_marked() -> None:
    printed = render(diagnose(EVERY["shared"], ignore=("GD202",)), Style())
    assert "WARNING GD202 shared-holder-blocks-scdaemon (ignored)" in printed
    assert printed.splitlines()[-2].startswith("No cause found")


def test_a_consequence_names_its_cause() -> None:
    facts = machine(readers=(IN_USE,), pcscd={"hidden": 1})
    assert "\n  Cause    GD202 shared-holder-blocks-scdaemon\n" in text(facts)


def test_costs_are_those_of_the_steps() -> None:
    running, nothing_runs = text(EVERY["holds"]), text(EVERY["shared"])
    assert "restart gpg-agent" in running and "forgets cached passphrases" in running
    assert "restart gpg-agent" not in nothing_runs and "forgets cached passphrases" not in nothing_runs


def test_the_next_command_is_one_that_helps() -> None:
    assert text(EVERY["shared"]).endswith("Next: gpgdoctor fix")
    assert text(MANAGED).endswith("Next: gpgdoctor explain GD202"), "fix refuses to change this file"
    assert text(EVERY["no pcscd"]).endswith("Next: gpgdoctor explain GD301")


def test_a_healthy_scdaemon_that_holds_the_reader_names_the_way_to_share_it() -> None:
    alone = diagnose(machine(readers=(EXCLUSIVE,), running=RUNNING))
    assert alone.verdict == "healthy"
    assert last_line(alone).endswith("within a minute after. Or another program is refused? gpgdoctor fix GD201")


def last_line(diagnosis: Diagnosis) -> str:
    return " ".join(render(diagnosis, Style(quiet=True)).split())


def test_what_would_show_more() -> None:
    assert last_line(diagnose(EVERY["blind"])).endswith("could not be made.")
    as_user = machine(readers=Unknown.because("pcscd does not answer"), host={"root": False})
    assert last_line(diagnose(as_user)).endswith("Next: sudo gpgdoctor check")


@pytest.mark.parametrize(
    ("fact", "value", "told"),
    [
        ("a", None, "a: none"),
        ("a", [], "a: none"),
        ("a", True, "a: yes"),
        ("a", {"unknown": "why"}, "a: not known (why)"),
        ("a", ["PRESENT", "INUSE"], "a: PRESENT, INUSE"),
        ("a", {"option": "reader-port", "value": "X", "path": "/c", "line": 3}, "a: reader-port X (/c, line 3)"),
        ("a", {"option": "pcsc-shared", "path": "/c", "line": 3}, "a: pcsc-shared (/c, line 3)"),
        ("a", {"option": "x", "line": 1, "by_path": "/g", "by_line": 2}, "a: x in line 1, by /g, line 2"),
        ("a", {"option": "x", "line": 1, "by_path": "/g"}, "a: x in line 1, by /g"),
        (
            "a",
            [{"inode": 7, "uid": 1, "pid": 9}, {"inode": 8, "uid": 1, "pid": 0}],
            "a: pid 9; of uid 1, pid not visible",
        ),
        ("a", {"inode": 7, "pid": {"unknown": "no"}}, "a: pid not known (no)"),
        ("a", {"name": "libx.so", "usable": False, "reason": "not there"}, "a: libx.so, not there"),
        ("a", {"name": "libx.so", "usable": True}, "a: libx.so, usable yes"),
        ("a", {"name": "R 00", "state": ["EMPTY"]}, "a: R 00 (EMPTY)"),
        (
            "a",
            {"name": "1-2:1.0", "vendor": "1050", "product": "0407"},
            "a: USB reader (1050:0407, USB 1-2:1.0, driver none)",
        ),
        ("a", {"pid": 7, "cards": ["x", "y"]}, "a: pid 7, cards x, y"),
        (
            "pcscd.log[2]",
            {"kind": "not-authorised", "age": 8.4, "uid": 1001},
            "pcscd's log: not-authorised, 8.4 s before the look, uid 1001",
        ),
        ("a", list(range(9)), "a: 0, 1, 2, 3, 4, 5, and 3 more"),
    ],
    ids=lambda part: None if isinstance(part, str) else "",
)
def test_evidence_in_words(fact: str, value: object, told: str) -> None:
    assert evidence.as_lines([Evidence(fact=fact, value=value)]) == [told]


def test_a_line_of_a_file_is_one_fact() -> None:
    because = [Evidence(fact="f[0].lines[3].number", value=4), Evidence(fact="f[0].lines[3].text", value="foo")]
    assert evidence.as_lines(because) == ["line 4: foo"]
    assert evidence.as_lines(because[1:]) == ["line: foo"]
    assert evidence.as_lines(because, places=True) == ["line 4: foo [f[0].lines[3]]"]


@pytest.mark.parametrize(("look", "changed", "started"), [(NOW, NOW - 120, NOW - 3000), (0.0, -120.0, -3000.0)])
def test_times_are_told_as_seconds_before_the_look(look: float, changed: float, started: float) -> None:
    """As the machine has them, and as a redacted snapshot does."""
    because = [
        Evidence(fact="configuration.files[0].changed", value=changed),
        Evidence(fact="processes[1].started", value=started),
    ]
    told = ["file changed: 120.0 s before the look", "process started: 3000.0 s before the look"]
    assert evidence.as_lines(because, look=look) == told


def test_no_epoch_is_shown_for_a_file_that_changed() -> None:
    printed = render(diagnose(with_file(machine(conf="", running=RUNNING), CONF, changed=NOW - 10)), Style())
    assert "file changed: 10.0 s before the look" in printed and str(int(NOW))[:6] not in printed


def test_a_place_is_named_in_words_and_shown_to_those_who_ask() -> None:
    because = [
        Evidence(fact="readers[0].state", value=["PRESENT"]),
        Evidence(fact="usb[2].some_thing.new", value=True),
    ]
    assert evidence.as_lines(because) == ["reader state: PRESENT", "usb some thing new: yes"]
    assert evidence.as_lines(because[:1], places=True) == ["reader state: PRESENT [readers[0].state]"]


def test_too_much_evidence_is_counted() -> None:
    lines = evidence.as_lines([Evidence(fact=str(number), value=1) for number in range(40)])
    assert len(lines) == 12 and lines[-1] == "and 29 more, which --json has"
