"""What has to be in a room so that a scenario can be played there."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpgdoctor.lab import layout, mounts, parts
from gpgdoctor.lab.handles import port_of
from gpgdoctor.lab.jcecard import ADVICE
from gpgdoctor.lab.plan import SOURCE_TREE, LabFailed, LabUnavailable, Plan
from gpgdoctor.lab.room import Room
from gpgdoctor.lab.scenario import File, Package, Scenario

HIDDEN_FILES: dict[Package, tuple[str, ...]] = {
    "gnupg": ("bin/gpg*", "bin/dirmngr*", "lib/gnupg", "lib/gnupg2", "libexec/gnupg*", "libexec/scdaemon"),
    "scdaemon": ("lib/gnupg*/scdaemon", "libexec/scdaemon", "libexec/gnupg/scdaemon"),
    "keyboxd": ("lib/gnupg*/keyboxd", "libexec/keyboxd", "libexec/gnupg/keyboxd"),
    "pcscd": ("sbin/pcscd", "bin/pcscd", "lib/systemd/system/pcscd.*"),
    "libpcsclite": ("lib/libpcsclite*", "lib/*/libpcsclite*", "lib64/libpcsclite*"),
}
ROOM_SCRIPTS = ("client.py", "listener.py", "pinentry.py", "states.py")
CLIENT_INTERPRETER = f"{layout.PROGRAMS}/.python"

READER_CONF_ENTRY = """\
FRIENDLYNAME "{name}"
DEVICENAME /dev/null:0x{port:04X}
LIBPATH {library}
CHANNELID 0x{port:04X}

