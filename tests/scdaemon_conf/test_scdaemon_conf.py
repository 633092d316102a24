"""How scdaemon's configuration is read and edited: every construct, with and without a real scdaemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpgdoctor.scdaemon_conf.edits import Add, Change, CommentOut, Replace, cure, diff, mend, rewrite
from gpgdoctor.scdaemon_conf.force import Lock, fatal_errors, stops
from gpgdoctor.scdaemon_conf.kinds import classify
from gpgdoctor.scdaemon_conf.lines import MESSAGES, Line
from gpgdoctor.scdaemon_conf.meaning import near
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.scdaemon_conf.reading import in_force, parse, read
from gpgdoctor.scdaemon_conf.values import number_in
from tests.support.labs import cannot_run
from tests.support.scdaemons import ROOTS, RealScdaemon, compare_complaints, compare_values, every_one

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "conf"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FIXTURES / "expected.json").read_text())
CONFIGURATIONS = [name for name, expected in EXPECTED.items() if "kind" not in expected]
ADDED = (Add(statement="disable-ccid"), Add(statement="pcsc-shared"))


def option_table(program: str) -> OptionTable:
    return parse_option_table((FIXTURES / f"{program}.options").read_text())


TABLE = option_table("scdaemon-2.2.40")


def files_of(name: str) -> tuple[bytes, bytes]:
    """The user's file and the global one."""
    system = FIXTURES / f"{name}.global.conf"
    return (FIXTURES / f"{name}.conf").read_bytes(), system.read_bytes() if system.exists() else b""


def only(content: bytes) -> Line:
    (line,) = parse(content, TABLE)
    return line


def edited(content: bytes, *changes: Change) -> bytes:
    return rewrite(content, changes, TABLE)


# What the files of fixtures/conf amount to


def test_every_file_is_expected() -> None:
    assert {path.name.split(".")[0] for path in FIXTURES.glob("*.conf")} == set(EXPECTED)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_in_force(name: str) -> None:
    user, system = files_of(name)
    expected = EXPECTED[name]
    effective = read(system, user, TABLE, "alice")
    assert {each.option: effective.value(each.option) for each in effective.settings} == expected["in_force"]
    voided = {each.option: f"{each.by} in line {each.by_line}" for each in effective.voided}
    assert voided == expected.get("voided", {})
    assert [number for _, number in effective.undecided] == expected.get("undecided", [])


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_wrong(name: str) -> None:
    user, system = files_of(name)
    expected = EXPECTED[name]
    effective = read(system, user, TABLE, "alice")
    for key, lines in (("problems", effective.user_lines), ("global_problems", effective.global_lines)):
        assert {str(line.number): line.problem for line in lines if line.problem} == expected.get(key, {})
    options = {str(line.number): line.option for line in effective.user_lines if line.problem and line.option}
    assert options == expected.get("about_option", {})
    assert {str(line.number): line.meant for line in effective.user_lines if line.meant} == expected.get("meant", {})


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_how_it_is_cured(name: str) -> None:
    user, system = files_of(name)
    lines = [line for line in read(system, user, TABLE, "alice").user_lines if line.problem and not line.meant]
    cures = {str(line.number): cure(line, TABLE) for line in lines}
    said = {number: change.text if isinstance(change, Replace) else None for number, change in cures.items()}
    assert said == EXPECTED[name].get("cure", {})


@pytest.mark.parametrize("name", EXPECTED)
def test_what_kind_of_file_it_is(name: str) -> None:
    assert classify(files_of(name)[0]) == EXPECTED[name].get("kind")


@pytest.mark.parametrize("name", EXPECTED)
def test_no_byte_is_lost(name: str) -> None:
    content, _ = files_of(name)
    assert b"".join(line.content for line in parse(content, TABLE)) == content
    assert edited(content) == content


# The same with a real scdaemon


@pytest.fixture(scope="module", params=ROOTS)
def real(request: pytest.FixtureRequest) -> Iterator[RealScdaemon]:
    yield from every_one(request)


@pytest.mark.parametrize("name", [name for name in EXPECTED if "undecided" not in EXPECTED[name]])
def test_the_real_scdaemon_agrees(real: RealScdaemon, name: str) -> None:
    user, system = files_of(name)
    compare_complaints(real, user, system)
    compare_values(real, user, system)


