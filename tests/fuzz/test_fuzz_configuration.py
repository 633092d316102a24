"""scdaemon.conf and gpg-agent.conf may hold any bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import strategies as st

from gpgdoctor.collect import configuration
from gpgdoctor.facts import ConfigFile, Facts
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.scdaemon_conf.options import OptionTable, parse_option_table
from gpgdoctor.system.record import replace
from tests.support.fuzzing import EVIL, attack, survives
from tests.support.specimens import machines

TABLES = {"scdaemon": "scdaemon-2.4.7.options", "gpg-agent": "gpg-agent-2.2.40.options"}
WORDS = (
    *(b"disable-ccid", b"pcsc-shared", b"pcsc-driver", b"reader-port", b"card-timeout", b"debug-level", b"--verbose"),
    *(
        b"disable-scdaemon",
        b"scdaemon-program",
        b"no-such-option",
        b"log-file",
        b"homedir",
        b"options",
        b"dump-options",
    ),
    *(
        b"[ignore]",
        b"[force]",
        b"[ignore-all]",
        b"[+user]",
        b"[user]",
        b"[if version > 2]",
        b"[fi]",
        b"ignore-invalid-option",
    ),
    *(
        b"$user",
        b"${HOME}",
        b"user=alice",
        b"1",
        b"0x7f",
        b"9" * 5000,
        b"/usr/lib/libpcsclite.so.1",
        b"'",
        b'"',
        b"#",
        b"=",
    ),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\xc2\xa0", b"\xe2\x80\x93", b"\x1b[31m", b"{{ x }}", b"-----BEGIN PGP"),
)
PIECES = st.sampled_from(WORDS) | EVIL.map(lambda text: text.encode(errors="surrogateescape")) | st.binary(max_size=12)
SEPARATORS = st.sampled_from([b" ", b" ", b"\n", b"\n", b"\r\n", b"\t", b"", b"\r", b"\n\n# "])
CONTENTS = st.lists(st.tuples(PIECES, SEPARATORS), max_size=25).map(lambda pairs: b"".join(map(b"".join, pairs)))


@cache
def table(program: str) -> OptionTable:
    return parse_option_table((SOURCE_TREE / "fixtures" / "conf" / TABLES[program]).read_text())


@pytest.mark.parametrize("program", TABLES)
def test_any_configuration_can_be_judged(program: str, tmp_path: Path) -> None:
    def look(contents: tuple[bytes, bytes]) -> None:
        sources = []
        for scope, content in zip(("global", "user"), contents, strict=True):
            path = tmp_path / f"{scope}.conf"
            path.write_bytes(content)
            sources.append(configuration.read(str(path), program, scope))
        files, effective = configuration.judge(sources, table(program), "alice")
        paths = {file.scope: file.path for file in files}
        in_force = configuration.unread(files) or configuration.settings(effective, paths)
        voided = configuration.unread(files) or configuration.voided(effective, paths)
        for facts in machines().values():
            survives(_with(facts, program, tuple(files), in_force, voided))

    attack(look, st.tuples(CONTENTS, CONTENTS))


def _with(facts: Facts, program: str, files: tuple[ConfigFile, ...], in_force: object, voided: object) -> Facts:
    key = "in_force" if program == "scdaemon" else "agent_in_force"
    changes = {"files": files, key: in_force, **({"voided": voided} if program == "scdaemon" else {})}
    return replace(facts, configuration=replace(facts.configuration, **changes))


def test_any_option_table_can_be_read() -> None:
    original = (SOURCE_TREE / "fixtures" / "conf" / TABLES["scdaemon"]).read_text()
    lines = st.sampled_from(original.splitlines()) | st.lists(EVIL | st.text(max_size=5), max_size=6).map(":".join)
    attack(lambda chosen: parse_option_table("\n".join(chosen)), st.lists(lines, max_size=8))
