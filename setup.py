"""The one thing that pyproject.toml cannot say: man pages and completions come out of the commands at build time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import Command, setup  # isort: split

from distutils.command.build import build  # setuptools' own copy; its name in setuptools itself is newer than 61

HERE = Path(__file__).resolve().parent
SHELLS = ("bash", "zsh", "fish")
DEADLINE_S = 120


class BuildDocs(Command):
    """Has gpgdoctor write them below build/docs, and the wheel take them from there to share/."""

    user_options = [("build-base=", "b", "the directory for what is built")]  # noqa: RUF012 - as setuptools has it
    build_base: str | None

    def initialize_options(self) -> None:
        self.build_base = None

    def finalize_options(self) -> None:
        self.set_undefined_options("build", ("build_base", "build_base"))

    def run(self) -> None:
        share = (Path(self.build_base or "build") / "docs" / "share").resolve()
        self._gpgdoctor("man", str(share / "man" / "man1"))
        (share / "man" / "man7").mkdir(exist_ok=True)
        for page in (share / "man" / "man1").glob("*.7"):
            page.replace(share / "man" / "man7" / page.name)
        for shell in SHELLS:
            self._gpgdoctor("completion", shell, "--prefix", str(share.parent))
        folders = sorted({file.parent for file in share.rglob("*") if file.is_file()})
        self.distribution.data_files = [
            (str(folder.relative_to(share.parent)), sorted(map(str, folder.iterdir()))) for folder in folders
        ]

    def _gpgdoctor(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "gpgdoctor", "docs", *arguments], cwd=HERE, check=True, timeout=DEADLINE_S
        )


class Build(build):
    sub_commands = [*build.sub_commands, ("build_docs", None)]  # noqa: RUF012


setup(cmdclass={"build": Build, "build_docs": BuildDocs})
