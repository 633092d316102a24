"""The report for bug trackers: complete, redacted, small, and nothing in it leaves its fence."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import Connection, Facts, Unknown
from gpgdoctor.report.json import dump
from gpgdoctor.report.markdown import LIMIT_BYTES
from gpgdoctor.system.record import replace
from tests.support.build import CONF, IN_USE, ON_USB, client, machine, reader, with_file
from tests.support.documents import MACHINES, checked, reported
from tests.support.known_secrets import HOSTS, SECRETS, planted
from tests.support.odd_machines import EVERY, LONG

FENCE = re.compile(r"^(`{3,})(\w*)$")
OUTSIDE = re.compile(
    r"## gpgdoctor report\n\n\*\*[\w\s.,;:-]+\*\*\n\n"
    r"(?:Redacted, the same thing by the same name: [\w ,]+|Nothing had to be redacted)\. "
    r"Process numbers are aliases in the same order; times are seconds since the look\.\n*"
)
HEADINGS = [
    "Versions",
    "Not checked",
    "Options in force",
    "Options of gpg-agent in force",
    "Configuration files",
    "Clients of pcscd",
    "Readers",
    "USB",
]
every_machine = pytest.mark.parametrize("name", EVERY)


def sections(text: str) -> dict[str, str]:
    """What stands in the fence under each heading, read as CommonMark reads it; and nothing else stands outside."""
    found: dict[str, list[str]] = {"": []}
    title, fence = "", ""
    for line in text.split("\n"):
        match = FENCE.match(line)
        if not fence and match:
            assert match[2] == "text"
            fence = match[1]
        elif fence and match and len(match[1]) >= len(fence) and not match[2]:
            fence = ""
        elif fence:
            found[title].append(line)
        elif line.startswith("### "):
            title = line[4:]
            assert title not in found or title.startswith("GD")
            found.setdefault(title, [])
        else:
            assert line == "" or title == "" or re.fullmatch(r"\d+ more sections were left out\.", line), line
            found[""].append(line)
    assert not fence
    return {title: "\n".join(lines) for title, lines in found.items()}


@every_machine
def test_it_has_every_section(name: str) -> None:
    diagnosis = diagnose(EVERY[name])
    found = sections(reported(EVERY[name]))
    findings = [f"{it.id} {it.rule.name} ({it.found.severity})" for it in diagnosis.findings]
    assert list(found) == ["", "Versions", *dict.fromkeys(findings), *HEADINGS[1:]]
    assert all(found.values())


@every_machine
def test_nothing_leaves_its_fence(name: str) -> None:
    for encoding in ("ascii", "utf-8"):
        text = reported(EVERY[name], encoding=encoding)
        outside = sections(text)[""]
        assert OUTSIDE.fullmatch(outside), outside
        assert all(character.isprintable() or character == "\n" for character in text)
        assert encoding != "ascii" or text.isascii()


def test_a_fence_is_longer_than_what_it_holds() -> None:
    facts = machine(
        readers=(reader(name="````````` text"),),
        clients=(client("```\n### Evil <script>"),),
        conf="reader-port ~~~````\n",
    )
    found = sections(reported(facts))
    assert "`````````" in found["Readers"]
    assert "### Evil" in found["Clients of pcscd"]


def test_the_numbers_of_a_device_are_escaped_too() -> None:
    evil = replace(ON_USB, vendor="\x1b[2J", product="\r\n```")
    assert not {"\x1b", "\r"} & set(reported(machine(usb=(evil,))))


def test_nothing_private_is_in_it() -> None:
    text = reported(planted(), HOSTS)
    assert [secret for secret in SECRETS if secret.lower() in text.lower()] == []
    assert re.search(r"^Redacted, .*\bserial 4\b.*\buser \d", text, re.MULTILINE)


def test_it_tells_what_a_maintainer_asks_for() -> None:
    holder = client("firefox")
    facts = machine(
        conf="disable-ccid\nreader-port Yubico\n",
        readers=(
            replace(IN_USE, atr="3bfd13"),
            replace(reader("EMPTY", name="Other 01 00"), probe=Unknown.because("no time")),
        ),
        clients=(holder,),
        pcscd={
            "connections": (
                Connection(inode=1, uid=1000, pid=800),
                Connection(inode=2, uid=0, pid=Unknown.because("no")),
            )
        },
    )
    found = sections(reported(facts))
    assert "scdaemon    2.2.40" in found["Versions"] and "Debian GNU/Linux 12" in found["Versions"]
    assert found["Options in force"].splitlines() == [
        "  disable-ccid  (/home/user1/.gnupg/scdaemon.conf, line 1)",
        "  reader-port Yubico  (/home/user1/.gnupg/scdaemon.conf, line 2)",
    ]
    assert found["Clients of pcscd"].splitlines() == [
        "  firefox (pid 103, user1), connections: 1",
        "  1 connection of programs that are not visible",
    ]
    assert found["Readers"].splitlines() == [
        "  Yubico YubiKey OTP+FIDO+CCID 00 00: PRESENT, INUSE; probe ok; ATR 3bfd13",
        "  Other 01 00: EMPTY; probe not known (no time); ATR none",
    ]
    assert found["USB"] == "  1050:0407 YubiKey OTP+FIDO+CCID, CCID, driver usbfs"
    assert "/home/user1/.gnupg/scdaemon.conf  (2 lines)" in found["Configuration files"]
    (finding,) = (text for title, text in found.items() if title.startswith("GD202"))
    assert "Because  reader state: PRESENT, INUSE" in finding and "+pcsc-shared" in finding


def test_it_tells_what_is_not_known() -> None:
    facts = machine(
        readers=Unknown.because("pcscd does not answer"), pcscd={"connections": Unknown.because("no sock_diag")}
    )
    found = sections(reported(facts))
    assert found["Readers"] == "  not known (pcscd does not answer)"
    assert found["Clients of pcscd"] == "  not known (no sock_diag)"
    assert "GD503" in found["Not checked"] and "pcscd does not answer" in " ".join(found["Not checked"].split())


def huge() -> Facts:
    lines = "".join(f"option-{number} {'x' * 190}\n" for number in range(3000))
    readers = tuple(
        reader("PRESENT", "INUSE", probe="blocked", name=f"{'ü' * 180} 00 {number:02x}") for number in range(200)
    )
    facts = machine(conf=lines, readers=readers, clients=tuple(client("ö" * 90, 1000 + pid) for pid in range(190)))
    return with_file(facts, CONF, status="unreadable", detail="\u2028" * 10000)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("facts", [huge(), LONG], ids=["huge", "long"])
def test_it_fits_into_one_comment(facts: Facts, encoding: str) -> None:
    text = reported(facts, encoding=encoding)
    assert len(text.encode()) <= LIMIT_BYTES
    assert sections(text)["Versions"]


# -- the command -------------------------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gpgdoctor", "report", *arguments], capture_output=True, text=True, timeout=60
    )


def test_a_snapshot_is_reported_as_the_machine_was(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_text(dump(checked(MACHINES["shared"])))
    done = run("--from", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == reported(MACHINES["shared"]) + "\n"


def test_this_machine_is_reported() -> None:
    done = run("--no-probe", "--timeout", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(sections(done.stdout.rstrip("\n")))[:2] == ["", "Versions"]


@pytest.mark.parametrize(
    "arguments", [["--from", "/nowhere.json"], ["--homedir", "/nowhere"], ["--timeout", "0"], ["x"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
