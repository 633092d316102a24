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
from gpgdoctor.manual import Page, called, pages
from gpgdoctor.manual.matching import Match, Weight
from gpgdoctor.manual.search import answer
from gpgdoctor.manual.speakers import line
from gpgdoctor.rules import catalogue
from gpgdoctor.system import invocation


def going_with(text: str) -> tuple[Match, ...]:
    return answer(text).matches


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
def test_every_page_is_found_by_its_id_and_its_name(
    page: Page, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocation, "running", lambda: None)  # where sudo finds it: no path stands in the commands
    for word in (page.id, page.id.lower(), page.id.upper(), page.name, page.name.upper(), f" {page.id} "):
        assert told(capsys, word) == (PAGES / f"{page.id}.md").read_text()


@pytest.mark.parametrize(("id", "text"), SEEN_AS)
def test_every_text_leads_to_its_finding(id: str, text: str) -> None:
    for pasted in (text, text.upper(), f"gpg: {text}", f"x\ngpg: {text}.\ny", text.replace(" ", "\n  "), f"  {text}  "):
        assert id in [match.page.id for match in going_with(pasted)]


def test_the_list_has_every_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert ids_in(told(capsys, listing=True)) == [page.id for page in pages()]


def test_pages_have_the_names_and_titles_of_their_rules() -> None:
    named = {page.id: (page.name, page.title) for page in pages()}
    for rule in catalogue().values():
        assert named[rule.id] == (rule.name, rule.title)


