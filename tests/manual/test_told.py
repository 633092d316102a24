"""What people tell beside an error, how pages share the five places, and what is a guess."""

from __future__ import annotations

import pytest

from gpgdoctor.manual import languages, pages, symptoms
from gpgdoctor.manual.search import COMPANIONS, answer
from tests.support.explaining import AT_MOST, certain, first_pages

REFUSED = "sign_and_send_pubkey: signing failed: agent refused operation"


@pytest.mark.parametrize(
    ("told", "id"),
    [
        ("It happens after I close and open the laptop lid.", "other-suspend"),
        ("Since then the PIN is asked every time.", "GD601"),
        ("I run it in a flatpak and the card is not seen there.", "GD312"),
        ("usbguard is installed on this machine.", "GD404"),
    ],
)
@pytest.mark.parametrize("error", [REFUSED, "gpg: OpenPGP card not available: Card error"])
def test_what_is_told_beside_an_error_has_a_place(error: str, told: str, id: str) -> None:
    assert id in first_pages(f"{told}\n{error}")
    assert id in first_pages(f"$ git push\n{error}\nfatal: failed\n{told}")


def test_no_line_takes_all_places_from_another() -> None:
    many, one = "gpg: selecting card failed: No such device", "gpg: signing failed: Bad PIN"
    assert len(answer(many).matches) > AT_MOST
    assert {first_pages(many)[0], first_pages(one)[0]} <= set(first_pages(f"{many}\n{one}"))


@pytest.mark.parametrize(
    "text",
    [
        "gpg works only when pcscd is not running",
        "it works after stopping pcscd",
        "I killed pcscd and now gpg sees the card",
        "when pcscd is stopped gpg works",
        "gpg --card-status works without pcscd",
    ],
)
def test_where_gpg_works_without_pcscd_no_pcscd_is_missing(text: str) -> None:
    assert first_pages(text)[0] == "GD205"
    assert not {"GD301", "GD302", "GD309", "GD313"} & set(first_pages(text))


@pytest.mark.parametrize(
    "text", ["gpg works only after restarting pcscd", "nothing works when pcscd is not running", "pcscd is not running"]
)
def test_the_contrary_is_not_taken_for_it(text: str) -> None:
    assert first_pages(text)[0] != "GD205"


def test_a_line_of_a_listing_explains_nothing_beside_a_sentence() -> None:
    listing = "Signature PIN ....: forced\nKey attributes ...: rsa2048 rsa2048 rsa2048"
    found = answer(f"oath codes stop working once gpg was used\n{listing}")
    assert found.deciding is None and "GD201" in first_pages(f"oath codes stop working once gpg was used\n{listing}")
    assert first_pages("Signature PIN ....: forced")[0] == "GD601"


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "kernel: ", "[ 3935.77105] ", "[Apr11 19:22] ", "[  +0.542132] ", "kernel: [700041.041370] "),
        *(
            "Nov 11 17:10:03 host kernel: [700041.041370] ",
            "2021-11-11T17:10:03.404155+02:00 host kernel: [7041.041370] ",
        ),
        *("j\u00fan 17 09:49:26 host kernel: ", "12\u6708 04 18:47:45 host kernel: "),
    ],
)
def test_what_a_log_puts_before_a_line_of_the_kernel_makes_no_difference(prefix: str) -> None:
    assert first_pages(f"{prefix}usb 1-2: device descriptor read/64, error -71")[0] == "GD501"


@pytest.mark.parametrize("crash", ["segfault at 0 ip 0 sp 0", "dumped core", "crashed with signal 11", "SIGABRT"])
@pytest.mark.parametrize("who", ["kernel: scdaemon[12]: ", "systemd[1]: scdaemon.service ", "the scdaemon process: "])
def test_a_crash_in_any_form_may_be_a_fault_of_the_version(who: str, crash: str) -> None:
    assert "other-known-versions" in first_pages(who + crash)
    assert certain(who + crash) is None


def test_a_ticket_leads_to_the_page_that_names_it_and_a_number_alone_does_not() -> None:
    assert "other-known-versions" in first_pages("see https://dev.gnupg.org/T5963#157724")
    assert "GD601" in first_pages("this is T5436 of GnuPG again")
    assert not first_pages("model T5963 of the printer")


@pytest.mark.parametrize(
    "text",
    ["yubikey dead", "smartcard trouble", "opensc weird behaviour on this box", "my nitrokey acts up, no idea why"],
)
def test_where_nothing_fits_the_likeliest_pages_are_a_guess_and_several(text: str) -> None:
    found = answer(text)
    assert found.by_likeness and found.in_doubt and len(found.matches) >= 3


@pytest.mark.parametrize(
    "text", ["my bank card is blocked", "the printer is dead", "an agent of the bank called", "hello"]
)
def test_a_guess_needs_what_only_cards_and_their_programs_are_called(text: str) -> None:
    assert not answer(text).by_likeness or not answer(text).matches


@pytest.mark.parametrize(
    "page", ["GD111", "GD501", "GD505", "GD506", "GD601", "GD306", "other-no-public-key", "other-wrong-pin"]
)
def test_what_looks_the_same_stands_beside_a_page_that_is_not_certain(page: str) -> None:
    assert COMPANIONS[page] and page not in COMPANIONS[page]
    assert set(COMPANIONS[page]) <= {other.id for other in pages()}


def test_every_word_of_another_language_stands_for_one_that_the_table_of_symptoms_has() -> None:
    english = set(languages._english().values())
    known = {form for symptom in symptoms._symptoms() for forms in symptom.groups for form in forms}
    assert sorted(word for word in english if symptoms._stem(word) not in known) == []
