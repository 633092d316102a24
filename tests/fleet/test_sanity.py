"""The collection before `ansible-test sanity`: every test that this machine has what for."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from gpgdoctor.fleet.collection_writer import write_tree
from gpgdoctor.lab.bootstrap import Environment
from tests.support import environments
from tests.support.controller import REQUIREMENT
from tests.support.labs import cannot_run

DEADLINE_S = 900
# What ansible-test would fetch from a place of its own: here the pip that the bootstrap has installs the one it wants.
GET_PIP = """\
import sys
sys.path.insert(0, {wheel!r})
from pip._internal.cli.main import main
sys.exit(main(["install", *(it for it in sys.argv[1:] if it not in ("--no-setuptools", "--no-wheel"))]))
"""
NEEDED = {"ansible-doc", "compile", "import", "pep8", "pylint", "runtime-metadata", "shebang", "validate-modules"}


@pytest.fixture(scope="module")
def environment() -> Environment:
    try:
        return environments.with_packages("ansible", [REQUIREMENT])
    except environments.EnvironmentUnavailable as error:
        cannot_run(str(error))


def test_ansible_has_nothing_to_complain_of(environment: Environment, tmp_path: Path) -> None:
    collection = Path(write_tree(str(tmp_path)))
    _put_get_pip(environment, tmp_path)
    version = ".".join(environment.interpreter.version.split()[:2])
    done = subprocess.run(
        [environment.programs / "ansible-test", "sanity", "--color", "no", "--python", version],
        cwd=collection,
        env={**os.environ, "HOME": str(tmp_path), "PATH": f"{environment.programs}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-5000:]
    assert set(re.findall(r'^Running sanity test "([\w-]+)"', said, re.MULTILINE)) >= NEEDED


def _put_get_pip(environment: Environment, home: Path) -> None:
    (source,) = (environment.home / "venv").rglob("ansible_test/_internal/python_requirements.py")
    wanted = re.findall(r"\bpip='([\d.]+)'", source.read_text())
    wheel = sorted((environment.home / "debian").rglob("pip-*.whl"))[-1]
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True)
    for version in wanted:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(GET_PIP.format(wheel=str(wheel)))
