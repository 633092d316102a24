"""Random configuration files, read by gpgdoctor and by the real scdaemon and gpgconf."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import cannot_run
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scdaemons import RealScdaemon, made_in, roots

from gpgdoctor.lab.parts import PartsUnavailable
from gpgdoctor.scdaemon_conf import MESSAGES, Effective, Line, OptionTable, stops
from gpgdoctor.scdaemon_conf.conditions import number_in
from gpgdoctor.scdaemon_conf.lines import encoded

CASES = int(os.environ.get("GPGDOCTOR_CASES", "300"))
CONNECTIONS = int(os.environ.get("GPGDOCTOR_CASES", "60"))

FLAGS = (
    *("disable-ccid", "pcsc-shared", "deny-admin", "allow-admin", "disable-pinpad", "enable-pinpad-varlen", "verbose"),
    *("quiet", "debug-all", "debug-log-tid", "disable-keypad"),
)
WITH_VALUE = (
    *("reader-port", "pcsc-driver", "ctapi-driver", "disable-application", "application-priority", "log-file", "debug"),
    *("options", "card-timeout", "listen-backlog", "debug-assuan-log-cats", "debug-level"),
)
NOT_FOR_FILES = ("Monitor", "Configuration", "help", "version", "no-options", "dump-options")
TYPOS = (
    "pcsc-sharedd",
    "Disable-CCID",
    "disable-cc",
    "shared-access",
    "no-disable-ccid",
    "foo",
    "disable\u2013ccid",
    "--",
)
VALUES = (
    *(
        "foo",
        "0",
        "5",
        "-5",
        " -5",
        "0x1f",
        "077",
        "08",
        "2147483647",
        "2147483648",
        "-2147483649",
        "18446744073709551615",
    ),
    *(
        "18446744073709551616",
        "99999999999999999999",
        "+3",
        "9x",
        "Yubico Yubi",
        "= foo",
        "foo # bar",
        "'x'",
        '"',
        '""',
    ),
    *(
        '"a b"',
        '" a "',
        '"a',
        'a"',
        '"a"b"',
        '"-3"',
        "a:b%c,d",
        "\u00fc",
        "$x",
        "${y}",
        "none",
        "guru",
        "1050:0407:X:0",
    ),
)
BLANKS = st.sampled_from(["", " ", "\t", "  ", "\v", "\f", "\r", " \t "])
GAPS = st.sampled_from([" ", "\t", "  ", "\r", " \f"])
NAMES = st.sampled_from((*FLAGS, *WITH_VALUE, *NOT_FOR_FILES, *TYPOS))
META = st.sampled_from(
    (
        *(
            "[force]",
            "[-force]",
            "[+force]",
            "[ignore]",
            "[-ignore]",
            "[ignore-all]",
            "[user *]",
            "[user root]",
            "[user ROOT]",
        ),
        *(
            "[user nobody]",
            "[verbose]",
            "[-verbose]",
            "[echo x y]",
            "[info $_user]",
            "[expand]",
            "[-expand]",
            "[scdaemon]",
            "[]",
        ),
        *(
            "[ ]",
            "[force",
            "[force] # why",
            "[force] x",
            "[force x]",
            "[user]",
            "[ user  root ]",
            "[let x 1]",
            "[let x disable]",
        ),
        *(
            "[-let x]",
            "[if $x]",
            "[if $x = 1]",
            "[if $x <> 1]",
            "[if 3 -v3gt 2]",
            "[if 3.0.1 -v3gt 3.0.0]",
            "[if 3.1 -v2ge 3.01]",
            "[if 0x10 == 16]",
            "[if a -z]",
            "[if $x == 0x1]",
            "[if a -n b]",
        ),
        *("[if a ? b]", "[if $_user = root]", "[else]", "[fi]", "[if 1 -lt 2]", "[if ab =~ b]", "[if]", "[let]", "[]x"),
        *("[command-mode]", "[-command-mode]"),
    )
)


def text(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    return strategy.map(lambda line: line.encode())


WELL_FORMED = st.one_of(
    st.builds("{}{}{}".format, BLANKS, st.sampled_from(FLAGS), BLANKS),
    st.builds("{}{}{}{}{}".format, BLANKS, st.sampled_from(WITH_VALUE), GAPS, st.sampled_from(VALUES), BLANKS),
)
MALFORMED = st.one_of(
    st.builds(
        "{}{}".format,
        st.sampled_from(FLAGS),
        st.sampled_from([" # note", "=1", " yes", "\u00a0", ";", "x", "\0x", "\0 x"]),
    ),
    st.builds(
        "{}{}{}".format,
        BLANKS,
        st.sampled_from(WITH_VALUE),
        st.sampled_from(["", " ", "=x", "\u00a0x", " \0x", " x\0y "]),
    ),
    st.builds("{}{}".format, st.sampled_from(["--", "-", "; ", "\0", "\ufeff", "\u00a0"]), NAMES),
    st.builds("{}{}{}".format, NAMES, BLANKS, st.text(max_size=12)),
)
ODD = st.one_of(
    st.sampled_from(
        ["", "#", "# disable-ccid", "  # x", "#[force]", "alias", "alias ", "alias x y", "alias x " + "y" * 97]
    ),
    st.builds("alias {}{}".format, st.text(alphabet="ab \t", min_size=94, max_size=104), st.just("")),
    st.lists(NAMES, max_size=3).map(lambda names: " ".join(["ignore-invalid-option", *names])),
    st.builds(
        "{}{}".format, st.text(alphabet="xy[", min_size=96, max_size=104), st.sampled_from(["", " ", "] ", " y"])
    ),
    st.builds("[{}{}".format, st.text(alphabet="xy ", min_size=94, max_size=104), st.sampled_from(["", "]", "] #"])),
)
LINES = st.one_of(
    text(WELL_FORMED),
    text(WELL_FORMED),
    text(MALFORMED),
    text(ODD),
    text(META),
    st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")),
)
ENDS = st.sampled_from([b"\n", b"\n", b"\r\n", b"\r", b"\n\n"])


def sharing() -> st.SearchStrategy[bytes]:
    return text(st.builds("{}pcsc-shared{}".format, BLANKS, st.one_of(BLANKS, st.sampled_from([" #", "\0", "=1"]))))


@st.composite
def files(draw: st.DrawFn, real_option: st.SearchStrategy[bytes] = text(WELL_FORMED)) -> bytes:  # noqa: B008
    """Half of them contain a real option."""
    lines = [line + draw(ENDS) for line in draw(st.lists(LINES, max_size=8))]
    if draw(st.booleans()):
        place = draw(st.integers(min_value=0, max_value=len(lines)))
        lines.insert(place, draw(real_option) + draw(st.sampled_from([b"\n", b"\r\n"])))
    content = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"])) + b"".join(lines)
    return content.rstrip(b"\r\n") if draw(st.booleans()) else content


# Few options, so that both files speak of the same ones.
FAMILIAR = text(
    st.builds(
        "{}{}{}".format,
        BLANKS,
        st.sampled_from(("disable-ccid", "pcsc-shared", "verbose", "reader-port a", "reader-port b", "card-timeout 5")),
        st.sampled_from(["", "", "", " ", "\r", " # note", "x"]),
    )
)
SECTIONS = st.sampled_from(
    (
        *(
            b"[force]",
            b"[-force]",
            b"[ignore]",
            b"[-ignore]",
            b"[ignore-all]",
            b"[user *]",
            b"[user root]",
            b"[user nobody]",
        ),
        *(b"[if 1]", b"[if $x]", b"[let x 1]", b"[else]", b"[fi]", b"[verbose]"),
    )
)
SECTIONED_FILES = st.lists(st.one_of(FAMILIAR, SECTIONS), max_size=10).map(b"\n".join)
USER_FILES = st.one_of(files(), files(FAMILIAR), SECTIONED_FILES)
GLOBAL_FILES = st.one_of(st.none(), files(), SECTIONED_FILES, SECTIONED_FILES)


@pytest.fixture(scope="module", params=roots(), ids=str)
def real(request: pytest.FixtureRequest) -> Iterator[RealScdaemon]:
    root: Path = request.param
    place = root / "dev/shm" if (root / "dev/shm").is_dir() else root / "tmp"
    with tempfile.TemporaryDirectory(prefix="gpgdoctor-", dir=place) as directory:
        try:
            yield made_in(Path(directory) / "tree", root=root)
        except PartsUnavailable as unavailable:
            cannot_run(str(unavailable))


def often(cases: int) -> settings:
    return settings(
        max_examples=cases,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )


def expected_complaints(effective: Effective) -> list[tuple[str, int, str]]:
    lines = {("global", line.number): line for line in effective.global_lines}
    lines |= {("user", line.number): line for line in effective.user_lines}
    directory = {"global": "etc", "user": "home"}
    messages = {**MESSAGES, "invalid-debug-flag": "invalid argument"}
    return [
        (directory[each.role], lines[each.role, each.line].reported_number, messages[each.problem])
        for each in effective.complaints
        if each.problem in messages and not asks_for_help(lines[each.role, each.line])
    ]


def asks_for_help(line: Line) -> bool:
    """`debug help` has scdaemon list its flags and leave, content with itself."""
    return line.problem == "invalid-debug-flag" and bool(re.search(r'debug\s+"?\s*(\?|help)', line.raw))


def exit_code(effective: Effective, version: tuple[int, ...]) -> int:
    if any(asks_for_help(line) for line in (*effective.global_lines, *effective.user_lines)):
        return 0
    fatal = any(stops(complaint.problem, version) for complaint in effective.complaints)
    return 2 if fatal else 0


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_complaints(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    real.write(user, system)
    answer = real.test_configuration()
    effective = real.understood(user, system)
    assert answer.complaints == expected_complaints(effective)
    assert answer.code == exit_code(effective, real.version)


def shown(effective: Effective, name: str, table: OptionTable) -> bytes:
    """As gpgconf shows the value of an option."""
    setting = effective.where(name)
    if setting is None:
        return b""
    option = table.find(name)
    assert option is not None
    if setting.value is None:
        count = sum(setting.option == name for setting in effective.settings)
        return str(count).encode() if name == "verbose" else b"1"
    if option.argument != "string":
        return str(number_in(setting.value, base=option.base)).encode()
    escaped = encoded(setting.value)
    for special in (b"%", b":", b","):
        escaped = escaped.replace(special, b"%%%02x" % ord(special))
    return b'"' + escaped


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_values(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    real.write(user, system)
    listed = real.listed_values()
    effective = real.understood(user, system)
    if listed is None:
        assert any(stops(complaint.problem, real.version) for complaint in effective.complaints)
        return
    ignored = {voided.option for voided in effective.voided if voided.by != "force"}
    expected = {name: shown(effective, name, real.table) for name in listed if name not in ignored}
    assert {name: value for name, value in listed.items() if name in expected} == expected


# SCardConnect tells its share mode, and that there is no card, so that scdaemon goes no further.
STUB = """
typedef unsigned long dword;
long write (int, const void *, dword);

