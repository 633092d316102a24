"""The pages that `explain` prints: their form, their commands, and that each id of the catalogue has one."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import gpgdoctor
from gpgdoctor.rules import catalogue
from tests.support import commandline, readme

PAGES = Path(gpgdoctor.__file__).parent / "rules" / "pages"
WIDTH = 76
HEADINGS = [
    "What happens",
    "How it is found",
    "What the fix does",
    "When not to",
    "By hand",
    "Seen as",
    "Sources",
]

# Of every page of a finding: a page may be written before its rule.
HEADINGS_OF = (page.read_text("ascii").partition("\n")[0].split() for page in PAGES.glob("GD*.md"))
CATALOGUE = {id: name for _, id, name in HEADINGS_OF}

# What no rule can see, and people still ask about.
OTHERS = {page.stem for page in PAGES.glob("other-*.md")}

OWN_COMMANDS = {
    *("check", "fix", "undo", "explain", "report", "trace", "watch", "fleet", "hook", "demo", "schema", "docs"),
}

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEEN_AS = re.compile(r"- `([^`]+)`")

every_page = pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)


def sections(page: Path) -> dict[str, str]:
    """The text under each heading; under "" what comes before the first."""
    parts = re.split(r"^## (.+)\n", page.read_text("ascii"), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def scripts(text: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language == "sh"]


def commands(script: str) -> Iterator[list[str]]:
    """The words of every simple command, those of command substitutions too."""
    for inner in re.findall(r"\$\(([^()]+)\)", script):
        yield from commands(inner)
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|;&"):
                if words:
                    yield words
                words = []
            elif words or not re.match(r"\w+=", word):
                words.append(word)


def test_the_table_in_the_readme_is_the_catalogue() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert readme.with_table(text) == text, "see recordings.py --rejudge"


def test_every_rule_has_its_page_and_every_page_is_of_a_finding_or_an_other_one() -> None:
    assert {id: rule.name for id, rule in catalogue().items()}.items() <= CATALOGUE.items()
    assert {page.stem for page in PAGES.glob("*.md")} == CATALOGUE.keys() | OTHERS


@every_page
def test_begins_with_id_and_name_and_a_title(page: Path) -> None:
    first, blank, title, *rest = page.read_text("ascii").split("\n", 4)
    assert first == (f"# {page.stem} {CATALOGUE[page.stem]}" if page.stem in CATALOGUE else f"# {page.stem}")
    assert (blank, rest[0]) == ("", "")
    assert re.fullmatch(r"[^.]+(?:\.\w[^.]*)*\.", title), "one sentence"


@every_page
def test_has_the_headings_in_order_and_nothing_empty(page: Path) -> None:
    found = sections(page)
    assert list(found) == ["", *HEADINGS]
    assert all(text.strip() for text in found.values())


@every_page
def test_is_plain_narrow_and_tidy(page: Path) -> None:
    text = page.read_bytes().decode("ascii")
    lines = text.split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line != line.rstrip() or "\t" in line] == []
    assert text.endswith("\n") and not text.endswith("\n\n")


@every_page
def test_seen_as_lists_literal_texts(page: Path) -> None:
    lines = sections(page)["Seen as"].strip().splitlines()
    texts = [match[1] for match in map(SEEN_AS.fullmatch, lines) if match]
    assert len(texts) == len(lines) >= 1
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and len(text) >= 7 for text in texts)


@every_page
def test_sources_is_a_list(page: Path) -> None:
    assert re.fullmatch(r"(?:- .+\n(?:  .+\n)*)+", sections(page)["Sources"].strip() + "\n")


@every_page
def test_by_hand_has_commands_that_exist_and_parse(page: Path) -> None:
    assert scripts(sections(page)["By hand"])
    for script in scripts(page.read_text("ascii")):
        parsed = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, timeout=10)
        assert (parsed.returncode, parsed.stderr) == (0, ""), script
        for words in commands(script):
            commandline.check(words)


@every_page
def test_names_only_commands_findings_and_pages_that_exist(page: Path) -> None:
    text = page.read_text("ascii")
    assert set(re.findall(r"gpgdoctor (\w+)", "\n".join(scripts(text)))) <= OWN_COMMANDS
    assert set(re.findall(r"`gpgdoctor (\w+)", text)) <= OWN_COMMANDS
    assert set(re.findall(r"\bGD\d+\b", text)) <= CATALOGUE.keys()
    assert set(re.findall(r"\bother-[a-z-]+\b", text)) <= OTHERS | set(CATALOGUE.values())


@every_page
def test_says_what_its_commands_cost(page: Path) -> None:
    text = page.read_text("ascii")
    written = "\n".join(scripts(text))
    if "--kill gpg-agent" in written:
        assert "passphrases" in text
    if re.search(r"printf.*pcsc-shared", written):
        assert "PIN" in text and {"GD601", "GD602"} <= set(re.findall(r"GD\d+", text))


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_pages_without_a_rule_say_so_and_give_one_command_that_tells(name: str) -> None:
    found = sections(PAGES / f"{name}.md")["How it is found"]
    assert found.strip().startswith("`check` cannot see it")
    (script,) = scripts(found)
    assert len(script.splitlines()) == 1