"""


@dataclass(frozen=True)
class RoomContents:
    scenario: Scenario
    root: Path | None
    user: int

    @property
    def python(self) -> str:
        return sys.executable if self.root is None else "/usr/bin/python3"

    @property
    def sockets(self) -> str:
        """Where GnuPG puts the sockets of the default home if /run/user/UID exists."""
        return f"/run/user/{self.user}/gnupg"

    def environment(self) -> dict[str, str]:
        first = self.scenario.homes[0]
        return {
            "HOME": layout.HOME,
            **({} if first == ".gnupg" else {"GNUPGHOME": f"{layout.HOME}/{first}"}),
            "PATH": layout.PATH,
            "LC_ALL": "C.UTF-8",
            "TERM": "dumb",
            "USER": self._user_name,
            "LOGNAME": self._user_name,
            "XDG_RUNTIME_DIR": f"/run/user/{self.user}",
            "PYTHONPATH": str(SOURCE_TREE),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    @property
    def _user_name(self) -> str:
        return "alice" if self.user else "root"

    # A program that poses as another one is this Python under that one's name.

    def program_environment(self) -> dict[str, str]:
        home = "/usr" if self.root else sys.base_prefix
        own = {} if self.root else {"PYTHONPATH": str(_directory_of("smartcard", "pyscard"))}
        libraries = f"{layout.OWN_LIBRARIES}:{home}/lib"
        return {**self.environment(), **own, "PYTHONHOME": home, "LD_LIBRARY_PATH": libraries}

    def program_argv(self, room: Room, program: str, script: str) -> list[str]:
        linked = room.run(
            ["ln", "-f", CLIENT_INTERPRETER, f"{layout.PROGRAMS}/{program}"],
            environment=self.environment(),
            timeout=5,
        )
        if linked.returncode != 0:
            raise LabFailed(linked.stderr)
        return [f"{layout.PROGRAMS}/{program}", f"{layout.LAB_DIRECTORY}/{script}"]

    def states_argv(self) -> list[str]:
        own_library = f"LD_LIBRARY_PATH={layout.OWN_LIBRARIES}"
        return ["env", own_library, self.python, f"{layout.LAB_DIRECTORY}/states.py"]

    @staticmethod
    def parse_states(output: str) -> dict[str, int]:
        states: dict[str, int] = json.loads(output)
        return states

    def plan(self) -> Plan:
        """What the room is built from, or LabUnavailable."""
        self._check_possible()
        try:
            found = parts.find(packages=(*parts.LAB_PACKAGES, *self.scenario.programs))
        except parts.PartsUnavailable as error:
            raise LabUnavailable(str(error)) from error
        interpreter = os.path.realpath(f"{self.root or ''}{self.python}")
        return Plan(
            root=str(self.root) if self.root else None,
            parts=[] if self.root else [str(found.prefix / "usr")],
            keep=list(self._kept()),
            hidden=[pattern for package in self.scenario.hidden for pattern in HIDDEN_FILES[package]],
            layer=list(self._layer()),
            files=list(self._files()),
            copies=[
                _copy(CLIENT_INTERPRETER, interpreter, 0o755),
                *(_copy(_library(number), found.vpcd_library, 0o644) for number in range(len(self.scenario.readers))),
                *(
                    _copy(f"{layout.LAB_DIRECTORY}/{name}", Path(__file__).with_name(name), 0o644)
                    for name in ROOM_SCRIPTS
                ),
                *(_copy(f"{layout.OWN_LIBRARIES}/{path.name}", path, 0o644) for path in self._own_libraries(found)),
            ],
        )

    def _own_libraries(self, found: parts.Parts) -> Iterator[Path]:
        """The lab and its clients go on using what is hidden from everybody else."""
        if "libpcsclite" in self.scenario.hidden:
            for usr in [Path(f"{self.root}/usr")] if self.root else [found.prefix / "usr", Path("/usr")]:
                yield from usr.glob("lib*/**/libpcsclite*.so.1")

    def _check_possible(self) -> None:
        if sys.platform != "linux":
            raise LabUnavailable("the lab needs Linux: private namespaces and pcscd")
        if mounts.in_plain_chroot():
            raise LabUnavailable(mounts.PLAIN_CHROOT)
        users = {
            self.user,
            *(client.user for client in self.scenario.clients),
            *(step.user for step in self.scenario.steps),
        }
        if os.geteuid() != 0 and users - {0, None}:
            raise LabUnavailable("a scenario with programs of several users needs root")
        if any(reader.card == "openpgp" for reader in self.scenario.readers):
            _directory_of("jcecard", f"the virtual card needs jcecard: {ADVICE}")
        if self.root is None and self.scenario.clients:
            _directory_of("smartcard", "the lab needs pyscard")

    def _kept(self) -> Iterator[str]:
        """What must be seen in the room although it may lie below a directory that is not the machine's there."""
        yield str(SOURCE_TREE)
        if self.root is None:
            yield from sorted({sys.prefix, sys.base_prefix} | {path for path in sys.path if os.path.isdir(path)})

    def _layer(self) -> Iterator[dict[str, Any]]:
        """Files laid over /usr and /etc."""
        exec_pinentry = f'#!/bin/sh\nexec {shlex.quote(self.python)} {layout.LAB_DIRECTORY}/pinentry.py "$@"\n'
        yield _file("/usr/bin/pinentry", exec_pinentry, 0o755)
        if self.user:
            yield _file("/etc/passwd", self._passwd(), 0o644)
        for file in self.scenario.files:
            if file.path.startswith("/etc/"):
                yield _file(file.path, file.content, file.mode)

    def _passwd(self) -> str:
        lines = Path(f"{self.root or ''}/etc/passwd").read_text().splitlines()
        others = [line for line in lines if line.split(":")[2:3] != [str(self.user)] and line.split(":")[0] != "alice"]
        return "\n".join([*others, f"alice:x:{self.user}:{self.user}::{layout.HOME}:/bin/sh", ""])

    def _files(self) -> Iterator[dict[str, Any]]:
        yield _file(layout.PROGRAMS, None, 0o755)
        launcher = f'#!/bin/sh\nexec {shlex.quote(self.python)} -m gpgdoctor "$@"\n'
        yield _file(f"{layout.PROGRAMS}/gpgdoctor", launcher, 0o755)
        yield _file(layout.HOME, None, 0o700, self.user)
        yield _file("/run/user", None, 0o755)
        yield _file(f"/run/user/{self.user}", None, 0o700, self.user)
        for home in self.scenario.homes:
            yield _file(f"{layout.HOME}/{home}", None, 0o700, self.user)
        for file in self.scenario.files:
            if not file.path.startswith("/etc/") and not file.only_since_2_3:
                yield self._own(file)
        entries = (
            READER_CONF_ENTRY.format(name=reader.name, port=port_of(number), library=_library(number))
            for number, reader in enumerate(self.scenario.readers)
        )
        yield _file(f"{layout.PCSCD_CONFIGURATION}/reader.conf", "".join(entries), 0o644)

    def _own(self, file: File) -> dict[str, Any]:
        path = file.path if file.path.startswith("/") else f"{layout.HOME}/{file.path}"
        return _file(path, file.content, file.mode, self.user)


def _library(reader: int) -> str:
    # vpcd keeps its state in the library, so two entries that name one file would be one reader.
    return f"{layout.LAB_DIRECTORY}/lib/vpcd{reader}.so"


def _file(path: str, content: str | bytes | None, mode: int, owner: int = 0) -> dict[str, Any]:
    if isinstance(content, str):
        content = content.encode()
    text = None if content is None else content.decode("latin-1")  # any byte, in JSON
    return {"path": path, "content": text, "mode": mode, "owner": owner}


def _copy(path: str, source: Path | str, mode: int) -> dict[str, Any]:
    return {"path": path, "source": str(source), "mode": mode, "owner": 0}


def _directory_of(module: str, missing: str) -> Path:
    """Where the package that holds ``module`` is installed."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise LabUnavailable(missing)
    return Path(spec.origin).parents[1]
