"""Random configuration files, read by gpgdoctor and by the real scdaemon and gpgconf."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from configuration_files import GLOBAL_FILES, USER_FILES, files, often, sharing
from conftest import cannot_run
from hypothesis import assume, given
from scdaemons import RealScdaemon, compare_complaints, compare_values, one_in, roots

from gpgdoctor.scdaemon_conf import stops

CASES = int(os.environ.get("GPGDOCTOR_CASES", "300"))
CONNECTIONS = int(os.environ.get("GPGDOCTOR_CASES", "60"))


@pytest.fixture(scope="module", params=roots(), ids=str)
def real(request: pytest.FixtureRequest) -> Iterator[RealScdaemon]:
    yield from one_in(request.param)


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_complaints(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    compare_complaints(real, user, system)


@often(CASES)
@given(user=USER_FILES, system=GLOBAL_FILES)
def test_the_same_values(real: RealScdaemon, user: bytes, system: bytes | None) -> None:
    compare_values(real, user, system)


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
