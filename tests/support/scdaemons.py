"""Real scdaemons to compare with: this machine's or the lab's, in a tree of their own, with nothing installed.

A gpgconf.ctl beside the copied gpgconf gives the copies a global configuration of their own as well.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from gpgdoctor.lab.parts import PartsUnavailable, find
from gpgdoctor.scdaemon_conf.force import Effective, stops
from gpgdoctor.scdaemon_conf.lines import MESSAGES, Line, encoded
from gpgdoctor.scdaemon_conf.options import OptionTable, parse_option_table
from gpgdoctor.scdaemon_conf.reading import read
from gpgdoctor.scdaemon_conf.values import number_in
from tests.support.labs import cannot_run

DEADLINE_S = 20
COMPLAINT = re.compile(rf"(?:\w+\[\d+\]: )?(.*):(\d+): ({'|'.join(MESSAGES.values())})", re.DOTALL)
DEBIAN_13 = "Debian 13"
# Where to compare: on this machine, on a Debian 13, and in other roots with gpgconf and scdaemon, with a colon between.
ROOTS = ["/", DEBIAN_13, *filter(None, os.environ.get("GPGDOCTOR_TEST_ROOTS", "").split(":"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What --gpgconf-test says: the exit code, and each complaint with its file and line."""

    code: int
    complaints: list[tuple[str, int, str]]


