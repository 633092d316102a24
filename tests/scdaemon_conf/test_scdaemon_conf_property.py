"""Random configuration files, read by gpgdoctor and by the real scdaemon and gpgconf."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gpgdoctor.scdaemon_conf.edits import Add, cure, diff, rewrite
from gpgdoctor.scdaemon_conf.force import stops
from gpgdoctor.scdaemon_conf.kinds import classify
from gpgdoctor.scdaemon_conf.lines import decoded, encoded
from gpgdoctor.scdaemon_conf.options import parse_option_table
from gpgdoctor.scdaemon_conf.reading import parse
from tests.support.configuration_files import GLOBAL_FILES, USER_FILES, files, often, sharing
from tests.support.labs import cannot_run
from tests.support.scdaemons import ROOTS, RealScdaemon, compare_complaints, compare_values, every_one

CASES = int(os.environ.get("GPGDOCTOR_CASES", "600"))
CONNECTIONS = int(os.environ.get("GPGDOCTOR_CASES", "250"))


@pytest.fixture(scope="module", params=ROOTS)
def real(request: pytest.FixtureRequest) -> Iterator[RealScdaemon]:
    yield from every_one(request)


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_complaints(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    compare_complaints(real, user, system)


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_values(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    compare_values(real, user, system)


def is_kept(before: bytes, after: bytes) -> bool:
    """Every line of the file before is there after, in its order; the last one may have got an end."""
    mark = b"\xef\xbb\xbf"
    rest = iter(after.removeprefix(mark).split(b"\n"))
    lines = before.removeprefix(mark).removesuffix(b"\n").split(b"\n")
    return before.startswith(mark) == after.startswith(mark) and all(
        any(line.removesuffix(b"\r") == other.removesuffix(b"\r") for other in rest) for line in lines
    )


@often(CASES)
@given(before=USER_FILES)
def test_added_options_are_in_force(real: RealScdaemon, before: bytes) -> None:
    added = [Add(statement="disable-ccid"), Add(statement="reader-port x")]
    after = rewrite(before, added, real.table, real.user)
    assert rewrite(after, added, real.table, real.user) == after
    assert is_kept(before, after)
    assert not before.removeprefix(b"\xef\xbb\xbf") or before.endswith(b"\n") == after.endswith(b"\n")
    effective = compare_values(real, after, None)
    assert effective.has("disable-ccid")
    assert effective.value("reader-port") == "x"


@often(CASES)
@given(before=USER_FILES)
def test_cured_files_are_without_complaint(real: RealScdaemon, before: bytes) -> None:
    after = before
    while complaints := [line for line in parse(after, real.table, "user", real.user) if line.problem]:
        cured = rewrite(after, [cure(line, real.table) for line in complaints], real.table)
        assert cured != after
        assert cured.count(b"\n") >= after.count(b"\n")
        after = cured
    assert not compare_complaints(real, after, None).complaints


def patched(before: bytes, patch: str) -> bytes:
    """What the patch makes of a file that has every line it speaks of."""
    old = [line + "\n" for line in decoded(before).split("\n")]
    new: list[str] = []
    at, sign = 0, ""
    for row in patch.split("\n")[2:-1]:
        sign, last = row[0], sign
        if hunk := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+\S+ @@", row):
            start = int(hunk[1]) - (hunk[2] != "0")
            new += old[at:start]
            at = start
        elif sign in " -":
            assert old[at] == row[1:] + "\n"
            at += 1
        if sign in " +":
            new.append(row[1:] + "\n")
        elif sign == "\\" and last in "+ ":
            new[-1] = new[-1].removesuffix("\n")
    untouched = "".join(old[at:]).removesuffix("\n")
    return encoded("".join(new) + untouched)


@often(CASES)
@given(before=st.one_of(USER_FILES, st.binary()), after=st.one_of(USER_FILES, st.binary()))
def test_a_difference_leads_from_one_file_to_the_other(before: bytes, after: bytes) -> None:
    patch = diff(before, after, "f")
    assert patched(before, patch) == after


@often(CASES)
@given(content=st.one_of(USER_FILES, st.binary()))
def test_no_byte_is_lost_and_nothing_is_raised(content: bytes) -> None:
    table = parse_option_table("disable-ccid:1:0:@:\nreader-port:2:2:@:\nhelp:32768:128:@:\n")
    assert b"".join(line.content for line in parse(content, table)) == content
    assert b"".join(line.content for line in parse(content, table, "global", "alice")) == content
    classify(content)


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


def share_modes(real: RealScdaemon, stub: str) -> set[int]:
    """What a private scdaemon asks for when it looks for a card."""
    # The command line comes last: the files shall not choose another library or reader.
    library = ("--disable-ccid", "--pcsc-driver", stub, "--reader-port", "Reader")
    try:
        done = real.run("libexec/scdaemon", "--server", *library, stdin=b"SERIALNO\n")
    except subprocess.TimeoutExpired:
        # Seen once in some ten thousand runs, of 2.4.7 on a busy machine: it did not leave when its input ended.
        done = real.run("libexec/scdaemon", "--server", *library, stdin=b"SERIALNO\n")
    return {int(mode) for mode in re.findall(rb"^share mode (\d)$", done.stderr, re.MULTILINE)}


@often(CONNECTIONS)
@given(user=files(sharing()), system=GLOBAL_FILES)
@example(user=b"", system=b"[force]\n[ignore]\npcsc-shared\n")
@example(user=b"pcsc-shared\n", system=b"[ignore-all]\n")
@example(user=b"\xef\xbb\xbfpcsc-shared\0x", system=None)
def test_the_force_of_pcsc_shared(real: RealScdaemon, stub: str, user: bytes, system: bytes | None) -> None:
    """gpgconf never shows this option; the share mode that a PC/SC library sees does."""
    assume(b"log-file" not in user + (system or b""))
    effective = real.understood(user, system)
    assume(not effective.undecided)
    # What the global file ignores is ignored on the command line as well.
    assume(not any(effective.lock(option) for option in ("disable-ccid", "pcsc-driver", "reader-port")))
    real.write(user, system)
    modes = share_modes(real, stub)
    if any(stops(complaint.problem, real.version) for complaint in effective.complaints):
        assert modes == set()
    else:
        assert modes == {SHARED if effective.has("pcsc-shared") else EXCLUSIVE}