def test_a_list_says_what_this_machine_has(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    looked.append(Now(found=("GD503", "GD202", "GD102"), unchecked=frozenset(("GD205",))))
    text = told(capsys, NO_SUCH_DEVICE)
    assert len(ids_in(text)) == 5, "at most five, the rest is folded"
    assert ids_in(text)[:3] == ["GD503", "GD202", "GD205"], "what is found comes first, in the order of check"
    assert set(re.findall(r"^\* (\w+)", text, re.MULTILINE)) == {"GD202", "GD503"}
    assert re.findall(r"^\? (\w+)", text, re.MULTILINE) == ["GD205"]
    assert re.search(r"^\d+ more: GD\d{3}, ", text, re.MULTILINE)
    assert text.endswith("\nFound on this machine now: GD503, GD202. Next: gpgdoctor explain GD503\n")


def test_a_list_says_where_nothing_is_found(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    assert "\nNone is found on this machine now." in told(capsys, NO_SUCH_DEVICE)
    looked.append(Now(unchecked=frozenset(("GD205",))))
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
    pasted = "auth.c:143:IsClientAuthorized() Process 9 (user: 1001) is NOT authorized for action: access_pcsc"
    assert told(capsys, pasted).startswith("# GD401")


@pytest.mark.parametrize(
    "text",
    [
        "gpg: signing failed: Inappropriate ioctl for device",
        "gpg-agent[599]: Broken pipe",
        "sign_and_send_pubkey: signing failed: agent refused operation",
        "Could not open a connection to your authentication agent.",
        "USB error: Access denied (insufficient permissions)",
    ],
)
def test_one_page_for_what_any_program_may_print_is_said_to_be_in_doubt(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = told(capsys, text)
    said = " ".join(printed.split())
    assert len(ids_in(printed)) > 1 or said.count(command.ANY_PROGRAM) + said.count(command.OF_ANOTHER_CAUSE) == 1


def test_one_page_for_words_is_said_to_be_found_by_words(capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(told(capsys, "usbguard blocks my yubikey").split())
    assert "One page fits" in printed
    assert printed.startswith(" ".join(command.ONLY_WORDS.split()))


def test_a_guess_is_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    printed = " ".join(told(capsys, "yubikey dead").split())
    assert (
        printed.startswith(" ".join(command.LIKELY_AT_MOST.split())) and len(ids_in(told(capsys, "yubikey dead"))) > 2
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
    assert "sharing violation 0x8010000b" in first.phrase
    assert "GD202" in [match.page.id for match in going_with(pasted)][:5]
    deciding = answer(pasted).deciding
    assert deciding is not None and deciding.program == "scdaemon"


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
    assert line("gpg: error: can\u2019t  connect  to\u00a0the daemon").message == "can't connect to the daemon"


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
    ("arguments", "code"), [(["GD202"], 0), (["--list"], 0), ([""], 2), (["GD999"], 2), ([NO_SUCH_DEVICE], 0)]
)
def test_the_command_line(arguments: list[str], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpgdoctor", "explain", *arguments], capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, bool(done.stdout), bool(done.stderr)) == (code, code == 0, code != 0)


def test_who_reads_only_the_beginning_is_no_error() -> None:
    script = f"'{sys.executable}' -m gpgdoctor explain --list | head -1; echo ${{PIPESTATUS[0]}}"
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
    found = going_with("gpg: selecting openpgp failed: Forbidden\ngpg: decryption failed: No secret key")
    assert found[0].weight is Weight.MESSAGE and "other-card-serial" in [match.page.id for match in found]


# What was pasted, and the pages of which one must be among the first five; none: it is no matter of cards.
def test_a_log_on_standard_input_is_explained_by_its_deciding_line() -> None:
    log = "\n".join(
        [
            "Nov 29 11:59:58 host systemd[1]: Started pcscd.service",
            "Nov 29 12:00:01 host pcscd[96]: 00000012 auth.c:166:IsClientAuthorized() Process 2718 (user: 1000) "
            "is NOT authorized for action: access_pcsc",
            "Nov 29 12:00:02 host gpg: OpenPGP card not available: Service is not running",
        ]
    )
    found = answer(log)
    assert found.matches[0].page.id == "GD401"
    assert found.deciding is not None and "NOT authorized" in found.deciding.text
    done = subprocess.run(
        [sys.executable, "-m", "gpgdoctor", "explain", "-"], input=log, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0 and ids_in(done.stdout)[0] in ("GD401", "# GD401", "GD301") and done.stderr == ""


def test_a_huge_paste_is_bounded() -> None:
    assert answer("x" * 10_000_000 + "\n" + "gpg: nothing\n" * 1_000_000).matches == ()


def test_without_words_it_explains_what_is_found(capsys: pytest.CaptureFixture[str], looked: list[Now]) -> None:
    looked.append(Now(found=("GD202", "GD503")))
    text = told(capsys)
    assert ids_in(text) == ["GD202", "GD503"] and text.endswith("Next: gpgdoctor explain GD202\n")
    looked.append(Now(found=("GD202",)))
    assert told(capsys).startswith("# GD202 ")
    looked.append(Now())
    assert told(capsys).startswith("Nothing is found on this machine now, so")
    looked.append(Now(unchecked=frozenset({"GD202"})))
    assert "not everything could be looked at" in " ".join(told(capsys).split())


def test_a_name_that_is_nearly_right_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(["pinenty-missing"], listing=False) == 2
    assert "did you mean pinentry-missing?" in capsys.readouterr().err


def test_what_this_machine_has_leads_only_where_the_text_leads_to_it(
    capsys: pytest.CaptureFixture[str], looked: list[Now]
) -> None:
    looked.append(Now(found=("GD603",)))
    text = told(capsys, "gpg: decryption failed: No secret key\ngpg: signing failed: PIN blocked")
    assert ids_in(text)[0] == "other-wrong-pin" and "\n* GD603 " in text


def test_a_subject_that_is_named_leads_whatever_this_machine_has(
    capsys: pytest.CaptureFixture[str], looked: list[Now]
) -> None:
    looked.append(Now(found=("GD506",)))
    assert ids_in(told(capsys, "scdaemon reader-port doesn't match my yubikey"))[0] == "GD105"


def test_what_this_machine_has_need_not_explain_a_log(
    capsys: pytest.CaptureFixture[str], looked: list[Now], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_standard_input", lambda: "gpg: selecting card failed: No such device\n")
    looked.append(Now(found=("GD503", "GD202")))
    text = " ".join(told(capsys, "-").split())
    assert "This machine has GD503, GD202 now; the log may be of another." in text
    assert "Found on this machine" not in text


def test_what_any_program_may_print_is_a_list_that_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(told(capsys, "LIBUSB_ERROR_ACCESS").split())
    assert "may be about another device, or about no card at all. One page fits;" in text
    assert " GD402 " in text


def test_words_are_never_the_page_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert ids_in(told(capsys, "usbguard blocks my yubikey")) == ["GD404"]
    assert not told(capsys, "usbguard blocks my yubikey").startswith("# ")
