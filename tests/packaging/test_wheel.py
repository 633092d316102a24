"""The wheel, built by the oldest setuptools that pyproject.toml allows and by the newest: what is in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gpgdoctor.docs.completion import PLACES
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import environments
from tests.support.commandline import every_command
from tests.support.labs import cannot_run

BUILD_DEADLINE_S = 300
LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
WITHOUT_IMP_IMPORTER = (3, 12)
LOWEST = re.findall(r'"setuptools>=([\d.]+)"', (SOURCE_TREE / "pyproject.toml").read_text())


@pytest.fixture(scope="module", params=[f"setuptools=={version}" for version in LOWEST] + ["setuptools"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "==" in request.param and sys.version_info >= WITHOUT_IMP_IMPORTER:
        pytest.skip(f"{request.param} needs pkgutil.ImpImporter, which this Python has no more")
    try:
        environment = environments.with_packages("wheel", [request.param, "wheel", "typer", "pip"])
    except environments.EnvironmentUnavailable as reason:
        cannot_run(str(reason))
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(SOURCE_TREE, folder / "source", ignore=LEFT_OUT)
    argv = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), "."]
    done = subprocess.run(
        [str(environment.python), *argv],
        cwd=folder / "source",
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_what_the_wheel_has(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shared = {re.sub(r"^gpgdoctor-[^/]+\.data/data/", "", name) for name in names if ".data/data/" in name}
    pages = {"share/man/man1/" + "-".join(("gpgdoctor", *path)) + ".1" for path in every_command()}
    assert shared == {*pages, "share/man/man7/gpgdoctor-findings.7", *PLACES.values()}
    sources = SOURCE_TREE / "gpgdoctor"
    kept = {str(path.relative_to(SOURCE_TREE)) for path in sources.rglob("*") if path.is_file()}
    wanted = {path for path in kept if "__pycache__" not in path} - {"gpgdoctor/rules/README.md"}
    assert {name for name in names if name.startswith("gpgdoctor/")} == wanted
    assert {name.partition("/")[0] for name in names} - {"gpgdoctor"} == {
        name.partition("/")[0] for name in names if name.startswith("gpgdoctor-")
    }
