"""Ordinary machines on which gpg works: nothing is found at warning or above, before gpg was used and after."""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import CardAccess, Connection, Facts, LogEvent, Unknown
from gpgdoctor.plan.plan import plan
from gpgdoctor.report.text import verdict
from gpgdoctor.system.record import replace
from tests.support import cured
from tests.support.build import (
    AGENT,
    ALICE,
    BOB,
    FREE_ON_USB,
    NITROKEY,
    ON_USB,
    PCSCD,
    RUNNING,
    SCDAEMON,
    SHARING,
    YUBIKEY,
    client,
    machine,
    reader,
    without_pcscd,
)
from tests.support.judging import judged

PCSC = "disable-ccid\n"
DEBIAN_13 = "2.4.7"
TAKEN = (reader("PRESENT", "EXCLUSIVE", probe="not-needed"),)
SHARED = (reader("PRESENT", "INUSE", probe="ok"),)
BUILT_IN = replace(FREE_ON_USB, name="1-5:1.0", vendor="0bda", product="0165", title="Built-in Reader")
ASLEEP: dict[str, Any] = {
    "listener": "activator",
    "answer": Unknown.because("pcscd is asleep"),
    "connections": (),
    "service": "inactive",
}
GSD = client("gsd-smartcard", pid=810)
OF_THE_USER_MANAGER = {"session": "user@1000.service"}


def _gnome_before() -> Facts:
    """gsd-smartcard shares the reader from login on, and scdaemon has its card by PC/SC, shared."""
    return machine(version=DEBIAN_13, conf=SHARING, clients=(GSD,), running=RUNNING, readers=SHARED)


def _gnome_kept_out() -> Facts:
    """scdaemon was first; that gsd-smartcard is refused nobody notices."""
    return machine(version=DEBIAN_13, conf=PCSC, clients=(GSD,), running=RUNNING, readers=TAKEN)


def _backup_keys_stubs() -> Facts:
    stubs = ("D2760001240103040006123456780000", "D2760001240100000006999999990000")
    return machine(version=DEBIAN_13, conf=PCSC, running=RUNNING, readers=TAKEN, gnupg={"stub_serials": stubs})


def _built_in_empty_reader() -> Facts:
    """2.2's own driver looks into both; pcscd sleeps, and is not needed."""
    usb = (BUILT_IN, FREE_ON_USB)
    asleep = Unknown.because("pcscd is asleep")
    facts = machine(usb=usb, readers=asleep, pcscd=ASLEEP)
    processes = facts.processes
    assert isinstance(processes, tuple)
    return replace(facts, processes=tuple(it for it in processes if it.role != "pcscd"))


def _nixos_after_a_new_generation() -> Facts:
    store = "/nix/store/{}-gnupg-2.4.7"
    old, new = store.format("a" * 32), store.format("b" * 32)
    facts = machine(
        version=DEBIAN_13,
        conf=PCSC,
        running=RUNNING,
        readers=TAKEN,
        gnupg={
            "gpgconf": "/run/current-system/sw/bin/gpgconf",
            "scdaemon": f"{new}/libexec/scdaemon",
            "scdaemon_real": f"{new}/libexec/scdaemon",
            "agent": f"{new}/bin/gpg-agent",
        },
        host={"distribution": "nixos NixOS 25.05 (Warbler)"},
    )
    its = {"gpg-agent": f"{old}/bin/gpg-agent", "scdaemon": f"{old}/libexec/scdaemon"}
    assert isinstance(facts.processes, tuple)
    return replace(
        facts,
        processes=tuple(replace(it, executable=its.get(it.role, it.executable)) for it in facts.processes),
    )


def _ssh_beside_a_desktop() -> Facts:
    """polkit refuses the session over ssh; scdaemon, of the user's manager, has its card through pcscd."""
    facts = machine(
        version=DEBIAN_13,
        conf=PCSC,
        running=RUNNING,
        readers=Unknown.because("pcscd answers 0x8010006A"),
        pcscd={"answer": "0x8010006A", "polkit": True},
        host={"session": "ssh", "session_unit": "session-7.scope"},
    )
    assert isinstance(facts.processes, tuple)
    return replace(facts, processes=tuple(replace(it, session="user@1000.service") for it in facts.processes))


