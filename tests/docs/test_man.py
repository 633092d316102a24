"""The man pages: from the commands as they are, and such that no formatter has anything to say about them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gpgdoctor.docs.exits import _EXITS
from gpgdoctor.docs.roff import paragraphs
from gpgdoctor.manual import pages
from tests.support.civility import gpgdoctor
from tests.support.commandline import every_command
from tests.support.labs import cannot_run

pytestmark = pytest.mark.machine_dependent

FORMAT_DEADLINE_S = 60
EPOCH = "1700000000"  # 2023-11-14


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page, as a packager has them written."""
    found = tmp_path_factory.mktemp("man") / "man1"
    done = gpgdoctor("docs", "man", str(found), env={"SOURCE_DATE_EPOCH": EPOCH})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return found


def formatted(page: Path) -> str:
    """As a reader has it, without a word from the formatter."""
    argv = ["groff", "-man", "-ww", "-rHY=0", "-P-c", "-Tascii", str(page)]
    done = output_of(argv)
    assert done.stderr == ""
    return re.sub(".\b", "", done.stdout)


def output_of(argv: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(argv[0]) is None:
        cannot_run(f"{argv[0]} is not here")
    return subprocess.run(
        argv, capture_output=True, text=True, env={**os.environ, **environment}, timeout=FORMAT_DEADLINE_S
    )


def test_every_command_has_its_page(folder: Path) -> None:
    wanted = {"-".join(("gpgdoctor", *path)) + ".1" for path in every_command()}
    assert {page.name for page in folder.iterdir()} == wanted | {"gpgdoctor-findings.7"}


def test_a_page_has_every_option_of_its_command(folder: Path) -> None:
    for path in every_command():
        text = " ".join(formatted(folder / ("-".join(("gpgdoctor", *path)) + ".1")).split())
        helped = gpgdoctor(*path, "--help").stdout
        for option in re.findall(r"^ +(?:-\w, )?(--[\w-]+)", helped, re.MULTILINE):
            assert option in text, (path, option)


def test_no_formatter_complains(folder: Path) -> None:
    written = sorted(map(str, folder.iterdir()))
    linted = output_of(["mandoc", "-T", "lint", "-W", "warning", *written])
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")
    for page in written:
        formatted(Path(page))


def test_man_shows_a_page_without_a_warning(folder: Path) -> None:
    shown = output_of(["man", "--warnings", "-l", str(folder / "gpgdoctor-check.1")], LC_ALL="C", MANWIDTH="80")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "No cause was found." in shown.stdout


def test_every_page_of_explain_is_in_the_findings(folder: Path) -> None:
    text = formatted(folder / "gpgdoctor-findings.7")
    for page in pages():
        assert re.search(rf"^{page.id}\b", text, re.MULTILINE), page.id
        for word in re.findall(r"\w+", page.text):
            assert word in text or f"```{word}\n" in page.text, (page.id, word)


def test_the_overview_lists_the_findings(folder: Path) -> None:
    text = formatted(folder / "gpgdoctor.1")
    assert all(f"{page.id} {page.name}" in text for page in pages() if page.id != page.name)


def test_the_date_is_the_packagers(folder: Path) -> None:
    assert all('"2023-11-14"' in page.read_text() for page in folder.iterdir())


def test_no_exit_codes_are_kept_for_a_command_that_is_gone() -> None:
    assert set(_EXITS) <= set(every_command())


def test_where_nothing_can_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = gpgdoctor("docs", "man", str(tmp_path / "file" / "man1"))
    assert done.returncode == 1
    assert done.stderr == f"gpgdoctor: {tmp_path}/file/man1: Not a directory\n"


def test_a_text_of_several_paragraphs_stays_one(tmp_path: Path) -> None:
    page = tmp_path / "page.1"
    text = "What it does.\n\n\b\n  .dot\n  'quote'  aligned\n\nAnd -- then `code`."
    page.write_text(
        "\n".join(['.TH "X" "1" "2023-11-14" "X"', ".SH NAME", "x \\- y", ".SH DESCRIPTION", *paragraphs(text)])
    )
    shown = formatted(page)
    assert "       What it does.\n\n" in shown
    assert re.search(r"^ +\.dot\n +'quote' aligned\n\n +And -- then code\.$", shown, re.MULTILINE), shown