@pytest.mark.parametrize(
    "content",
    [b"#" + b"x" * 200_000 + b"\ndisable-ccid\n", b"reader-port " + b"x" * 5_000 + b"\n", b"disable-ccid\n" * 10_000],
    ids=["a comment of 200 kB", "a value of 5 kB", "10,000 lines"],
)
def test_the_real_scdaemon_agrees_about_long_files(real: RealScdaemon, content: bytes) -> None:
    compare_complaints(real, content, None)
    compare_values(real, content, None)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_real_scdaemon_takes_the_cure(real: RealScdaemon, name: str) -> None:
    content, _ = files_of(name)
    while complaints := [line for line in parse(content, real.table) if line.problem]:
        changed = rewrite(content, [cure(line, real.table) for line in complaints], real.table)
        assert changed != content
        content = changed
    effective = compare_complaints(real, rewrite(content, ADDED, real.table), None)
    assert not effective.complaints
    assert effective.has("disable-ccid")
    assert effective.has("pcsc-shared")


def test_the_real_gpg_agent_agrees(real: RealScdaemon) -> None:
    if not (real.tree / "bin/gpg-agent").exists():
        cannot_run("no gpg-agent")
    table = parse_option_table(real.run("bin/gpg-agent", "--dump-option-table").stdout.decode())
    agent_file = real.user_file.with_name("gpg-agent.conf")
    # gpg-agent 2.4.7 lists this one, and takes it no more: its table cannot tell.
    names = [option.name for option in table.options if option.name != "inactivity-timeout"]
    for name in (name for name in names if not name.startswith("gpgconf-")):
        for rest in ("", " ", " x", " -5"):
            content = f"{name}{rest}\n".encode()
            agent_file.write_bytes(content)
            said = [text for _, _, text in real.test_configuration("bin/gpg-agent").complaints]
            assert said == [MESSAGES[line.problem] for line in parse(content, table) if line.problem in MESSAGES], (
                content
            )


# The option table


def test_what_the_table_tells() -> None:
    assert TABLE.knows("pcsc-shared")
    assert not TABLE.knows("shared-access")
    assert (TABLE.argument("disable-ccid"), TABLE.argument("reader-port")) == ("none", "string")
    assert (TABLE.argument("listen-backlog"), TABLE.argument("card-timeout")) == ("int", "ulong")
    assert TABLE.argument("nonsense") is None


@pytest.mark.parametrize("name", ["Monitor", "Configuration", "Security", "help", "version", "no-options"])
def test_what_no_file_may_say(name: str) -> None:
    assert TABLE.find(name)
    assert not TABLE.knows(name)


def test_whether_scdaemon_has_its_own_ccid_driver() -> None:
    built_without = (FIXTURES / "scdaemon-2.2.40.options").read_text()
    built_without = built_without.replace("do not use the internal CCID driver", "@")
    assert TABLE.own_ccid_driver is True
    assert parse_option_table(built_without).own_ccid_driver is False
    assert COMMON_OPTIONS.own_ccid_driver is None


def test_options_differ_by_version() -> None:
    line = b"compatibility-flags ccid-no-auto-detach\n"
    assert only(line).problem == "unknown-option"
    assert parse(line, option_table("scdaemon-2.4.7"))[0].problem is None


def test_the_files_of_other_programs() -> None:
    agent = option_table("gpg-agent-2.2.40")
    lines = parse(b"disable-scdaemon\nscdaemon-program /usr/bin/x\npcsc-shared\n", agent)
    assert [line.problem for line in lines] == [None, None, "unknown-option"]
    common = parse(b"use-keyboxd\nno-autostart\nlog-file /tmp/x\ndisable-ccid\n", COMMON_OPTIONS)
    assert [line.problem for line in common] == [None, None, None, "unknown-option"]


def test_a_debug_flag_ends_one_program_and_not_the_other() -> None:
    agent = option_table("gpg-agent-2.2.40")
    assert only(b"debug -1\n").problem == "invalid-debug-flag"
    assert parse(b"debug -1\n", agent)[0].problem is None
    assert parse(b"debug help\n", agent)[0].problem == "invalid-debug-flag"


def test_lines_that_are_no_part_of_the_table_are_skipped() -> None:
    assert parse_option_table("gpg: warning: x\n\nsome:thing\n").options == ()


# Versions


@pytest.mark.parametrize(
    ("version", "fatal"),
    [
        ((2, 2, 19), True),
        ((2, 2, 26), False),
        ((2, 2, 40), False),
        ((2, 3, 0), True),
        ((2, 4, 7), True),
        ((2, 5), True),
    ],
)
def test_whether_a_bad_line_stops_the_program(version: tuple[int, ...], fatal: bool) -> None:
    assert fatal_errors(version) is fatal
    assert stops("unknown-option", version) is fatal
    assert stops("invalid-debug-level", version)


