"""What a user might run instead of gpgdoctor, fetched into the cache of the benchmark; nothing is installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from gpgdoctor.lab.parts import PartsUnavailable, find
from tests.support import environments

DEBIAN_TOOLS = ("pcsc-tools", "opensc")
CONSOLE_SCRIPT = """\
#!{python}
import sys
from gpgdoctor.__main__ import main
if __name__ == '__main__':
    sys.exit(main())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program and what it needs around it, or why it cannot be had."""

    path: str = ""
    missing: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def ykman() -> Tool:
    try:
        environment = environments.with_packages("ykman", ["yubikey-manager"])
    except environments.EnvironmentUnavailable as reason:
        return Tool(missing=str(reason))
    _show_in_lab(environment.home)
    return Tool(path=str(environment.programs / "ykman"))


def debian_tools() -> dict[str, Tool]:
    """pcsc_scan and opensc-tool, unpacked from Debian's packages."""
    names = ("pcsc_scan", "opensc-tool")
    try:
        prefix = find(packages=DEBIAN_TOOLS).prefix
    except PartsUnavailable as reason:
        return {name: Tool(missing=str(reason)) for name in names}
    _show_in_lab(prefix)
    libraries = ":".join(str(path) for path in (prefix / "usr" / "lib").glob("*-linux-gnu*"))
    return {
        name: Tool(path=str(prefix / "usr" / "bin" / name), environment={"LD_LIBRARY_PATH": libraries})
        for name in names
    }


def gpgdoctor() -> str:
    """The script that pip makes of the entry point, for the Python that runs this."""
    script = Path(sys.prefix) / "bin" / "gpgdoctor-as-installed"
    content = CONSOLE_SCRIPT.format(python=sys.executable)
    if not script.exists() or script.read_text() != content:
        script.write_text(content)
        script.chmod(0o755)
    return str(script)


def _show_in_lab(folder: Path) -> None:
    """A lab shows what Python imports from, wherever it lies; the rest of root's home is hidden in it."""
    sys.path.append(str(folder))
