"""What a trace means: the rules of check, on the facts of a look and on what was seen."""

from __future__ import annotations

import pytest

from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.instruments.trace.meaning import meaning
from gpgdoctor.instruments.trace.seen import Seen
from gpgdoctor.pcsc import names
from gpgdoctor.pcsc.wire import Command
from gpgdoctor.system.record import replace
from tests.support.build import PRESENT, YUBIKEY, client, machine, without_pcscd
from tests.support.talk import Talk, state

CONF = "disable-ccid\n"
BEFORE = machine(readers=(PRESENT,), clients=(client("firefox"),), conf=CONF)


def seen_of(talk: Talk) -> Seen:
    seen = Seen()
    for event in talk.events:
        seen.take(event)
    return seen


def talk_of(program: str, sharing: int = 0) -> Talk:
    talk = Talk(program=program)
    talk.establish()
    talk.states(state(YUBIKEY, sharing=sharing))
    return talk


def found(facts: Facts, talk: Talk) -> list[str]:
    return [finding.id for finding in meaning(facts, seen_of(talk)).findings]


@pytest.mark.parametrize(("sharing", "ids"), [(1, ["GD202"]), (3, ["GD202"]), (-1, ["GD203"])])
def test_a_refused_scdaemon_is_judged_by_who_was_connected(sharing: int, ids: list[str]) -> None:
    talk = talk_of("scdaemon", sharing)
    talk.connect(share=names.EXCLUSIVE, code=names.SHARING_VIOLATION, reader=YUBIKEY)
    assert found(BEFORE, talk) == ids


def test_another_program_that_is_refused_says_nothing_of_scdaemon() -> None:
    talk = talk_of("ykman", sharing=1)
    talk.connect(share=names.EXCLUSIVE, code=names.SHARING_VIOLATION, reader=YUBIKEY)
    assert found(BEFORE, talk) == []


def test_a_scdaemon_that_got_the_card_proves_nothing() -> None:
    talk = talk_of("scdaemon")
    talk.connect(share=names.EXCLUSIVE, reader=YUBIKEY)
    assert found(BEFORE, talk) == []


@pytest.mark.parametrize(("waited_s", "ids"), [(1.0, []), (2.5, ["GD204"])])
def test_a_wait_is_a_transaction_after_two_seconds(waited_s: float, ids: list[str]) -> None:
    talk = talk_of("firefox", sharing=1)
    talk.ask(Command.CONNECT, szReader=YUBIKEY.encode(), dwShareMode=2, dwPreferredProtocols=3)
    talk.conversation.look(talk.now_s + 0.6)
    talk.conversation.end(talk.now_s + waited_s, by_pcscd=False)
    assert found(BEFORE, talk) == ids


def test_a_refused_context_is_a_matter_of_permission() -> None:
    talk = Talk()
    talk.ask(Command.VERSION, major=4, minor=4)
    talk.conversation.end(talk.now_s, by_pcscd=True)
    facts = replace(BEFORE, pcscd=replace(BEFORE.pcscd, polkit=True))
    assert found(facts, talk) == ["GD401"]


def test_a_refused_card_is_a_matter_of_permission() -> None:
    talk = talk_of("scdaemon")
    talk.connect(code=names.SECURITY_VIOLATION, reader=YUBIKEY)
    facts = replace(BEFORE, pcscd=replace(BEFORE.pcscd, polkit=True))
    assert found(facts, talk) == ["GD401"]


def test_two_protocols_are_a_mismatch() -> None:
    talk = Talk(5)
    talk.ask(Command.VERSION, major=4, minor=5)
    talk.answer(Command.VERSION, major=4, minor=4, rv=names.SERVICE_STOPPED)
    talk.conversation.end(talk.now_s, by_pcscd=False)
    assert found(BEFORE, talk) == ["GD304"]


def test_a_pcscd_that_slept_at_the_look_is_judged_awake() -> None:
    asleep = without_pcscd()
    asleep = replace(
        asleep, pcscd=replace(asleep.pcscd, listener="activator"), readers=Unknown.because("pcscd is asleep")
    )
    talk = talk_of("scdaemon", sharing=-1)
    talk.connect(share=names.EXCLUSIVE, code=names.SHARING_VIOLATION, reader=YUBIKEY)
    assert "GD203" in found(asleep, talk)


def test_the_words_are_those_of_check() -> None:
    talk = talk_of("scdaemon", sharing=1)
    talk.connect(share=names.EXCLUSIVE, code=names.SHARING_VIOLATION, reader=YUBIKEY)
    (finding,) = meaning(BEFORE, seen_of(talk)).findings
    assert finding.rule.name == "shared-holder-blocks-scdaemon"
    assert finding.found.summary.clear().startswith("firefox (pid")
    assert finding.found.culprits[0].program == "firefox"
