"""What the unit says with which `systemd --user` starts gpg-agent, read off its files; systemctl would take longer."""

from __future__ import annotations

import os
import re

from gpgdoctor.facts import AgentUnit, Maybe, Unknown
from gpgdoctor.system.regular import NotRegular, read_regular

NAME = "gpg-agent.service"
# systemd.unit(5), the first that has the file wins; and every drop-in counts.
SYSTEM_DIRECTORIES = ("/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
UNIT_BYTES = 1 << 16
OPTIONS = 20
COMMAND = re.compile(r"^[ \t]*ExecStart[ \t]*=(.*)$", re.MULTILINE)
LONG_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]{1,40}(?![\w-])")


def unit() -> Maybe[AgentUnit | None]:
    """The unit with its drop-ins, of whose commands the last one is used; None where there is none, or it is masked."""
    paths = [f"{directory}/{NAME}" for directory in _directories()]
    path = next((path for path in paths if os.path.lexists(path)), None)
    if path is None or os.path.realpath(path) == os.devnull:
        return None
    try:
        found = [command for file in (path, *_drop_ins()) for command in COMMAND.findall(_read(file))]
    except OSError as error:
        return Unknown.because(f"{path}: {error.strerror}")
    except NotRegular as error:
        return Unknown.because(f"{path}: it is {error}")
    command = next((command for command in reversed(found) if command.strip()), "")
    return AgentUnit(path=path, options=tuple(LONG_OPTION.findall(command)[:OPTIONS]))


def _directories() -> list[str]:
    configuration = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return [f"{configuration}/systemd/user", *SYSTEM_DIRECTORIES]


def _drop_ins() -> list[str]:
    """By name, whichever directory they are in, as systemd reads them."""
    found: dict[str, str] = {}
    for directory in reversed(_directories()):
        folder = f"{directory}/{NAME}.d"
        names = os.listdir(folder) if os.path.isdir(folder) else ()
        found.update({name: f"{folder}/{name}" for name in names if name.endswith(".conf")})
    return [found[name] for name in sorted(found)]


def _read(path: str) -> str:
    return read_regular(path, UNIT_BYTES).decode("utf-8", "replace")