def test_the_word_of_the_program_beats_its_version() -> None:
    assert fatal_errors((2, 2, 40), gpgconf_test_rc=2)
    assert not fatal_errors((2, 4, 7), gpgconf_test_rc=0)


# Names that are nearly right


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("pcsc-sharedd", "pcsc-shared"),
        ("pcsc-share", "pcsc-shared"),
        ("pscs-shared", "pcsc-shared"),
        ("disable-cicd", "disable-ccid"),
        ("disable-cc", "disable-ccid"),
        ("Disable-CCID", "disable-ccid"),
        ("--disable-ccid", "disable-ccid"),
        ("disable_ccid", "disable-ccid"),
        ("shared-access", "pcsc-shared"),
        ("readerport", "reader-port"),
        # Not what these mean, or not to be told.
        ("enable-pinpad", None),
        ("no-disable-ccid", None),
        ("disable-", None),
        ("disable-keypad ", None),
        ("disable-opensc", None),
        ("xsh", None),
        ("help", None),
        ("", None),
    ],
)
def test_near(name: str, known: str | None) -> None:
    assert near(name, TABLE) == known


def test_no_name_of_a_scdaemon_without_it() -> None:
    old = OptionTable(options=tuple(option for option in TABLE.options if option.name != "pcsc-shared"))
    assert near("shared-access", old) is None
    assert near("pcsc-sharedd", old) is None


# Facts for others


def test_lines_are_friendly_to_json() -> None:
    line = only(b"disable-ccid \xff\x00 # note")
    assert json.loads(json.dumps(line._asdict()))["raw"] == "disable-ccid \udcff\0 # note"


def test_lines_may_be_judged_again_in_context() -> None:
    user = parse(b"reader-port\n", TABLE)
    assert user[0].problem == "missing-argument"
    effective = in_force(parse(b"[force]\nreader-port x\n", TABLE, "global"), user, TABLE, "alice")
    assert effective.user_lines[0].problem is None
    assert effective.value("reader-port") == "x"


@pytest.mark.parametrize(("user", "has"), [("alice", True), ("ALICE", True), ("bob", False)])
def test_sections_for_users(user: str, has: bool) -> None:
    assert read(b"[user alice]\ndisable-ccid\n", b"", TABLE, user).has("disable-ccid") is has


@pytest.mark.parametrize(
    ("text", "base", "number"),
    [("077", 0, 63), ("077", 10, 77), ("0x1F", 0, 31), ("0x1f", 10, 0), ("08", 0, 0), (" -5x", 10, -5), ("x", 0, 0)],
)
def test_numbers_are_read_as_in_c(text: str, base: int, number: int) -> None:
    assert number_in(text, base=base) == number


def test_what_the_user_cannot_put_in_force() -> None:
    effective = read(b"[force]\nreader-port x\n[ignore-all]\n[-ignore]\n[-force]\npcsc-shared\n", b"", TABLE, "alice")
    assert effective.lock("reader-port") == Lock(option="reader-port", by="force", by_line=2)
    assert effective.lock("disable-ccid") == Lock(option="disable-ccid", by="ignore-all", by_line=3)
    assert effective.lock("pcsc-shared") is None