long SCardEstablishContext (dword scope, void *a, void *b, dword *context) { *context = 1; return 0; }
long SCardReleaseContext (dword context) { return 0; }
long SCardIsValidContext (dword context) { return 0; }
long SCardCancel (dword context) { return 0; }
long SCardListReaders (dword context, const char *groups, char *readers, dword *length)
{
  static const char list[] = "Reader\\\\0";
  if (readers)
    for (dword i = 0; i < sizeof list && i < *length; i++)
      readers[i] = list[i];
  *length = sizeof list;
  return 0;
}
long SCardGetStatusChange (dword context, dword timeout, void *states, dword count) { return 0; }
long SCardConnect (dword context, const char *reader, dword mode, dword protocols, dword *card, dword *protocol)
{
  write (2, mode == 2 ? "\\nshare mode 2\\n" : "\\nshare mode 1\\n", 14);
  return 0x8010000c;
}
long SCardReconnect (dword card, dword mode, dword protocols, dword start, dword *protocol) { return 0x8010000c; }
long SCardDisconnect (dword card, dword how) { return 0; }
long SCardStatus (dword card, char *reader, dword *n, dword *state, dword *protocol, char *atr, dword *m)
{
  return 0x8010000c;
}
long SCardBeginTransaction (dword card) { return 0; }
long SCardEndTransaction (dword card, dword how) { return 0; }
long SCardTransmit (dword card, void *a, void *b, dword n, void *c, void *d, dword *m) { return 0x8010000c; }
long SCardSetTimeout (dword context, dword timeout) { return 0; }
long SCardControl (dword card, dword code, void *a, dword n, void *b, dword m, dword *k) { return 0x8010000c; }
"""
EXCLUSIVE, SHARED = 1, 2


@pytest.fixture(scope="module")
def stub(real: RealScdaemon) -> str:
    """A PC/SC library for this scdaemon, compiled here."""
    compiler = shutil.which("cc")
    if not compiler:
        cannot_run("no C compiler for a stand-in of the PC/SC library")
    source, library = real.tree / "stub.c", real.tree / "stub.so"
    source.write_text(STUB)
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source], check=True, timeout=60)
    return real.inside(library)


@often(CONNECTIONS)
@given(user=files(sharing()), system=GLOBAL_FILES)
def test_the_force_of_pcsc_shared(real: RealScdaemon, stub: str, user: bytes, system: bytes | None) -> None:
    """gpgconf never shows this option; the share mode that a PC/SC library sees does."""
    assume(b"log-file" not in user + (system or b""))
    real.write(user, system)
    # The command line comes last: the files shall not choose another library or reader.
    library = ("--disable-ccid", "--pcsc-driver", stub, "--reader-port", "Reader")
    done = real.run("libexec/scdaemon", "--server", *library, stdin=b"SERIALNO\n")
    modes = {int(mode) for mode in re.findall(rb"^share mode (\d)$", done.stderr, re.MULTILINE)}
    effective = real.understood(user, system)
    if any(stops(complaint.problem, real.version) for complaint in effective.complaints):
        assert modes == set()
    else:
        assert modes == {SHARED if effective.has("pcsc-shared") else EXCLUSIVE}
