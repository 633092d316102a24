"""Nothing private leaves: what is planted is not found again, and what was found is found all the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Privacy, Unknown, privacy_of
from gpgdoctor.redact.redact import redact
from gpgdoctor.report.json import document, dump
from gpgdoctor.rules import catalogue
from gpgdoctor.rules.rule import Advice, Found, Subject, advise
from gpgdoctor.system.record import Record, replace
from gpgdoctor.wording import free, line, path, text, user
from tests.support.build import CONF, IN_USE, client, machine, reader, with_file
from tests.support.documents import DOCUMENTS, again, checked, outline, outlined, redacted
from tests.support.known_secrets import CONFIGURATION, HOSTS, SECRETS, SERIAL, planted


def test_nothing_planted_is_found_again() -> None:
    text = dump(redacted(planted(), HOSTS))
    assert [secret for secret in SECRETS if secret.lower() in text.lower()] == []


def test_what_was_planted_was_there() -> None:
    text = dump(checked(planted()))
    assert {secret for secret in SECRETS if secret not in text} == {"123456 ", "Lovelace"}, (
        "comments are not kept at all"
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_judged_as_before(name: str) -> None:
    before = DOCUMENTS[name]
    after = again(before)
    assert outline(after) == outlined(after) == outline(before)
    assert "alice" not in dump(after)
    assert (after["verdict"], after["complete"], after["seconds"]) == (
        before["verdict"],
        before["complete"],
        before["seconds"],
    )


def test_planted_secrets_change_no_judgement() -> None:
    before = checked(planted())
    after = redacted(planted())
    assert outline(after) == outlined(after) == outline(before)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_redacting_twice_changes_nothing_more(name: str) -> None:
    once = again(DOCUMENTS[name])
    assert {**again(once), "redacted": None} == {**once, "redacted": None}


def test_one_thing_has_one_alias_everywhere() -> None:
    document = redacted(planted())
    facts = document["facts"]
    assert facts["host"]["user"] == "user1"
    assert facts["gnupg"]["homedir"] == "/home/user1/.gnupg"
    assert facts["processes"][-2]["program"] == "user1-sync"
    assert facts["readers"][0]["name"] == "Yubico YubiKey OTP+FIDO+CCID (serial1) 00 00"
    assert facts["gnupg"]["running"]["cards"] == ["D2760001240100000006serial1"], "the maker decides"
    port = next(it["value"] for it in facts["configuration"]["in_force"] if it["option"] == "reader-port")
    assert port == "Yubico YubiKey OTP+FIDO+CCID (serial1)"
    subjects = {finding["subject"] for finding in document["findings"]}
    assert "/home/user1/.gnupg/scdaemon.conf" in subjects


def test_the_ledger_counts_things_not_places() -> None:
    holder = client("firefox", user="bob", uid=1001, executable="/home/bob/firefox")
    facts = machine(readers=(replace(IN_USE, name=SERIAL),), clients=(holder,), conf="disable-ccid # bob\n")
    assert redacted(facts)["redacted"] == {"comment": 1, "serial": 1, "user": 2}


def test_what_is_not_private_stays() -> None:
    before = checked(planted())
    after = redacted(planted())
    for kind, fields in (("gnupg", ("scdaemon_version", "scdaemon_options", "gpgconf")), ("host", ("distribution",))):
        for field in fields:
            assert after["facts"][kind][field] == before["facts"][kind][field]
    del before["facts"]["pcscd"]["connections"], after["facts"]["pcscd"]["connections"]
    assert after["facts"]["pcscd"] == before["facts"]["pcscd"]
    kept = {line["text"] for file in after["facts"]["configuration"]["files"] for line in file["lines"]}
    assert {"pcsc-sharde", "deny-admin   # [redacted comment]", "# card-timeout value1"} <= kept | {
        "# card-timeout value1"
    }
    readers = [it["name"] for it in after["facts"]["readers"]]
    assert readers[2] == "HID Global OMNIKEY 5422 [OMNIKEY 5422CL] (serial3) 02 00"
    assert after["facts"]["readers"][0]["atr"] == before["facts"]["readers"][0]["atr"]


def test_users_of_the_system_stay() -> None:
    facts = machine(clients=(client("firefox", user="pcscd", uid=120), client("x", 801, user="root", uid=0)))
    users = [process["user"] for process in redacted(facts)["facts"]["processes"]]
    assert users == ["root", "user1", "pcscd", "root"]


def without_pids(sentence: str) -> str:
    return re.sub(r"pid \d+", "pid", sentence)


@pytest.mark.parametrize("name", ["card", "reader", "gpg", "me", "pcscd-user", "shared", "debian", "session"])
def test_a_user_whose_name_is_a_word_spoils_no_sentence(name: str) -> None:
    home = f"/home/{name}/.gnupg"
    facts = machine(
        readers=(IN_USE,),
        clients=(client("firefox", user=name),),
        gnupg={"homedir": home, "card_keys": Unknown.because(f"{home}/private-keys-v1.d: Permission denied")},
        host={"user": name},
    )
    before, after = checked(facts), redacted(facts)
    assert [without_pids(it["summary"]) for it in after["findings"]] == [
        without_pids(it["summary"]) for it in before["findings"]
    ]
    assert after["facts"]["gnupg"]["homedir"] == "/home/user1/.gnupg"
    assert after["facts"]["gnupg"]["scdaemon_options"] == before["facts"]["gnupg"]["scdaemon_options"]
    assert after["facts"]["host"] == {**before["facts"]["host"], "user": "user1", "time": 0.0}
    assert outline(after) == outline(before)


def test_users_of_a_domain_and_their_homes() -> None:
    facts = machine(
        gnupg={
            "homedir": "/home/corp.example/alice/.gnupg",
            "card_keys": Unknown.because("CORP\\alice is not alice@corp.example"),
        },
        host={"user": "alice@corp.example", "uid": 1_384_823},
    )
    after = dump(redacted(facts))
    assert not re.search("alice|corp|1384823", after, re.IGNORECASE)


# -- every single text -------------------------------------------------------------------------------------------

ANYWHERE = "see /home/alice/acme: alice@example.org, 87654321 0123456789abcdef01234567"
NOT_ANYWHERE = ("alice", "acme", "example.org", "87654321", "0123456789abcdef")


def texts_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every text in a document."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts_in(item, (*place, key))


def with_text(value: Any, place: tuple[Any, ...], text: str) -> Any:
    if not place:
        return text
    copy = value.copy()
    copy[place[0]] = with_text(value[place[0]], place[1:], text)
    return copy


RICH = {**checked(planted()), "findings": [], "checks": []}


def public_places(record: Record, place: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Where facts have what is nobody's own, by what each field declares."""
    declared = privacy_of(type(record))
    for name in record.__slots__:
        value, here = getattr(record, name), (*place, name)
        if declared.get(name) is Privacy.PUBLIC:
            yield here
        for number, item in enumerate(value) if isinstance(value, tuple) else ((None, value),):
            if isinstance(item, Record):
                yield from public_places(item, here if number is None else (*here, number))


