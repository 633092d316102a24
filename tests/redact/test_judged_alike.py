"""Redaction changes no verdict, finding or severity, and what it leaves is judged as the whole was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import Facts, known
from gpgdoctor.redact.redact import redact
from gpgdoctor.report.json import document
from gpgdoctor.snapshot import decode, encode
from gpgdoctor.system.record import replace
from tests.support.build import (
    ALICE,
    BOB,
    HOME,
    NOW,
    ON_USB,
    RUNNING,
    client,
    machine,
    reader,
    with_file,
    without_pcscd,
)
from tests.support.documents import DOCUMENTS
from tests.support.planted import HOST, planted

FACTS = {
    **{name: decode(document["facts"]) for name, document in DOCUMENTS.items()},
    "planted": planted(),
    "planted, newer": planted("2.4.7"),
}
READERS = st.builds(
    "{}{} 0{} 00".format,
    st.sampled_from(("Yubico YubiKey", "Yubico", "SCR 3310 v2.0", "X9J3K2", "Reader of Ada", "A B")),
    st.sampled_from(
        ("", " (0012345678)", " (12345678)", " [12]", " (AB-1)", " jane.doe", " jane", " 00:1A:2B:3C:4D:5E")
    ),
    st.integers(0, 2),
)
USERS = st.sampled_from(("jane.doe", "jane", "card", "reader", "CORP\\jane", "jane@corp.example", "root", "uid 4711"))
PROGRAMS = st.sampled_from(
    ("firefox", "ykman", "jane-agent", "tool --pin 1", "gpgdoctor", "pcsc_scan", "keepassxc", "scdaemon", "x" * 15)
)
PATHS = st.sampled_from(
    (
        f"{HOME}/x",
        "/usr/lib/libpcsclite.so.1",
        "/etc/jane/x y",
        "~/scd.log",
        "/nix/store/a-b/c",
        "scd.log",
        "/dev/shm/q",
    )
)
# The same number from two makers, and from one card by two versions of GnuPG; cards that are not OpenPGP's.
CARDS = st.builds(
    "D276000124010{}0{}{}0000".format,
    st.sampled_from((0, 3)),
    st.sampled_from(("00006", "0000F", "0F517", "00005")),
    st.sampled_from(("12345678", "00000001", "08675309")),
) | st.sampled_from(("FF0001234567", "9276000124010300", "D276000124010304"))
DEVICES = st.builds(
    lambda kind, driver, accessible: replace(ON_USB, driver=driver, accessible=accessible, **kind),
    st.sampled_from(
        (
            {},
            {"title": "Yubico YubiKey (0012345678)"},
            {"vendor": "20a0", "product": "4211", "title": "Nitrokey Start"},
            {"vendor": "058f", "product": "9540", "title": "EMV Smartcard Reader"},
            {"vendor": "1234", "product": "5678", "title": "Reader of Ada", "in_libccid": False},
            {"vendor": "072f", "product": "9000", "title": "ACR38", "ccid": False},
        )
    ),
    st.sampled_from(("usbfs", None, "usbfs", "usbfs", "pn533_usb")),
    st.booleans(),
)
TIMES = st.floats(NOW - 300, NOW + 10) | st.integers(int(NOW) - 5, int(NOW) + 5).map(float)


def outline(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of a diagnosis that is no name."""
    findings = [
        (
            *(it.id, it.found.severity, it.consequence_of, it.ignored, [evidence.fact for evidence in it.because]),
            *([who.certainty for who in it.found.culprits], it.found.cure and it.found.cure.applicability),
            it.found.cure
            and (
                [option.split()[0] for option in it.found.cure.options],
                it.found.cure.restart,
                len(it.found.cure.changes),
            ),
        )
        for it in diagnosis.findings
    ]
    steps = [
        it["fix"]
        and [(step["kind"], step.get("target"), step.get("diff", "").count("\n")) for step in it["fix"]["steps"]]
        for it in document(diagnosis, 0)["findings"]
    ]
    checks = [(check.rule.id, check.status, check.subject is None) for check in diagnosis.checks]
    return {
        "verdict": diagnosis.verdict,
        "complete": diagnosis.complete,
        "findings": findings,
        "steps": steps,
        "checks": checks,
    }


def holds(facts: Facts) -> None:
    before = diagnose(facts)
    after, _ = redact(before, (HOST,))
    assert outline(after) == outline(before)
    assert outline(diagnose(decode(json.loads(json.dumps(encode(after.facts)))))) == outline(before)


@pytest.mark.parametrize("name", FACTS)
def test_every_machine_is_judged_as_before(name: str) -> None:
    holds(FACTS[name])


