"""The tables in field/: what people pasted or said leads to the page of its cause, and foreign texts to none."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpgdoctor.manual import Page, pages, settings
from gpgdoctor.manual.matching import HINTS, OF_ANY_PROGRAM, OF_THE_SYSTEM
from gpgdoctor.manual.ranking import LEADING
from gpgdoctor.manual.search import answer
from gpgdoctor.manual.speakers import OUR_PARTS
from gpgdoctor.manual.speakers import line as line_of
from tests.support.explaining import certain

FIELD = Path(__file__).parent / "field"
MARK = "== "
AT_MOST = 5

Case = tuple[str, str, frozenset[str]]  # where it is from, the text, and its pages


def cases(name: str) -> list[Case]:
    """The entries of one table."""
    read: list[tuple[str, list[str], frozenset[str]]] = []
    for line in (FIELD / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(MARK):
            source, _, ids = line.removeprefix(MARK).rpartition(":")
            read.append((source, [], frozenset(ids.split())))
        elif line and read:
            read[-1][1].append(line)
    return [(source, "\n".join(lines), ids) for source, lines, ids in read]


@pytest.mark.parametrize(("source", "text", "right"), [*cases("pasted"), *cases("words")])
def test_a_text_leads_to_its_cause_and_to_no_other_page_alone(source: str, text: str, right: frozenset[str]) -> None:
    first = [match.page.id for match in answer(text).matches][:AT_MOST]
    assert right & set(first) if right else not first, source
    assert certain(text) in {*right, None}


@pytest.mark.parametrize(("source", "text", "right"), cases("foreign"))
def test_what_is_no_matter_of_cards_has_no_page_that_is_certain(source: str, text: str, right: frozenset[str]) -> None:
    found = answer(text)
    assert not right, source
    assert not found.matches or found.in_doubt


@pytest.mark.parametrize(("source", "text", "right"), cases("words"))
def test_words_alone_are_never_certain(source: str, text: str, right: frozenset[str]) -> None:
    found = answer(text)
    assert right, source
    assert found.in_doubt or found.deciding is not None


def test_the_tables_name_pages_that_exist() -> None:
    known = {page.id for page in pages()}
    for name in ("pasted", "words"):
        assert {id for _, _, ids in cases(name) for id in ids} <= known


@pytest.mark.parametrize(
    "text",
    [
        "gpg: error running '/usr/libexec/keyboxd': probably not installed",
        "gpg: error running \u2018/usr/libexec/keyboxd\u2019: probably not installed",
        "`gpg: error running /usr/libexec/keyboxd: probably not installed`",
        "\u201cerror running /usr/libexec/keyboxd: probably not installed\u201d",
        "$ gpg: error running /usr/libexec/keyboxd - probably not installed",
        "17.02 13:16:38  gpg[12454]: error running '/usr/libexec/keyboxd': probably not installed.",
        "2022/04/23 09:49:17 gpg: error running /usr/libexec/keyboxd: probably not installed!",
        "Why does gpg 2.4 say keyboxd: probably not installed on my machine?",
    ],
)
def test_quotes_punctuation_and_prefixes_make_no_difference(text: str) -> None:
    assert answer(text).matches[0].page.id == "GD315"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("ERR 100696144", "GD205"),
        ("ERR 100696144 Operation not supported by device <SCD>", "GD205"),
        ("it fails with ERR 67108983 since yesterday", "GD306"),
        ("[GNUPG:] FAILURE sign 100663404", "GD602"),
        ("gpg: sending command `SCD PKSIGN' to agent failed: ec=6.108", "GD602"),
        ("error code 67108951", "other-wrong-pin"),
    ],
)
def test_a_number_of_libgpg_error_is_decoded(text: str, right: str) -> None:
    assert right in [match.page.id for match in answer(text).matches][:AT_MOST]


@pytest.mark.parametrize("text", ["FIDO2 PIN blocked", "SIM PUK blocked", "libnfc: PIN blocked"])
def test_a_pin_of_something_else_is_not_certain(text: str) -> None:
    assert certain(text) is None


@pytest.mark.parametrize("text", ["ERR 100696143", "error 4294967295", "code 16777216", "ERR 33554432 Success"])
def test_a_number_that_says_nothing_leads_nowhere(text: str) -> None:
    assert not answer(text).matches


def test_a_code_of_usb_alone_may_be_of_any_device() -> None:
    found = answer("LIBUSB_ERROR_BUSY")
    assert found.of_any_program and found.in_doubt
    assert not answer("usb1.USBErrorBusy: LIBUSB_ERROR_BUSY [-6]").matches
    assert not answer("pcscd: Can't claim interface 1/4: LIBUSB_ERROR_BUSY").of_any_program


def test_a_word_that_names_a_pages_subject_puts_it_first() -> None:
    for text, id in [
        ("scdaemon reader-port doesn't match my yubikey", "GD105"),
        ("usbguard blocks my yubikey", "GD404"),
        ("gpg stops seeing the card after suspend", "other-suspend"),
        ("polkit and the card in a remote session", "GD401"),
    ]:
        found = answer(text)
        assert found.matches[0].page.id == id
        assert set(found.leading) == {id}


@pytest.mark.parametrize("text", ["card", "work", "reader", "my card does not work", "card works in terminal"])
def test_common_words_do_not_lead_to_an_options_page(text: str) -> None:
    assert "GD110" not in [match.page.id for match in answer(text).matches]


@pytest.mark.parametrize(
    "aside",
    [
        "TriggeredBy: pcscd.socket",
        "gpg: WARNING: using insecure memory!",
        'gpg-agent[7]: WARNING: "--supervised" is a deprecated option',
        "debug-level guru",
        "GNUPGHOME=/home/alice/.gnupg",
        "card-timeout 5",
    ],
)
def test_what_stands_there_in_peace_does_not_decide(aside: str) -> None:
    found = answer(f"{aside}\ngpg: selecting card failed: No such device")
    assert found.deciding is not None and "No such device" in found.deciding.text
    assert found.matches[0].page.id == "GD205"


@pytest.mark.parametrize(
    "text", ["gpg: signing failed: No such device", "Sharing violation", "gpg: signing failed: Card error"]
)
def test_a_reason_that_many_causes_share_is_no_single_page(text: str) -> None:
    assert certain(text) is None


SPEAKERS = ("", "gpg: ", "gpg-agent[7]: ", "scdaemon[7]: ", "pcscd[7]: ", "ykman: ", "ssh: ", "kernel: ", "backup[7]: ")
CALLS = (
    "",
    "write error: ",
    "error opening '/run/x': ",
    "/opt/x: line 5: echo: ",
    "signing failed: ",
    "selecting card failed: ",
)


@pytest.mark.parametrize("error", OF_THE_SYSTEM)
def test_what_the_system_says_is_certain_behind_no_name(error: str) -> None:
    assert [f"{who}{call}{error}" for who in SPEAKERS for call in CALLS if certain(f"{who}{call}{error}")] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.id)
def test_only_a_whole_text_of_one_page_is_certain(page: Page) -> None:
    for text in page.seen_as:
        for pasted in (text, f"gpg: {text}", f"gpg-agent[7]: {text}", f"scdaemon[7]: {text}", f"pcscd[7]: {text}"):
            assert certain(pasted) in {page.id, None}, pasted
            assert certain(pasted) is None or not any(text in other.seen_as for other in pages() if other != page)
        script = f"gpg-agent[7]: /opt/ask-pin: line 58: echo: {text}"
        assert certain(script) in {page.id, None}, script
        assert (
            certain(f"I read that {text} may be said on a server that has nothing to do with any of all this") is None
        )


@pytest.mark.parametrize(
    "text",
    [
        "bash: pcscd: command not found",
        "zsh: command not found: scdaemon",
        "scdaemon[4] DBG: response: sw=6D00 datalen=0",
        "pcscd[7]: auth.c:166:IsClientAuthorized() Process 9 (user: 999) is NOT authorized for action: access_pcsc",
        "systemd[1]: pcscd.service: Main process exited, code=exited, status=1/FAILURE",
        "gpg: directory '/root/.gnupg' created",
        "Cause: The Smart card resource manager is not running",
    ],
)
def test_what_stands_there_for_other_causes_too_is_not_certain(text: str) -> None:
    assert certain(text) is None


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("the foobar app open stops gpg", "GD202"),
        ("gpg stops working when foobar is open", "GD202"),
        ("foobar prevents scdaemon from opening the token", "GD202"),
        ("gpg stops foobar from working", "GD201"),
        ("scdaemon locks out foobar", "GD201"),
        ("foobar does not work while gpg-agent is running", "GD201"),
        ("gpg stops working after suspend", "other-suspend"),
    ],
)
def test_who_keeps_whom_from_the_card_decides(text: str, first: str) -> None:
    assert answer(text).matches[0].page.id == first


GNUPG_NAMES = ("gpg: ", "gpg2: ", "gpg-agent[1]: ", "scdaemon[2]: ", "2024-01-01 10:00:00 scdaemon[2] ", "git: gpg: ")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.id)
def test_a_name_of_gnupg_before_a_text_hides_no_page(page: Page) -> None:
    for text in page.seen_as:
        for who in GNUPG_NAMES:
            assert page.id in [match.page.id for match in answer(f"{who}{text}").matches], f"{who}{text}"


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.id)
def test_a_foreign_name_hides_no_text_that_names_parts_of_cards(page: Page) -> None:
    for text in page.seen_as:
        plain = f" {line_of(text).words} "
        of_the_system = any(f" {error} " in plain for error in OF_THE_SYSTEM)
        if OUR_PARTS.search(text) and not of_the_system and "not found" not in text:
            found = [match.page.id for match in answer(f"backupd[7]: {text}").matches]
            assert page.id in found, text


def test_the_quoted_line_is_the_one_that_was_pasted() -> None:
    pasted = "gpg: selecting openpgp failed: Operation not supported by device"
    found = answer(f"$ gpg --card-status\n{pasted}")
    assert found.deciding is not None and found.deciding.text == pasted
    assert {"GD205", "other-known-versions"} <= {match.page.id for match in found.matches[:AT_MOST]}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Please insert the card with serial number 0006 12345678", {"other-card-serial", "GD603"}),
        ("requires a Smart Card, but no Smart Card is currently in the device", {"GD503", "GD506"}),
        ("SCardEstablishContext: RPC transport error.", {"GD304", "GD312", "GD401"}),
        ("thread 'main' panicked: PCSC error: SharingViolation", {"GD201"}),
        ("pkcs11.exceptions.PinLocked", {"other-wrong-pin"}),
    ],
)
def test_what_a_text_is_about_comes_first(text: str, first: set[str]) -> None:
    assert {match.page.id for match in answer(text).matches[: len(first)]} == first


def test_every_text_with_a_rule_of_its_own_is_one_of_a_page() -> None:
    known = {line_of(text).words.strip() for page in pages() for text in page.seen_as}
    assert sorted(HINTS - known) == sorted(OF_ANY_PROGRAM - known) == sorted(LEADING.keys() - known) == []


def test_a_cause_that_suffices_is_not_followed_by_what_it_explains() -> None:
    found = answer("gpg: can't connect to the keyboxd: Configuration error\ngpg: signing failed: Input/output error")
    assert [match.page.id for match in found.matches] == ["GD315"]


def test_a_service_that_was_told_to_end_has_not_failed() -> None:
    end = "pcscd[8]: 00000001 pcscdaemon.c:193:signal_thread() Received signal: 15"
    failed = "systemd[1]: pcscd.service: Main process exited, code=exited, status=1/FAILURE"
    assert answer(failed).matches[0].page.id == "GD313"
    assert answer(f"{end}\n{failed}").matches[0].page.id == "other-harmless"


def test_what_kept_gpg_from_the_card_decides_before_what_follows_from_it() -> None:
    cause = "gpg: error getting version from 'scdaemon': End of file"
    found = answer(f"{cause}\ngpg: no default secret key: No secret key\ngpg: signing failed: No secret key")
    assert found.deciding is not None and found.deciding.text == cause


def test_of_two_readers_the_wrong_one_may_be_taken() -> None:
    readers = "scdaemon[7] detected reader 'A 00 00'\nscdaemon[7] detected reader 'B 01 00'\n"
    last = "no supported card application found"
    assert answer(readers + last).matches[0].page.id == "GD506"
    assert answer(last).matches[0].page.id == "GD602"


OPTIONS = [(option, id) for option, id in settings.PAGES.items() if id not in ("GD205", "GD202")]


@pytest.mark.parametrize(("option", "id"), OPTIONS)
def test_an_option_that_a_text_names_is_among_the_first_pages_and_does_not_decide(option: str, id: str) -> None:
    error = "gpg: selecting card failed: No such device"
    assert id not in [match.page.id for match in answer(error).matches][:AT_MOST]
    first = [match.page.id for match in answer(f"I have {option} in my configuration\n{error}").matches][:AT_MOST]
    assert id in first[1:]


def test_options_alone_lead_to_their_pages() -> None:
    assert answer("reader-port").matches[0].page.id == "GD105"
    found = answer("# gpg-agent.conf\npinentry-program /usr/bin/pinentry-curses\nenable-ssh-support")
    assert "GD113" in [match.page.id for match in found.matches][:AT_MOST]


def test_a_listing_of_keys_explains_no_error_beside_it() -> None:
    error = "gpg: OpenPGP card not available: Card error"
    listing = "sec>  rsa4096 2021-04-19 [SC]\n      Card serial no. = 0006 12345678"
    assert answer(f"{listing}\n{error}").matches[0].page.id == answer(error).matches[0].page.id
    assert {match.page.id for match in answer(listing).matches} == {"other-card-serial", "GD603"}


def test_a_missing_pinentry_is_no_missing_scdaemon() -> None:
    found = answer("$ gpgconf --check-programs\ngpgconf: error running '/usr/bin/pinentry': probably not installed")
    assert [match.page.id for match in found.matches] == ["GD113"]


@pytest.mark.parametrize(
    "text",
    [
        *("gpg: decryption failed: Bad session key", "gpg: keyserver receive failed: No data"),
        *("gpg: signing failed: Unsupported algorithm", "gpg/card> uif 1 on", "attestation", "kdf-setup"),
    ],
)
def test_what_no_page_is_about_has_none(text: str) -> None:
    assert not answer(text).matches


def test_both_lines_that_gpg_prints_for_one_refusal_count_as_one() -> None:
    reason = "No such device"
    either = [f"gpg: {what}: {reason}" for what in ("selecting card failed", "OpenPGP card not available")]
    assert len({tuple(match.page.id for match in answer(text).matches) for text in (*either, "\n".join(either))}) == 1
