"""`explain`: pages by id, by name, and by what people paste."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gpgdoctor.commands import explain as command
from gpgdoctor.commands.explain import Now, explain
from gpgdoctor.manual import Page, called, going_with, normalized, pages
from gpgdoctor.rules import catalogue

PAGES = Path(command.__file__).parents[1] / "rules" / "pages"
NO_SUCH_DEVICE = "selecting card failed: No such device"
NOT_SUPPORTED = "gpg: public key decryption failed: Not supported"
NO_SECRET_KEY = "gpg: decryption failed: No secret key"
SEEN_AS = [
    (path.stem, text)
    for path in sorted(PAGES.glob("*.md"))
    for text in re.findall(r"^- `([^`]+)`$", path.read_text().partition("## Seen as")[2], re.MULTILINE)
]


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Now]:
    """What the look at the machine says; tests that want more put it in."""
    said: list[Now] = []
    monkeypatch.setattr(command, "look", lambda: said.pop() if said else Now())
    return said


def told(capsys: pytest.CaptureFixture[str], *words: str, listing: bool = False) -> str:
    assert explain(words, listing=listing) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert max(map(len, printed.out.splitlines())) <= 80
    return printed.out


def ids_in(text: str) -> list[str]:
    return re.findall(r"^(?:[*?] |  )?(GD\d{3}|other-[a-z-]+)", text, re.MULTILINE)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.id)
def test_every_page_is_found_by_its_id_and_its_name(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    for word in (page.id, page.id.lower(), page.id.upper(), page.name, page.name.upper(), f" {page.id} "):
        assert told(capsys, word) == (PAGES / f"{page.id}.md").read_text()


@pytest.mark.parametrize(("id", "text"), SEEN_AS)
def test_every_text_leads_to_its_finding(id: str, text: str) -> None:
    for pasted in (text, text.upper(), f"gpg: {text}", f"x\ngpg: {text}.\ny", text.replace(" ", "\n  "), f"  {text}  "):
        assert id in [match.page.id for match in going_with(pasted)]


def test_the_list_has_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert ids_in(told(capsys, listing=True)) == [page.id for page in pages()]


def test_pages_have_the_names_and_titles_of_their_rules() -> None:
    named = {page.id: (page.name, page.title) for page in pages() if page.id.startswith("GD")}
    assert named == {rule.id: (rule.name, rule.title) for rule in catalogue().values()}


def test_a_list_says_what_this_machine_has(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    looked.append(Now(found=frozenset(("GD202", "GD503", "GD102")), unchecked=frozenset(("GD204",))))
    text = told(capsys, NO_SUCH_DEVICE)
    assert len(ids_in(text)) > 10
    assert ids_in(text)[:3] == ["GD202", "GD503", "GD204"], "of equally close ones, what is found comes first"
    assert set(re.findall(r"^\* (\w+)", text, re.MULTILINE)) == {"GD202", "GD503"}
    assert re.findall(r"^\? (\w+)", text, re.MULTILINE) == ["GD204"]
    assert text.endswith("\nFound on this machine now: GD202, GD503. Next: gpgdoctor explain GD202\n")


def test_a_list_says_where_nothing_is_found(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    assert "\nNone is found on this machine now." in told(capsys, NO_SUCH_DEVICE)
    looked.append(Now(unchecked=frozenset(("GD204",))))
    assert "\nNone of those that could be checked is found" in told(capsys, NO_SUCH_DEVICE)


def test_a_list_says_where_nobody_could_look(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    looked.append(Now(failure="OSError: too many open files"))
    text = told(capsys, NO_SUCH_DEVICE)
    assert ids_in(text)
    assert "\nThis machine could not be looked at: OSError: too many open files." in text


def test_a_failing_look_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def fail(*_: object, **__: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("gpgdoctor.collect.machine.Look", fail)
    assert command.look() == Now(failure="OSError: no")


def test_one_match_is_the_page_and_nobody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "look", lambda: pytest.fail("there is nothing to look for"))
    assert told(capsys, "sign_and_send_pubkey: signing failed: agent refused operation").startswith(
        "# other-agent-refused"
    )


def test_words_need_no_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, *NO_SUCH_DEVICE.split()) == told(capsys, NO_SUCH_DEVICE)


def test_a_whole_session_may_be_pasted() -> None:
    pasted = """\
    $ gpg --card-status
    gpg: selecting card failed: No such
    device
    gpg: OpenPGP card not available: No such device
    2024-01-02 10:11:12 scdaemon[77] pcsc_connect failed: sharing violation (0x8010000B)
    """
    first = going_with(pasted)[0]
    assert first.phrase == "pcsc_connect failed: sharing violation (0x8010000b)"
    assert "GD202" in [match.page.id for match in going_with(pasted) if match.distance == first.distance]


def test_a_longer_phrase_is_closer() -> None:
    found = [match.distance for match in going_with(f"{NO_SUCH_DEVICE}\nPermission denied (publickey)")]
    assert found == sorted(found) and len(set(found)) > 1


def test_a_part_of_a_phrase_will_do_if_it_is_long_enough() -> None:
    assert going_with("No such device")
    assert not going_with("no such")


@pytest.mark.parametrize("part", ["0x80100069", "0x801000690", "x0x80100069"])
def test_a_code_is_a_word(part: str) -> None:
    assert bool(going_with(f"reader: {part}!")) == (part == "0x80100069")


@pytest.mark.parametrize("written", ["0x8010000B", "8010000b", "-2146435061", "error -2146435061: sharing"])
def test_a_code_may_be_written_in_several_ways(written: str) -> None:
    assert going_with(written)[0].page.id == going_with("0x8010000b")[0].page.id


@pytest.mark.parametrize("word", ["202", "shared-holder", "GD202", "shared-holder-blocks-scdaemon"])
def test_a_part_of_an_id_or_a_name_will_do(word: str) -> None:
    page = called(word)
    assert page is not None and page.id == "GD202"


def test_quotation_marks_and_speakers_make_no_difference() -> None:
    assert normalized("gpg: error: can\u2019t  connect\n to\u00a0the daemon") == "can't connect to the daemon"


@pytest.mark.parametrize("word", ["GD999", "no-such-name", "nothing that anybody says", "\x1b[31m", "GD20"])
def test_what_is_unknown_is_one_line_and_2(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain([word], listing=False) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and "\x1b" not in printed.err
    assert called(word) is None


def test_no_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was made"))
    told(capsys, "GD202")
    told(capsys, "--", NO_SUCH_DEVICE)


@pytest.mark.parametrize(
    ("arguments", "code"), [(["GD202"], 0), (["--list"], 0), ([], 2), ([""], 2), (["GD999"], 2), ([NO_SUCH_DEVICE], 0)]
)
def test_the_command_line(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpgdoctor", "explain", *arguments], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, bool(done.stdout), bool(done.stderr)) == (code, code == 0, code != 0)


def test_who_reads_only_the_beginning_is_no_error() -> None:
    script = f"{sys.executable} -m gpgdoctor explain --list | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stderr == "" and done.stdout.startswith("GD101") and done.stdout.splitlines()[-1] == "0"


@pytest.mark.parametrize(
    ("pasted", "id"),
    [
        ("ERR 100663614 Service is not running <SCD>", "GD301"),
        ("ERR 100663404 Card error <SCD>", "GD602"),
        ("ERR 67108924 Not supported <GPG Agent>", "GD108"),
        ("gpg: signing failed: Not supported", "GD108"),
        ("gpg: signing failed: No such device", "GD202"),
        ("gpg: public key decryption failed: No such device", "GD202"),
        (f"{NOT_SUPPORTED}\n{NO_SECRET_KEY}", "GD108"),
        (f"{NOT_SUPPORTED}\n{NO_SECRET_KEY}", "other-card-serial"),
        ('"No such device"', "GD202"),
        ("`No such device'", "GD202"),
        ("No such device.", "GD202"),
        ("\x1b[31mgpg: selecting card failed: \x1b[1mNo such device \x1b[0m", "GD202"),
        ("error: gpg failed to sign the data\nfatal: failed to write commit object", "GD202"),
        ("SCARD_E_NO_SERVICE", "GD301"),
        ("SCARD_E_SERVICE_STOPPED", "GD304"),
        ("SCARD_E_NO_READERS_AVAILABLE", "GD501"),
        ("SCARD_W_UNPOWERED_CARD", "GD504"),
    ],
)
def test_what_programs_print_besides_leads_to_a_page(pasted: str, id: str) -> None:
    assert id in [match.page.id for match in going_with(pasted)]


@pytest.mark.parametrize(
    "heading", ["GD202 shared-holder-blocks-scdaemon", "GD202:", "ERROR GD202 shared-holder-blocks-scdaemon"]
)
def test_the_heading_that_check_prints_is_an_id(heading: str) -> None:
    page = called(heading)
    assert page is not None and page.id == "GD202"


def test_a_line_that_a_page_has_is_not_searched_for_its_reason() -> None:
    (match,) = going_with("gpg: selecting openpgp failed: Forbidden\ngpg: decryption failed: No secret key")[:1]
    assert match.whole and match.page.id == "other-card-serial"
