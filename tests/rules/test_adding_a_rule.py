"""A rule is its module, its page and its own snapshots: one is added to a copy, by the guide alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import recordings

SOURCE = Path(__file__).resolve().parents[2]
PARTS = ("gpgdoctor", "tests", "fixtures", "README.md", "pyproject.toml")
RULE = """

@rule("GD599", "several-readers", "There is one reader.", worst="info", causes=hidden_by("GD501"))
def several_readers(facts: Facts) -> Found | None:
    readers = known(facts.readers)
    if len(readers) < 2:
        return None
    names = several(reader_name(reader.name) for reader in readers)
    return Found(
        severity="info",
        summary=text("There are {number} readers: {names}.", number=len(readers), names=names),
        because=("readers[0].name", "readers[1].name"),
        cure=by_hand("Unplug the one that is not meant."),
    )
"""
PAGE = """# GD599 several-readers

There is one reader.

## What happens

There are more.

## How it is found

PC/SC lists them.

## What the fix does

Nothing.

## When not to

Where both are wanted.

## By hand

```sh
gpg --card-status
```

## Seen as

- `several readers of one kind`

## Sources

- man pcscd
"""
HAND_WRITTEN = {"gpgdoctor/rules/hardware.py", "gpgdoctor/rules/pages/GD599.md"}
GENERATED = {
    *("README.md", "tests/report/pictures/GD599.txt"),
    *("fixtures/snapshots/GD599.broken.json", "fixtures/snapshots/GD599.ok.json"),
}
PYTEST = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider")


def run(copy: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def contents(folder: Path) -> dict[str, str]:
    files = (path for part in PARTS for path in (folder / part, *(folder / part).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in PARTS:
        source, ignored = SOURCE / part, shutil.ignore_patterns("__pycache__", "*.pyc")
        if source.is_dir():
            shutil.copytree(source, tmp_path / part, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / part)
    return tmp_path


def test_a_new_rule_touches_its_module_its_page_and_its_own_snapshots(copy: Path) -> None:
    before = contents(copy)
    module = copy / "gpgdoctor" / "rules" / "hardware.py"
    module.write_text(
        module.read_text().replace("import Text, public", "import Text, reader_name, several, public") + RULE
    )
    (copy / "gpgdoctor" / "rules" / "pages" / "GD599.md").write_text(PAGE)
    shown = run(copy, "-m", "tests.support.recordings", "--rejudge")

    after = contents(copy)
    touched = {name for name in after if before.get(name) != after[name]}
    shows_it = {name for name in touched - HAND_WRITTEN - GENERATED if "GD599" in (copy / name).read_text()}
    assert touched == HAND_WRITTEN | GENERATED | shows_it
    assert shows_it and all(name.startswith("fixtures/snapshots/") for name in shows_it)
    assert '+   "id": "GD599",' in shown

    run(copy, *PYTEST, "tests/rules/test_contract.py", "tests/manual/test_pages.py", "tests/report/test_picture.py")
    run(copy, *PYTEST, "tests/rules/test_contract_snapshots.py", "-k", "GD599")


def test_nothing_is_left_to_rejudge(copy: Path) -> None:
    before = contents(copy)
    assert run(copy, "-m", "tests.support.recordings", "--rejudge") == ""
    assert contents(copy) == before


def test_a_misspelt_scenario_is_refused_with_the_one_that_may_be_meant() -> None:
    with pytest.raises(SystemExit, match=r"no scenario is called shared-holdr; did you mean shared-holder[?]"):
        recordings.record_all(["shared-holdr"])