def _agent_forwarded_elsewhere() -> Facts:
    """A local home whose agent offers its extra socket to another machine: here nothing is different."""
    return machine(version=DEBIAN_13, conf=PCSC, agent_conf="extra-socket /run/user/1000/gnupg/S.gpg-agent.extra\n")


def _container() -> Facts:
    """The host's pcscd through a mounted socket, which nobody in the container can pair with programs."""
    return machine(
        version=DEBIAN_13,
        conf=PCSC,
        usb=(),
        pcscd={"mounted": True, "unit": None, "installed": False, "service": None},
        host={"container": "docker", "session": None, "session_unit": None},
    )


def _pcscd_with_its_own_user() -> Facts:
    facts = machine(version="2.4.8", conf=PCSC, usb=(replace(ON_USB, accessible=False),))
    own = replace(PCSCD, uid=971, user="pcscd")
    assert isinstance(facts.processes, tuple)
    return replace(facts, processes=(own, *(it for it in facts.processes if it.role != "pcscd")))


def _two_tokens() -> Facts:
    usb = (ON_USB, replace(ON_USB, name="1-3:1.0", vendor="20a0", product="4211", title="Nitrokey Nitrokey Start"))
    return machine(version=DEBIAN_13, conf=PCSC, readers=(reader(name=YUBIKEY), reader(name=NITROKEY)), usb=usb)


def _wsl2() -> Facts:
    """A token that usbipd attached, and GnuPG's own driver; no systemd, no pcscd."""
    return without_pcscd(
        version=DEBIAN_13,
        usb=(FREE_ON_USB,),
        pcscd={"installed": False, "unit": None, "service": None},
        host={"container": "wsl", "session": None, "init": "none", "session_unit": None},
    )


def _a_greeter_was_refused() -> Facts:
    """The log tells of polkit's refusal of the display manager, which concerns nobody."""
    log = (LogEvent(kind="not-authorised", age=100.0, uid=997, pid=77, action="access_pcsc"),)
    yes = CardAccess(answer="yes", about="scdaemon", with_reader=False)
    return machine(version=DEBIAN_13, conf=PCSC, pcscd={"polkit": True, "log": log, "card_access": yes})


def _another_users_scdaemon() -> Facts:
    """Bob's has his own token by its own driver; mine is free."""
    theirs = replace(SCDAEMON, pid=910, uid=BOB, user="bob", cards=1)
    claimed = replace(ON_USB, name="1-6:1.2")
    return without_pcscd(version=DEBIAN_13, usb=(claimed, FREE_ON_USB), others=(theirs,))


def _firefox_beside_a_shared_scdaemon() -> Facts:
    firefox = client("firefox", pid=820)
    return machine(version=DEBIAN_13, conf=SHARING, clients=(firefox,), running=RUNNING, readers=SHARED)


def _asleep_beside_a_card_in_use() -> Facts:
    """Debian 12: scdaemon 2.2 has the card by its own driver, and the built-in reader stays closed to it."""
    usb = (replace(BUILT_IN, accessible=False), ON_USB)
    facts = machine(running=RUNNING, usb=usb, readers=Unknown.because("pcscd is asleep"), pcscd=ASLEEP)
    processes = facts.processes
    assert isinstance(processes, tuple)
    return replace(facts, processes=tuple(it for it in processes if it.role != "pcscd"))


MACHINES = {
    "pcscd asleep beside a card in use": _asleep_beside_a_card_in_use,
    "GNOME, sharing": _gnome_before,
    "GNOME, gsd-smartcard kept out": _gnome_kept_out,
    "a backup key's stubs": _backup_keys_stubs,
    "a built-in empty reader": _built_in_empty_reader,
    "NixOS after a new generation": _nixos_after_a_new_generation,
    "ssh with a desktop session beside": _ssh_beside_a_desktop,
    "an agent forwarded": _agent_forwarded_elsewhere,
    "a container": _container,
    "pcscd with its own user": _pcscd_with_its_own_user,
    "two tokens": _two_tokens,
    "WSL2": _wsl2,
    "a greeter was refused": _a_greeter_was_refused,
    "another user's scdaemon": _another_users_scdaemon,
    "Firefox beside a shared scdaemon": _firefox_beside_a_shared_scdaemon,
}


