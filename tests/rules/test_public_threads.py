"""Machines as public threads with an established cause describe them: the cause is named, and none is called healthy.

A thread tells some of the facts; the others are those of an ordinary machine of its distribution and year.
"""

from __future__ import annotations

from typing import Any

import pytest

from gpgdoctor.facts import BlockedDevice, Connection, Facts, HomeProblem, LogEvent, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import (
    ALICE,
    FREE_ON_USB,
    ON_USB,
    PCSCD,
    ROOT,
    RUNNING,
    SCDAEMON,
    SHARING,
    client,
    configured,
    connection,
    machine,
    reader,
    scdaemon_table,
    without_pcscd,
)
from tests.support.judging import causes, finding, judged

PCSC = "disable-ccid\n"
KEYS = {"card_keys": 3}
LOCKED = replace(FREE_ON_USB, accessible=False)
EMPTY_HANDED = replace(RUNNING, cards=())
SHARED = (reader("PRESENT", "INUSE", probe="ok"),)
ALONE = (reader("PRESENT", "EXCLUSIVE", probe="not-needed"),)
NIXOS = {"distribution": "nixos NixOS 24.11 (Vicuna)"}
WSL = {"container": "wsl", "session": None, "init": "none", "session_unit": None}
SSH = {"session": "ssh", "session_unit": "session-5.scope"}
NOT_USED = {"connections": ()}


def refused(code: str = "0x8010006A", version: str = "2.4.7", conf: str | None = PCSC, **how: Any) -> Facts:
    """polkit says no to who asks pcscd."""
    pcscd = {"answer": code, "polkit": True, **how.pop("pcscd", {})}
    readers = Unknown.because(f"pcscd answers {code}")
    return machine(version=version, conf=conf, readers=readers, pcscd=pcscd, gnupg=KEYS, **how)


def pcscd_as_its_own_user(facts: Facts) -> Facts:
    assert isinstance(facts.processes, tuple)
    own = replace(PCSCD, uid=971, user="pcscd")
    return replace(facts, processes=(own, *(it for it in facts.processes if it.role != "pcscd")))


def unlisted(conf: str | None = PCSC, version: str = "2.4.7", **how: Any) -> Facts:
    """A token on USB that a running pcscd does not list."""
    given = {"usb": (FREE_ON_USB,), "gnupg": KEYS, **how}
    return machine(version=version, conf=conf, readers=(), **given)


def held(*programs: str, version: str = "2.4.7", conf: str | None = PCSC, readers: Any = SHARED, **how: Any) -> Facts:
    clients = tuple(client(name, pid=800 + number) for number, name in enumerate(programs))
    return machine(version=version, conf=conf, readers=readers, clients=clients, gnupg=KEYS, **how)


def waiting_beside_own_driver(program: str) -> Facts:
    """scdaemon has the token by its own driver, and a program asks pcscd for it."""
    waits = client(program)
    facts = machine(version="2.4.7", running=RUNNING, readers=(), others=(waits,), pcscd=NOT_USED)
    return replace(facts, pcscd=replace(facts.pcscd, connections=(connection(waits),)))


DENIED = LogEvent(kind="open-failed", age=60.0, code="ACCESS")
BUSY = LogEvent(kind="open-failed", age=60.0, code="BUSY")
MISMATCH = LogEvent(kind="protocol-mismatch", age=60.0, client="4:4", server="4:5")
ROOTS = replace(SCDAEMON, pid=900, uid=ROOT, user="root", cards=Unknown.because("root's"))
SOLOS = replace(FREE_ON_USB, in_libccid=False, vendor="1209", product="beee", title="Solo 2 Security Key")
TOKEN = BlockedDevice(name="1-3", vendor="1050", product="0407", title="YubiKey OTP+FIDO+CCID")

