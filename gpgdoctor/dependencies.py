"""The Python packages that gpgdoctor needs: all that are missing, and how to install them here."""

from __future__ import annotations

import sys
from importlib.util import find_spec

# What is imported, and what the Python index calls it.
PACKAGES = {"typer": "typer", "platformdirs": "platformdirs", "smartcard": "pyscard", "psutil": "psutil"}
FOR_PAGES = {"jinja2": "jinja2"}  # only where a page in HTML is written
# Commands that look at this machine, and would see less without one of the packages.
LOOKING = ("check", "demo", "fix", "report", "trace", "watch")
ELSEWHERE = ("--from", "--help", "-h")  # with these it does not look
# How a distribution names its packages of Python modules.
INSTALLERS = {
    "debian": ("apt install", "python3-{}"),
    "fedora": ("dnf install", "python3-{}"),
    "suse": ("zypper install", "python3-{}"),
    "arch": ("pacman -S", "python-{}"),
    "alpine": ("apk add", "py3-{}"),
}


class PackagesMissing(Exception):
    """Packages are not installed; the message is one line, with the command that installs them."""


def require(arguments: list[str]) -> None:
    """Raises PackagesMissing where a command that looks at this machine lacks one. Imports nothing."""
    looks = (arguments[:1] and arguments[0] in LOOKING) or arguments[:2] == ["hook", "run"]
    if looks and not any(argument.partition("=")[0] in ELSEWHERE for argument in arguments):
        names = missing()
        if set(names) - set(FOR_PAGES.values()):
            raise PackagesMissing(explained(names))


def missing() -> list[str]:
    """The missing packages, by their names in the Python index."""
    return [package for module, package in {**PACKAGES, **FOR_PAGES}.items() if find_spec(module) is None]


def explained(names: list[str]) -> str:
    """One line about these packages."""
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    subject = f"the Python package {listed} is" if len(names) == 1 else f"the Python packages {listed} are"
    return f"{subject} not installed: {_command(names)}"


def _command(names: list[str]) -> str:
    """A virtual environment has packages of its own, whatever the distribution has."""
    from gpgdoctor.collect.host import distribution

    known = distribution()
    family = known.split(" ")[0] if isinstance(known, str) else ""
    if sys.prefix != sys.base_prefix or family not in INSTALLERS:
        return f"{sys.executable} -m pip install {' '.join(names)}"
    install, pattern = INSTALLERS[family]
    return f"sudo {install} {' '.join(map(pattern.format, names))}"