class RealScdaemon:
    """One scdaemon, a gpgconf to go with it, and the configuration files that both read."""

    def __init__(self, *, tree: Path, libraries: str, root: Path) -> None:
        self.tree = tree
        self.libraries = libraries
        self.root = root
        words = self.run("libexec/scdaemon", "--version").stdout.decode().split("\n", 1)[0].split()
        self.version = tuple(int(part) for part in words[-1].split("."))
        self.table = parse_option_table(self.run("libexec/scdaemon", "--dump-option-table").stdout.decode())

    def __repr__(self) -> str:
        return f"<scdaemon {self.version} in {self.tree}>"

    @property
    def user_file(self) -> Path:
        return self.tree / "home" / "scdaemon.conf"

    @property
    def global_file(self) -> Path:
        return self.tree / "etc" / "scdaemon.conf"

    @property
    def user(self) -> str:
        # In a root of its own the process is 0, or 0 to itself.
        return "root" if self.root != Path("/") else pwd.getpwuid(os.getuid()).pw_name

    def write(self, user: bytes, system: bytes | None = None) -> None:
        self.user_file.write_bytes(user)
        if system is None:
            self.global_file.unlink(missing_ok=True)
        else:
            self.global_file.write_bytes(system)

    def run(self, program: str, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One of the copies: bin/gpgconf or libexec/scdaemon."""
        return subprocess.run(
            [*self._entry(), self.inside(self.tree / program), *arguments],
            env={
                # Not --homedir: gpgconf does not hand that on to the scdaemon it asks.
                "GNUPGHOME": self.inside(self.tree / "home"),
                "LC_ALL": "C.UTF-8",
                "LANGUAGE": "en",
                "LD_LIBRARY_PATH": self.libraries,
                "PATH": "/usr/sbin:/usr/bin",
            },
            cwd=self.tree / "home",
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_S,
        )

    def inside(self, path: Path) -> str:
        return str(Path("/") / path.relative_to(self.root))

    def _entry(self) -> Sequence[str]:
        """Into a root of its own, with the /proc by which GnuPG finds its gpgconf.ctl."""
        if self.root == Path("/"):
            return ()
        user = ("--map-root-user",) if os.getuid() else ()
        enter = 'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
        return ("unshare", "--mount", *user, "sh", "-c", enter, str(self.root))

    def test_configuration(self, program: str = "libexec/scdaemon") -> Answer:
        done = self.run(program, "--gpgconf-test")
        found = [COMPLAINT.fullmatch(line) for line in done.stderr.decode("utf-8", "replace").split("\n")]
        return Answer(
            code=done.returncode,
            complaints=[(Path(match[1]).parent.name, int(match[2]), match[3]) for match in found if match],
        )

    def listed_values(self) -> dict[str, bytes] | None:
        """The values that gpgconf shows; None where scdaemon does not answer it."""
        done = self.run("bin/gpgconf", "--list-options", "scdaemon")
        if done.returncode:
            return None
        rows = [line.split(b":") for line in done.stdout.split(b"\n") if line]
        # Group headings have the lowest flag set.
        return {row[0].decode(): row[9] for row in rows if not int(row[1]) & 1}

    def understood(self, user: bytes, system: bytes | None) -> Effective:
        """What gpgdoctor makes of the same files."""
        return read(system or b"", user, self.table, self.user)


def made_in(directory: Path, *, root: Path = Path("/")) -> RealScdaemon:
    """Copies of gpgconf, scdaemon and, if there is one, gpg-agent in a new tree; raises PartsUnavailable."""
    places = [root] if root != Path("/") else [find().prefix, root]
    gpgconf = _first(places, "usr/bin/gpgconf")
    scdaemon = _first(places, "usr/lib/gnupg/scdaemon")
    for name in ("bin", "libexec", "etc", "home"):
        (directory / name).mkdir(mode=0o700, parents=True)
    shutil.copy(gpgconf, directory / "bin")
    shutil.copy(scdaemon, directory / "libexec")
    with suppress(PartsUnavailable):
        shutil.copy(_first(places, "usr/bin/gpg-agent"), directory / "bin")
    libraries = sorted({str(library.parent) for library in (places[0] / "usr/lib").glob("*/libusb-1.0.so.0")})
    inside = "/" / directory.relative_to(root)
    (directory / "bin/gpgconf.ctl").write_text(f"rootdir={inside}\nsysconfdir={inside}/etc\n")
    return RealScdaemon(tree=directory, root=root, libraries=":".join(libraries) if len(places) > 1 else "")


def one_in(root: Path) -> Iterator[RealScdaemon]:
    """For a fixture: the scdaemon of this machine or of another root, for as long as it is needed."""
    memory = Path("/dev/shm")  # which another root is given on entering, over its own
    place = memory if root == Path("/") and memory.is_dir() else root / "tmp"
    with tempfile.TemporaryDirectory(prefix="gpgdoctor-", dir=place) as directory:
        try:
            yield made_in(Path(directory) / "tree", root=root)
        except PartsUnavailable as unavailable:
            cannot_run(str(unavailable))


def every_one(request: pytest.FixtureRequest) -> Iterator[RealScdaemon]:
    """For a fixture with ``params=ROOTS``."""
    yield from one_in(request.getfixturevalue("trixie_root") if request.param == DEBIAN_13 else Path(request.param))


def _first(places: Sequence[Path], path: str) -> Path:
    for place in places:
        if (place / path).is_file():
            return place / path
    raise PartsUnavailable(f"no /{path}")


def compare_complaints(real: RealScdaemon, user: bytes, system: bytes | None) -> Effective:
    """What scdaemon complains of, line by line, and whether that stops it."""
    real.write(user, system)
    answer = real.test_configuration()
    effective = real.understood(user, system)
    if effective.undecided:
        return effective
    assert answer.complaints == expected_complaints(effective)
    assert answer.code == expected_code(effective, real.version)
    return effective


def compare_values(real: RealScdaemon, user: bytes, system: bytes | None) -> Effective:
    """What gpgconf shows as being in force."""
    real.write(user, system)
    listed = real.listed_values()
    effective = real.understood(user, system)
    if effective.undecided:
        return effective
    if "invalid-debug-flag" in (complaint.problem for complaint in effective.complaints):
        return effective  # gpgconf reads on where scdaemon left.
    if listed is None:
        assert any(stops(complaint.problem, real.version) for complaint in effective.complaints)
        return effective
    # An option that is both forced and ignored is forced to scdaemon, and ignored to gpgconf.
    ignoring = b"[ignore" in (system or b"")
    names = [name for name in listed if not (ignoring and effective.lock(name))]
    assert {name: listed[name] for name in names} == {name: shown(effective, name, real.table) for name in names}
    return effective


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


def expected_code(effective: Effective, version: tuple[int, ...]) -> int:
    if any(asks_for_help(line) for line in (*effective.global_lines, *effective.user_lines)):
        return 0
    fatal = any(stops(complaint.problem, version) for complaint in effective.complaints)
    return 2 if fatal else 0


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