PUBLIC = set(public_places(planted(), ("facts",)))
SEARCHED = [
    place
    for place in texts_in(RICH["facts"], ("facts",))
    if not {place[:length] for length in range(len(place) + 1)} & PUBLIC and place != ("facts", "gnupg", "scdaemon")
]


@pytest.mark.parametrize("place", SEARCHED, ids=lambda place: ".".join(map(str, place)))
def test_any_text_may_hold_a_secret(place: tuple[Any, ...]) -> None:
    text = dump(again(with_text(RICH, place, ANYWHERE), HOSTS))
    assert [secret for secret in NOT_ANYWHERE if secret in text] == []


def test_what_the_redacted_facts_would_not_say_is_told_with_aliases() -> None:
    diagnosis = diagnose(planted())
    foreign = replace(
        diagnosis.findings[0],
        rule=catalogue()["GD101"],
        about=Subject(name=text("{path}", path=path(CONF))),
        found=Found(
            severity="info",
            summary=text("{line} in {path}, says {who}", line=line("hunter2"), path=path(CONF), who=user("carol")),
            because=(),
            cure=advise(Advice(text=text("Ask {it}", it=free("alice")), commands=(("ls", path("/home/bob/acme")),))),
        ),
    )
    unknown = replace(
        diagnosis.checks[0], status="unknown", reason=text("{why}", why=free("alice may not see it")), about=Subject()
    )
    more = replace(diagnosis, findings=(*diagnosis.findings, foreign), checks=(*diagnosis.checks, unknown))
    after = document(redact(more, HOSTS)[0], 0)
    assert [secret for secret in SECRETS if secret in dump(after)] == []
    assert after["checks"][-1]["reason"] == "user1 may not see it"
    assert after["findings"][-1]["summary"] == "[redacted line] in /home/user1/.gnupg/scdaemon.conf, says user2"
    assert [it["id"] for it in after["findings"]] == [*(it.id for it in diagnosis.findings), "GD101"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    facts = machine(conf=CONFIGURATION, readers=(reader(name="\udcff (\x1b[31m9) 00 00"),))
    facts = with_file(facts, CONF, last_line="\udce4\udcf6", detail="\udcff", target="/home/\udcff/\udcfe")
    json.loads(dump(redacted(facts)))


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/usr/bin/quentyn-card", "/usr/bin/user1-card"),
        ("/usr/lib/vendor/borealis_tool", "/usr/lib/vendor/host1_tool"),
        ("/nix/store/abc-QUENTYN-conf/x", "/nix/store/abc-user1-conf/x"),
        ("/usr/lib/quentynsson/card", "/usr/lib/quentynsson/card"),
        ("/usr/libexec/scdaemon", "/usr/libexec/scdaemon"),
    ],
)
def test_a_name_within_a_part_of_a_systems_path_is_found(path: str, kept: str) -> None:
    facts = machine(clients=(replace(client("tool"), executable=path),), host={"user": "quentyn"})
    document = redacted(facts, hosts=("borealis.example.org",))
    assert kept in [process.get("executable") for process in document["facts"]["processes"]]


def test_letters_with_more_than_two_cases_are_found_all_the_same() -> None:
    facts = machine(clients=(replace(client("tool"), executable="/usr/lib/sel\u0131n-card"),), host={"user": "selin"})
    executables = [process.get("executable") for process in redacted(facts)["facts"]["processes"]]
    assert "/usr/lib/user1-card" in executables
