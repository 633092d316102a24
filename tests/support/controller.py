"""Real ansible-core: Debian's, unpacked in the cache, or the Python index's, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from gpgdoctor.fleet.collection_writer import write_tree
from gpgdoctor.lab.debian import DebianUnavailable
from tests.support import environments, unpacked

RUN_DEADLINE_S = 300
# Of an old and of a new series, whatever Python is here: the first that pip can install.
REQUIREMENT = "ansible-core>=2.15"
PROGRAMS = ("ansible", "ansible-playbook", "ansible-doc", "ansible-galaxy")


class AnsibleUnavailable(Exception):
    """Why there is no Ansible here, in one line."""


class Ansible:
    """One installation of Ansible, with the collection, and with a home of its own."""

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs = programs
        self._home = home
        write_tree(str(home / "collections"))

    @classmethod
    def of(cls, origin: str, home: Path) -> Ansible:
        """``origin`` is "debian" or "pypi"; raises AnsibleUnavailable."""
        try:
            if origin == "pypi":
                return cls(environments.with_packages("ansible", [REQUIREMENT]).programs, home)
            found = unpacked.packages("ansible-core")
            for program in PROGRAMS:
                found.launcher(program, home / "bin")
            return cls(home / "bin", home)
        except (DebianUnavailable, environments.EnvironmentUnavailable, OSError) as error:
            raise AnsibleUnavailable(str(error)) from error

    def run(
        self, program: str, *arguments: str | Path, codes: Sequence[int] = (0,), collections: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its programs; ``codes`` are those that may come of it."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            env=self._environment(collections or self._home / "collections"),
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_DEADLINE_S,
        )
        assert done.returncode in codes, f"{done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done

    def _environment(self, collections: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "CI") if name in os.environ}
        return {
            **kept,
            "HOME": str(self._home),
            "ANSIBLE_HOME": str(self._home / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self._home / "tmp"),
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
            "LC_ALL": "C.UTF-8",
        }
