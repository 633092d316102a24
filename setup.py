"""The one thing that pyproject.toml cannot say: man pages and completions come out of the commands at build time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
SHELLS = ("bash", "zsh", "fish")
DEADLINE_S = 120


class BuildWithDocs(build_py):
    """Has gpgdoctor write them below build/docs, and the wheel take them from there to share/."""

    def run(self) -> None:
        super().run()
        base = (HERE / self.get_finalized_command("build").build_base / "docs").resolve()
        _gpgdoctor("man", str(base / "share" / "man" / "man1"))
        (base / "share" / "man" / "man7").mkdir(exist_ok=True)
        for page in (base / "share" / "man" / "man1").glob("*.7"):
            page.replace(base / "share" / "man" / "man7" / page.name)
        for shell in SHELLS:
            _gpgdoctor("completion", shell, "--prefix", str(base))
        folders = sorted({file.parent for file in base.rglob("*") if file.is_file()})
        self.distribution.data_files = [
            (str(folder.relative_to(base)), sorted(map(str, folder.iterdir()))) for folder in folders
        ]


def _gpgdoctor(*arguments: str) -> None:
    argv = [sys.executable, "-m", "gpgdoctor", "docs", *arguments]
    subprocess.run(argv, cwd=HERE, check=True, timeout=DEADLINE_S)


setup(cmdclass={"build_py": BuildWithDocs})