THREADS: dict[str, tuple[str, Facts]] = {
    "LudovicRousseau/PCSC#65": (
        "GD402",  # pcscd of its own user came before udev had opened the node
        pcscd_as_its_own_user(unlisted(version="2.2.41", pcscd={"log": (DENIED,)})),
    ),
    "drduh/YubiKey-Guide#404": ("GD205", machine(version="2.4.3", gnupg=KEYS)),
    "Yubico/yubikey-manager#514": ("GD205", machine(version="2.3.7", conf="reader-port Yubico Yubi\n", gnupg=KEYS)),
    "LudovicRousseau/PCSC#215": ("GD202", held("geoclue", "gsd-smartcard", version="2.4.5", running=EMPTY_HANDED)),
    "NixOS/nixpkgs#349249": ("GD314", unlisted(pcscd={"drivers": False}, host=NIXOS)),
    "clearlinux/distribution#490": ("GD402", without_pcscd(version="2.2.13", usb=(LOCKED,), gnupg=KEYS)),
    "NixOS/nixpkgs#290926": ("GD401", refused(host=SSH)),
    "Yubico/yubico-piv-tool#504": ("GD401", refused("0x8010001D", host=SSH)),
    "drduh/YubiKey-Guide#376": ("GD401", refused("0x8010001D", "2.2.41", host={"session": None})),
    "Yubico/yubikey-manager#624": ("GD401", refused(version="2.4.4", host=SSH)),
    "LudovicRousseau/PCSC#59": ("GD401", refused(host={"container": "docker", "session": None, "uid": ROOT})),
    "NixOS/nixpkgs#121121": ("GD401", refused("0x8010001D", "2.2.27", pcscd={"policy": False}, host=NIXOS)),
    "ublue-os/config#180": ("GD401", refused(version="2.4.3")),
    "secureblue/secureblue#1231": (
        "GD401",  # a rule that names the reader 00 00, and access_card is asked for another
        machine(
            version="2.4.8",
            conf=PCSC,
            gnupg=KEYS,
            pcscd={
                "polkit": True,
                "log": (LogEvent(kind="not-authorised", age=9.0, uid=ALICE, pid=77, action="access_card"),),
            },
        ),
    ),
    "unix.stackexchange.com/q/253462": (
        "GD306",
        machine(version="2.2.40", gnupg={"scdaemon_exists": False, "scdaemon_version": None, **KEYS}),
    ),
    "dorssel/usbipd-win#97": (
        "GD402",
        without_pcscd(version="2.2.27", usb=(LOCKED,), gnupg=KEYS, host=WSL, pcscd={"installed": False, "unit": None}),
    ),
    "microsoft/WSL#9817": (
        "GD308",
        without_pcscd(version="2.2.27", usb=(), host=WSL, gnupg={"agent_listener": "socat"}),
    ),
    "microsoft/WSL#2568": ("GD501", without_pcscd(version="2.2.4", usb=(), host=WSL)),
    "NixOS/nixpkgs#15960": (
        "GD111",
        without_pcscd(version="2.2.40", gnupg={"homedir_problems": (HomeProblem.WRITABLE,), **KEYS}),
    ),
    "Yubico/yubioath-flutter#1725": ("GD312", machine(version="2.4.5", conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "Yubico/yubikey-manager#663": ("GD312", machine(version="2.4.4", conf=PCSC, pcscd={"log": (MISMATCH,)})),
    "desktop/desktop#18659": (
        "GD315",
        machine(version="2.4.4", conf=PCSC, common_conf="use-keyboxd\n", gnupg={"keyboxd_exists": False}),
    ),
    "nix-community/home-manager#908": (
        "GD113",
        machine(
            version="2.4.7",
            conf=PCSC,
            agent_conf="pinentry-program /nix/store/" + "a" * 32 + "-pinentry-1.1/bin/pinentry\n",
            configuration={"pinentry_exists": False},
        ),
    ),
    "NixOS/nixpkgs#121088": (
        "GD313",
        without_pcscd(version="2.2.27", conf=PCSC, usb=(FREE_ON_USB,), pcscd={"service": "failed"}, host=NIXOS),
    ),
    "LudovicRousseau/PCSC#119": (
        "GD304",
        machine(version="2.2.4", conf=PCSC, readers=(), pcscd={"answer": "0x8010001E"}, gnupg=KEYS),
    ),
    "drduh/YubiKey-Guide#233": (
        "GD603",
        machine(
            version="2.2.27",
            conf=PCSC,
            running=RUNNING,
            readers=ALONE,
            gnupg={"stub_serials": ("D2760001240103040006999999990000",), **KEYS},
        ),
    ),
    "OpenSC/OpenSC#2109": ("GD203", held("autofirma", readers=ALONE)),
    "FiloSottile/yubikey-agent#5": ("GD203", held("yubikey-agent", readers=ALONE, running=EMPTY_HANDED)),
    "OpenSC/OpenSC#2980": ("GD202", held("firefox", running=EMPTY_HANDED)),
    "keepassxreboot/keepassxc#13665": (
        "GD602",
        machine(
            version="2.2.40",
            conf=SHARING,
            clients=(client("keepassxc"),),
            running=RUNNING,
            readers=SHARED,
        ),
    ),
    "a YubiKey that root's scdaemon has": ("GD206", without_pcscd(version="2.4.7", usb=(ON_USB,), others=(ROOTS,))),
    "scdaemon first, then ykman": ("GD208", waiting_beside_own_driver("ykman")),
    "a Solo 2 that libccid does not list": ("GD502", unlisted(usb=(SOLOS,))),
    "a hub that pcscd found busy": ("GD502", unlisted(pcscd={"log": (BUSY,)})),
    "usbguard": ("GD404", replace(without_pcscd(version="2.4.7", usb=(), gnupg=KEYS), usb_blocked=(TOKEN,))),
    "an option of 2.2 left in 2.4": ("GD101", machine(version="2.4.7", conf=f"{PCSC}disable-opensc\n", gnupg=KEYS)),
    "MacGPG2's word on Linux": ("GD101", machine(version="2.4.7", conf=f"{PCSC}shared-access\n", gnupg=KEYS)),
    "a masked pcscd": (
        "GD301",
        without_pcscd(version="2.4.7", conf=PCSC, usb=(FREE_ON_USB,), pcscd={"unit": "masked"}, gnupg=KEYS),
    ),
    "a program of another user that nobody sees": (
        "GD202",
        held(pcscd={"connections": (Connection(inode=1, uid=120, pid=Unknown.because("no")),)}, host={"root": False}),
    ),
}


@pytest.mark.parametrize("thread", THREADS)
def test_its_cause_is_named_and_nothing_louder(thread: str) -> None:
    id, facts = THREADS[thread]
    assert id in causes(facts), {it.id: it.found.severity for it in judged(facts).findings}
    assert judged(facts).verdict == "findings"
    assert judged(facts).findings[0].id == id, "it comes first"


def test_a_refused_greeter_is_no_cause() -> None:
    """LudovicRousseau/PCSC#229: lines of polkit's refusals of uid 999 on a machine where gpg works."""
    log = tuple(LogEvent(kind="not-authorised", age=60.0 + n, uid=999, pid=n, action="access_pcsc") for n in range(5))
    facts = machine(version="2.4.7", conf=PCSC, pcscd={"polkit": True, "log": log})
    assert judged(facts).verdict == "healthy"


def test_in_wsl_windows_has_the_device() -> None:
    cure = finding(THREADS["microsoft/WSL#2568"][1], "GD501").found.cure
    assert cure is not None and "usbipd" in cure.advice[0].text.clear()


def _told_otherwise(facts: Facts, conf: str, agent_conf: str | None) -> Facts:
    """The same machine with another configuration and no scdaemon that runs."""
    version = facts.gnupg.scdaemon_version
    assert isinstance(version, str)
    told = configured(scdaemon_table(version), conf, None, agent_conf, None)
    its = {"files": told.files, "in_force": told.in_force, "agent_in_force": told.agent_in_force}
    return replace(
        facts,
        configuration=replace(facts.configuration, **its),
        gnupg=replace(facts.gnupg, running=None),
    )


@pytest.mark.parametrize("thread", [name for name in THREADS if THREADS[name][0] not in ("GD306", "GD113")])
@pytest.mark.parametrize(
    ("cause", "conf", "agent_conf"),
    [
        ("GD101", f"{PCSC}no-such-option\nreader-port Nowhere\n", None),
        ("GD108", f"{PCSC}reader-port Nowhere\n", "disable-scdaemon\n"),
    ],
)
def test_where_scdaemon_does_not_start_nothing_else_says_what_gpg_reports(
    thread: str, cause: str, conf: str, agent_conf: str | None
) -> None:
    facts = THREADS[thread][1]
    if cause == "GD101" and str(facts.gnupg.scdaemon_version).startswith("2.2"):
        pytest.skip("2.2 starts all the same")
    found = judged(_told_otherwise(facts, conf, agent_conf)).findings
    assert cause in {it.id for it in found}
    told = {it.id for it in found if it.found.effect is not None and "gpg says" in it.found.effect.clear()}
    assert told <= {cause, "GD111", "GD308"}