# Edits


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"disable-ccid\npcsc-shared\n"),
        (b"deny-admin\n", b"deny-admin\ndisable-ccid\npcsc-shared\n"),
        (b"deny-admin", b"deny-admin\ndisable-ccid\npcsc-shared"),
        (b"deny-admin\r\n", b"deny-admin\r\ndisable-ccid\r\npcsc-shared\r\n"),
        (b"a\r\nb", b"a\r\nb\r\ndisable-ccid\r\npcsc-shared"),
        (b"\xef\xbb\xbf", b"\xef\xbb\xbfdisable-ccid\npcsc-shared\n"),
        (b"\xef\xbb\xbfdeny-admin\n", b"\xef\xbb\xbfdeny-admin\ndisable-ccid\npcsc-shared\n"),
        (b"#disable-ccid\nverbose\n", b"#disable-ccid\ndisable-ccid\nverbose\npcsc-shared\n"),
        (b"# pcsc-shared\n## disable-ccid # x\n", b"# pcsc-shared\npcsc-shared\n## disable-ccid # x\ndisable-ccid\n"),
        (b"# disable-ccid is good for you\n", b"# disable-ccid is good for you\ndisable-ccid\npcsc-shared\n"),
        (b"#disable-ccid", b"#disable-ccid\ndisable-ccid\npcsc-shared"),
        (b"pcsc-shared\n", b"pcsc-shared\ndisable-ccid\n"),
        (b"disable-ccid\npcsc-shared\n", b"disable-ccid\npcsc-shared\n"),
        (b"verbose\n\n", b"verbose\n\ndisable-ccid\npcsc-shared\n"),
        # Where the end is not read, or not by everybody.
        (b"[if]\n[if a = b]\n", b"disable-ccid\npcsc-shared\n[if]\n[if a = b]\n"),
        (b"alias a " + b"b" * 99, b"disable-ccid\npcsc-shared\nalias a " + b"b" * 99),
    ],
)
def test_adding_options(before: bytes, after: bytes) -> None:
    # In the order given, except where the first place that holds is the beginning.
    assert sorted(edited(before, *ADDED).splitlines()) == sorted(after.splitlines())
    assert edited(edited(before, *ADDED), *ADDED) == edited(before, *ADDED)
    if not before.startswith((b"[if]", b"alias")):
        assert edited(before, *ADDED) == after


def test_adding_an_option_with_a_value() -> None:
    add = Add(statement="reader-port Yubico Yubi")
    assert edited(b"#reader-port x\nverbose\n", add) == b"#reader-port x\nreader-port Yubico Yubi\nverbose\n"
    assert edited(b"reader-port x\n", add) == b"reader-port x\nreader-port Yubico Yubi\n"
    assert edited(b"reader-port Yubico Yubi\n", add) == b"reader-port Yubico Yubi\n"


def test_replacing_and_commenting_out() -> None:
    content = b"\xef\xbb\xbf--disable-ccid\r\nfoo\r\n\tbar"
    changes = (Replace(line=1, text="disable-ccid"), CommentOut(line=2), CommentOut(line=3))
    expected = b"\xef\xbb\xbfdisable-ccid\r\n#foo\r\n#\tbar"
    assert edited(content, *changes) == expected
    assert edited(expected, *changes) == expected


def test_line_numbers_are_those_of_the_file_before() -> None:
    content = b"a # x\nb\nc # y\n"
    changes = (
        Replace(line=1, text="# x\na"),
        CommentOut(line=2),
        Replace(line=3, text="# y\nc"),
        Add(statement="verbose"),
    )
    assert edited(content, *changes) == b"# x\na\n#b\n# y\nc\nverbose\n"
    assert edited(content, CommentOut(line=99)) == content


def test_a_note_is_kept_when_its_line_is_mended() -> None:
    change = mend(only(b"disable-ccid # so that pcscd can\r\n"))
    assert change == Replace(line=1, text="# so that pcscd can\ndisable-ccid")
    assert edited(b"disable-ccid # so that pcscd can\r\n", change) == b"# so that pcscd can\r\ndisable-ccid\r\n"
    assert mend(only(b"deny-admin no\n")) is None


def test_a_mended_line_makes_an_addition_needless() -> None:
    content = b"disable-ccid # note\n"
    assert edited(content, Replace(line=1, text="# note\ndisable-ccid"), ADDED[0]) == b"# note\ndisable-ccid\n"


# Differences


def test_a_difference_is_shown_as_patch_has_it() -> None:
    before, after = b"1\n2\n3\n4\n5\n6\n7\n8\n9", b"1\n2\n3\n4\nx\n6\n7\n8\n9\ny"
    assert diff(before, after, "/h/scdaemon.conf") == (
        "--- /h/scdaemon.conf\n+++ /h/scdaemon.conf\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n-9\n"
        "\\ No newline at end of file\n+9\n+y\n\\ No newline at end of file\n"
    )


def test_a_difference_keeps_control_characters() -> None:
    assert diff(b"a\x1b\r\n", b"", "f") == "--- f\n+++ f\n@@ -1 +0,0 @@\n-a\x1b\r\n"
    assert diff(b"", b"a\n", "f", created=True) == "--- /dev/null\n+++ f\n@@ -0,0 +1 @@\n+a\n"
    assert diff(b"same\n", b"same\n", "f") == ""


def test_a_long_file_of_like_lines_makes_a_short_difference() -> None:
    content = b"# x\n" * 10_000
    assert diff(content, edited(content, *ADDED), "f").count("\n") == 8