@pytest.mark.parametrize("name", FACTS)
def test_the_order_of_numbers_and_times_is_kept(name: str) -> None:
    before = FACTS[name]
    (after, _) = redact(diagnose(before))
    if not isinstance(before.processes, tuple):
        return
    for field in ("pid", "started"):
        pairs = [
            (getattr(old, field), getattr(new, field))
            for old, new in zip(before.processes, known(after.facts.processes), strict=True)
            if isinstance(getattr(old, field), (int, float))
        ]
        assert [new for _, new in sorted(pairs)] == sorted(new for _, new in pairs)


@st.composite
def machines(draw: st.DrawFn) -> Facts:
    names = draw(st.lists(READERS, min_size=1, max_size=3, unique=True))
    whole = draw(st.sampled_from(names))
    port = draw(
        st.sampled_from(
            (whole, whole[: draw(st.integers(1, len(whole)))], "7", "12345678", "0", "1050:0407:99:0", "x:y")
        )
        | st.text("0123456789AB:x (", min_size=1, max_size=8)
    ).strip()
    lines = draw(
        st.lists(
            st.sampled_from(("disable-ccid", "pcsc-shared", f"reader-port {port or 'x'}", "disable-cc", "jane 1"))
            | PATHS.map("log-file {}".format)
            | PATHS.map("pcsc-driver {}".format)
            | USERS.map("[user {}]".format),
            max_size=5,
        )
    )
    me = draw(USERS)
    clients = tuple(
        client(draw(PROGRAMS), 900 + number, user=draw(USERS), uid=draw(st.sampled_from((ALICE, BOB, 0, 70_000))))
        for number in range(draw(st.integers(0, 2)))
    )
    state = draw(st.sampled_from((("PRESENT",), ("PRESENT", "INUSE"), ("PRESENT", "EXCLUSIVE"), ("EMPTY",))))
    facts = machine(
        version=draw(st.sampled_from(("2.2.40", "2.4.7"))),
        conf="".join(f"{line}\n" for line in lines),
        agent_conf=draw(st.sampled_from((None, "disable-scdaemon\n", f"log-file {draw(PATHS)}\n"))),
        readers=tuple(reader(*state, name=name) for name in names),
        running=draw(st.sampled_from((None, RUNNING, replace(RUNNING, cards=())))),
        clients=clients,
        own_driver=draw(st.booleans()),
        host={"user": me},
    )
    return _at_times(with_file(facts, f"{HOME}/scdaemon.conf", changed=draw(TIMES)), draw(TIMES))


def _at_times(facts: Facts, started: float) -> Facts:
    processes = tuple(
        replace(process, started=started) if process.role == "scdaemon" else process
        for process in known(facts.processes)
    )
    return replace(facts, processes=processes)


@settings(deadline=None, max_examples=200)
@given(machines())
def test_any_machine_is_judged_as_before(facts: Facts) -> None:
    holds(facts)


@st.composite
def by_own_driver(draw: st.DrawFn) -> Facts:
    """Machines on which what is on USB, and whose card it is, decides: with and without a pcscd."""
    devices = draw(st.lists(DEVICES, min_size=2, max_size=3))
    usb = tuple(replace(it, name=f"1-{number}:1.0") for number, it in enumerate(devices))
    cards = tuple(draw(st.lists(CARDS, min_size=1, max_size=2) | st.just([])))
    stubs = tuple(draw(st.lists(CARDS | st.sampled_from(cards or ("X",)), max_size=2)))
    how: dict[str, Any] = {
        "version": draw(st.sampled_from(("2.2.40", "2.4.7"))),
        "conf": draw(st.sampled_from(("", "", "", "disable-ccid\n"))),
        "usb": usb,
        "running": draw(st.sampled_from((None, replace(RUNNING, cards=cards), replace(RUNNING, cards=cards)))),
        "gnupg": {"stub_serials": stubs, "card_keys": len(stubs)},
    }
    if draw(st.booleans()):
        return without_pcscd(**how)
    names = draw(st.lists(READERS, max_size=2, unique=True))
    return machine(readers=tuple(reader(name=name) for name in names), **how)


# A built-in reader that somebody has claimed, and the token that the card's maker tells to be scdaemon's.
BESIDE_A_BUILT_IN_READER = without_pcscd(
    running=RUNNING,
    usb=(replace(ON_USB, name="1-4:1.0", vendor="058f", product="9540", title="EMV Smartcard Reader"), ON_USB),
)
# Keys that are on no card of this maker, and on one of another with the same number.
OF_TWO_MAKERS = without_pcscd(
    running=RUNNING, gnupg={"card_keys": 1, "stub_serials": ("D276000124010304000F123456780000",)}
)


@settings(deadline=None, max_examples=300)
@given(by_own_driver())
@example(BESIDE_A_BUILT_IN_READER)
@example(OF_TWO_MAKERS)
def test_any_machine_is_judged_as_before_by_what_is_on_usb(facts: Facts) -> None:
    holds(facts)