@pytest.mark.parametrize("name", MACHINES)
def test_it_is_healthy_and_nothing_is_planned(name: str) -> None:
    diagnosis = judged(MACHINES[name]())
    loud = [(it.id, it.found.severity) for it in diagnosis.findings if it.found.severity != "info"]
    unknown = [(it.rule.id, str(it.reason)) for it in diagnosis.checks if it.status == "unknown" and it.counts]
    assert (loud, unknown, diagnosis.verdict) == ([], [], "healthy")
    assert not plan(diagnosis).changes_something


@pytest.mark.parametrize("name", MACHINES)
def test_it_stays_healthy_when_gpg_has_used_the_card(name: str) -> None:
    facts = MACHINES[name]()
    if isinstance(facts.readers, Unknown) or facts.gnupg.running is not None:
        pytest.skip("gpg has the card already, or goes by its own driver beside a pcscd that sleeps")
    after = diagnose(cured.using_gpg(facts))
    assert after.facts.gnupg.running is not None
    assert [(it.id, it.found.severity) for it in after.findings if it.found.severity != "info"] == []
    assert not plan(after).changes_something


def test_an_exclusive_scdaemon_names_the_way_for_others() -> None:
    assert "gpgdoctor fix GD201" in verdict(judged(_gnome_kept_out()), None)
    assert "GD201" not in verdict(judged(_gnome_before()), None)


def test_a_forwarded_agent_explains_what_is_not_there() -> None:
    """gpg's agent is on the other side of an ssh connection: neither a reader nor pcscd is missed here."""
    elsewhere = without_pcscd(
        version=DEBIAN_13,
        conf=PCSC,
        usb=(),
        gnupg={"agent_listener": "sshd"},
        host={"session": "ssh"},
    )
    found = {it.id for it in judged(elsewhere).findings}
    assert found == {"GD308"}


def test_daemons_that_hide_their_programs_from_their_own_user_make_nothing_incomplete() -> None:
    """GnuPG's daemons forbid ptrace: without root /proc does not tell what file they run."""
    hidden = Unknown.because("this user may not see it")
    facts = machine(version=DEBIAN_13, conf=PCSC, running=RUNNING, readers=TAKEN, host={"root": False})
    assert isinstance(facts.processes, tuple)
    seen = tuple(replace(it, executable=hidden) if it.role != "pcscd" else it for it in facts.processes)
    assert judged(replace(facts, processes=seen)).verdict == "healthy"
    unasked = replace(facts, processes=seen, gnupg=replace(facts.gnupg, running=None), readers=(reader(),))
    assert judged(unasked).verdict == "healthy"


def test_a_socket_of_systemd_is_no_foreign_agent() -> None:
    fresh = machine(version=DEBIAN_13, conf=PCSC, gnupg={"agent_listener": "systemd"})
    assert isinstance(fresh.processes, tuple)
    fresh = replace(fresh, processes=tuple(it for it in fresh.processes if it != AGENT))
    assert judged(fresh).verdict == "healthy"


def test_keepassxc_is_named_by_elimination() -> None:
    """It hides its sockets from its own user."""
    keepassxc = client("keepassxc", pid=830)
    hidden = Connection(inode=1, uid=ALICE, pid=Unknown.because("not visible"))
    pcscd = {"connections": (hidden,)}
    how: dict[str, Any] = {"conf": PCSC, "readers": SHARED, "pcscd": pcscd, "host": {"root": False}}
    facts = machine(version=DEBIAN_13, others=(keepassxc,), **how)
    (culprit,) = next(it for it in judged(facts).findings if it.id == "GD202").found.culprits
    assert (culprit.program, culprit.certainty) == ("keepassxc", "likely")
    unseen = next(it for it in judged(machine(version=DEBIAN_13, **how)).findings if it.id == "GD202").found
    assert unseen.note is not None and "KeePassXC" in unseen.note.clear() and "other users" not in unseen.note.clear()
