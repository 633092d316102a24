"""The table of known holders: found by whatever name a process shows, and polite."""

from __future__ import annotations

from collections import Counter

import pytest

from gpgdoctor.holders import COMM_LENGTH, HOLDERS, Holder, comm, known

POLITE_PROGRAMS = {"gpgconf", "pkill", "systemctl"}

every_holder = pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.programs[0])


@pytest.mark.parametrize(
    ("program", "title"),
    [
        ("gsd-smartcard", "GNOME's smart card service"),
        ("ssh-pkcs11-help", "the PKCS#11 helper of ssh-agent"),
        ("ssh-pkcs11-helper", "the PKCS#11 helper of ssh-agent"),
        ("autofirma-1.8.jar", "AutoFirma"),
        ("python3.11", "a Python program"),
        ("authenticator-h", "Yubico Authenticator"),
        ("yubioath-flutte", "Yubico Authenticator"),
        ("age-plugin-yubi", "age's YubiKey plugin"),
        ("AusweisApp", "AusweisApp"),
        ("SACSrv", "SafeNet Authentication Client"),
        ("/usr/bin/ykman", "YubiKey Manager's command line"),
        ("/usr/bin/keepassxc (deleted)", "KeePassXC"),
    ],
)
def test_is_found_by_comm_by_executable_and_in_any_case(program: str, title: str) -> None:
    holder = known(program)
    assert holder is not None
    assert holder.title == title


@pytest.mark.parametrize("program", ["", "bash", "scdaemon2", "ssh-pkcs11", "authenticator-help"])
def test_is_not_found_by_half_a_name(program: str) -> None:
    assert known(program) is None


@every_holder
def test_every_program_is_found_whole_and_as_comm_shows_it(holder: Holder) -> None:
    for program in holder.programs:
        assert len(comm(program)) <= COMM_LENGTH
        assert known(program) is holder
        assert known(comm(program)) is holder


def test_no_program_is_in_two_rows() -> None:
    counted = Counter(comm(program) for holder in HOLDERS for program in holder.programs)
    assert [name for name, times in counted.items() if times > 1] == []


@every_holder
def test_every_row_is_complete_and_plain(holder: Holder) -> None:
    assert holder.programs and holder.title and holder.source
    assert holder.polite.endswith(".") and ". " not in holder.polite
    assert (holder.title + holder.polite + holder.source).isascii()
    assert all(program == program.lower() and "/" not in program for program in holder.programs)


@every_holder
def test_every_command_is_polite(holder: Holder) -> None:
    for argv in holder.commands:
        assert argv[0] in POLITE_PROGRAMS
        assert not {"-9", "-KILL", "-SIGKILL", "restart"} & set(argv)
        if argv[0] == "pkill":
            assert "-HUP" in argv and "-x" in argv, "a signal that the program takes as a request, by its exact name"


@every_holder
def test_what_only_looks_leaves_nothing_and_what_never_connects_holds_nothing(holder: Holder) -> None:
    if holder.looks_only or holder.mode == "none":
        assert holder.leaves == "nothing"
    assert (holder.mode == "none") == (holder.holds == "never")


def test_tools_that_only_look_are_marked() -> None:
    looking = {program for holder in HOLDERS if holder.looks_only for program in holder.programs}
    assert {"pcsc_scan", "opensc-tool", "sos", "gpgdoctor"} <= looking


def test_the_usual_suspects_are_told_apart() -> None:
    modes = {program: holder.mode for holder in HOLDERS for program in holder.programs}
    assert modes["scdaemon"] == modes["yubikey-agent"] == modes["lpac"] == "exclusive"
    assert modes["ykman"] == modes["authenticator-helper"] == "exclusive-first"
    assert modes["gsd-smartcard"] == modes["firefox"] == modes["keepassxc"] == "shared"
    assert modes["pcsc_scan"] == "none"


def test_what_a_program_leaves_behind_is_as_measured() -> None:
    leaves = {program: holder.leaves for holder in HOLDERS for program in holder.programs}
    assert leaves["ykman"] == leaves["python3"] == "power-off" and leaves["yubico-piv-tool"] == "reset"
    assert leaves["firefox"] == leaves["gsd-smartcard"] == leaves["pkcs11-tool"] == "nothing"
    watchers = {program for holder in HOLDERS if holder.watcher for program in holder.programs}
    assert {"gsd-smartcard", "geoclue"} <= watchers and not {"firefox", "keepassxc", "ykman"} & watchers
