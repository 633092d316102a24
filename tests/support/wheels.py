"""A wheel of the clone, and the wheels it depends on, as a controller would have them for hosts without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from gpgdoctor.lab import bootstrap
from tests.support import environments

PIP_DEADLINE_S = 300
SOURCES = ("gpgdoctor", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
PYSCARD = "Metadata-Version: 2.1\nName: pyscard\nVersion: {version}\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n"


@dataclass(frozen=True, slots=True)
class Wheels:
    wheel: Path
    house: Path
    pip: Path


def built(folder: Path) -> Wheels:
    """Raises EnvironmentUnavailable."""
    environment = environments.with_packages("wheels", ["setuptools>=61"])
    pip = sorted((environment.home / "debian").rglob("pip-*.whl"))[-1]
    source, house = folder / "source", folder / "house"
    source.mkdir()
    for name in SOURCES:
        path = bootstrap.CLONE / name
        shutil.copytree(path, source / name) if path.is_dir() else shutil.copy(path, source / name)
    _pip(environment, pip, "wheel", "--no-deps", "-w", str(folder), str(source))
    needed = bootstrap.requirements(bootstrap.read_pyproject(pip), "base")
    others = [requirement for requirement in needed if not requirement.startswith("pyscard")]
    _pip(environment, pip, "wheel", "-w", str(house), *others)
    _pack_pyscard(environment, house)
    (wheel,) = folder.glob("gpgdoctor-*.whl")
    return Wheels(wheel, house, pip)


def _pip(environment: bootstrap.Environment, pip: Path, *arguments: str) -> None:
    argv = [str(environment.python), str(pip / "pip"), *arguments, "--no-input", "--prefer-binary"]
    surroundings = {**bootstrap.surroundings(environment), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        argv, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PIP_DEADLINE_S
    )
    if done.returncode != 0:
        raise environments.EnvironmentUnavailable(f"pip failed: {done.stderr.strip()[-500:]}")


def _pack_pyscard(environment: bootstrap.Environment, house: Path) -> None:
    """Debian's, as a wheel: the Python index has none for Linux."""
    folder = next((environment.home / "venv" / "lib").glob("python3*/site-packages"))
    version = next(folder.glob("pyscard-*")).name.split("-")[1].removesuffix(".egg").removesuffix(".dist")
    about = f"pyscard-{version}.dist-info"
    with zipfile.ZipFile(house / f"pyscard-{version}-py3-none-any.whl", "w") as wheel:
        for path in sorted((folder / "smartcard").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                wheel.write(path, os.path.relpath(path, folder))
        wheel.writestr(f"{about}/METADATA", PYSCARD.format(version=version))
        wheel.writestr(f"{about}/WHEEL", WHEEL)
        wheel.writestr(f"{about}/RECORD", "")
