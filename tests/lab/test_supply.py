"""The oldest and the newest versions of what gpgdoctor depends on: it behaves the same with both."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gpgdoctor import __version__
from gpgdoctor.docs.completion import PLACES
from gpgdoctor.lab.bootstrap import DEBIAN_PYTHON
from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.parts import PartsUnavailable, find
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import civility, environments
from tests.support.labs import cannot_run

pytestmark = pytest.mark.lab

# What a distribution would let gpgdoctor depend on; Debian 12 has the lowest versions that pyproject.toml allows.
DEBIAN_PACKAGES = ("python3-typer", "python3-platformdirs", "python3-psutil", "python3-pyscard")
DEPENDENCIES = ("typer", "platformdirs", "psutil", "pyscard")
BOOKWORM = "12"
VERSIONS = (
    f"import importlib.metadata as m, json; print(json.dumps({{name: m.version(name) for name in {DEPENDENCIES}}}))"
)
# What pip compiles pyscard with; without a compiler Debian's pyscard is taken.
HEADERS = ("libpython3-dev", "libpcsclite-dev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """An interpreter, and where its packages are."""

    python: str
    folders: tuple[str, ...] = ()
    shown: tuple[str, ...] = field(default=())  # what of it a lab would hide

    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": ":".join([str(SOURCE_TREE), *self.folders])}


def oldest() -> Supply:
    """What Debian ships, unpacked and not installed: no pip, no compiler."""
    try:
        prefix = find(packages=DEBIAN_PACKAGES).prefix
    except PartsUnavailable as reason:
        cannot_run(str(reason))
    folder = str(prefix / "usr" / "lib" / "python3" / "dist-packages")
    return Supply(python=str(DEBIAN_PYTHON), folders=(folder,), shown=(str(prefix),))


def newest() -> Supply:
    """What pip chooses today."""
    wanted = [_requirement(name) for name in DEPENDENCIES if name != "pyscard"]
    compiling = {}
    try:
        if shutil.which("gcc"):
            wanted.append(_requirement("pyscard"))
            compiling = _with_headers(find(packages=HEADERS).prefix / "usr")
        environment = environments.with_packages("newest", wanted, compiling)
    except (environments.EnvironmentUnavailable, PartsUnavailable) as reason:
        cannot_run(str(reason))
    return Supply(python=str(environment.python), shown=(str(environment.home),))


def _with_headers(usr: Path) -> dict[str, str]:
    """How gcc finds what was unpacked and not installed."""
    include = [usr / "include", *usr.glob("include/python3*"), usr / "include" / "PCSC"]
    return {"CPATH": ":".join(map(str, include)), "LIBRARY_PATH": ":".join(map(str, usr.glob("lib/*-linux-gnu*")))}


def _requirement(name: str) -> str:
    """As in pyproject.toml: "typer>=0.7"."""
    (found,) = re.findall(rf'^  "({name}[<>=,.\d]+)",$', (SOURCE_TREE / "pyproject.toml").read_text(), re.MULTILINE)
    return str(found)


@pytest.fixture(params=[oldest, newest], ids=["oldest", "newest"])
def supply(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Supply:
    found: Supply = request.param()
    monkeypatch.setattr(sys, "path", [*sys.path, *found.shown])  # a lab shows what lies on the path of Python
    return found


def test_gpgdoctor_behaves_the_same(supply: Supply, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["shared-holder"])

    def gpgdoctor(*arguments: str, code: int) -> str:
        done = lab.run([supply.python, "-m", "gpgdoctor", *arguments], env=supply.environment())
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (arguments, done)
        return done.stdout

    assert_versions(json.loads(lab.run([supply.python, "-c", VERSIONS], env=supply.environment()).stdout))
    assert gpgdoctor("--version", code=0) == f"gpgdoctor {__version__}\n"
    assert " check " in gpgdoctor("--help", code=0)
    assert " --timeout" in gpgdoctor("check", "--help", code=0)
    gpgdoctor("check", "--nonsense", code=2)
    gpgdoctor("check", "--timeout", "soon", code=2)
    gpgdoctor("check", "--format", "xml", code=2)
    document = json.loads(gpgdoctor("check", "--json", code=1))
    (found,) = (finding for finding in document["findings"] if finding["id"] == "GD202")
    assert [culprit["pid"] for culprit in found["culprits"]] == [lab.client().pid]
    assert document["complete"]
    assert gpgdoctor("check", code=1).splitlines()[-1] == "Found: 1 error. Next: gpgdoctor fix"
    assert gpgdoctor("check", "--ignore", "GD202", "--fail-on", "error", "--format=nagios", code=0)
    assert "GD202" in gpgdoctor("explain", "shared-holder-blocks-scdaemon", code=0)
    assert "+pcsc-shared" in gpgdoctor("fix", "--dry-run", code=0)
    gpgdoctor("fix", "--yes", code=0)
    assert lab.run(["gpg", "--card-status"]).returncode == 0
    gpgdoctor("undo", code=0)
    json.loads(gpgdoctor("schema", code=0))
    for shell in PLACES:
        assert gpgdoctor("docs", "completion", shell, code=0) == civility.gpgdoctor("docs", "completion", shell).stdout


def assert_versions(found: dict[str, str]) -> None:
    """The interpreter took what was meant for it."""
    print(found)
    for name in DEPENDENCIES:
        lowest = re.findall(r">=([\d.]+)", _requirement(name))[0]
        assert _numbers(found[name]) >= _numbers(lowest)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def test_debian_12_has_the_lowest_versions() -> None:
    release = Path("/etc/os-release").read_text()
    if f'VERSION_ID="{BOOKWORM}"' not in release:
        pytest.skip("this is no Debian 12")
    folders = [Path(folder) for folder in oldest().folders]
    metadata = [path.name for folder in folders for path in folder.iterdir() if path.suffix.endswith("-info")]
    for name in DEPENDENCIES:
        lowest = re.findall(r">=([\d.]+)", _requirement(name))[0]
        assert any(re.match(rf"{name}-{re.escape(lowest)}(\.|-)", entry) for entry in metadata), (name, metadata)
