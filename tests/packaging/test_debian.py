"""A Debian package as a maintainer would have it: built from the sdist, checked, installed, tried and purged."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpgdoctor import __version__
from gpgdoctor.lab.plan import SOURCE_TREE
from tests.support import chroots, environments, roots
from tests.support.chroots import Chroot
from tests.support.commandline import every_command
from tests.support.labs import cannot_run

RECIPE = Path(__file__).parent / "debian"
SDIST_DEADLINE_S = 300
LEFT_OUT = shutil.ignore_patterns(".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")
WORK = "/build"
TREE = f"{WORK}/gpgdoctor-{__version__}"
# One recipe for two releases: what the older one's lintian asks for is old or redundant to the newer one's. And only
# there a maintainer must be a person; whoever uploads the package puts a name in.
OLD_TO_UNSTABLE = ",".join(
    (
        "no-human-maintainers",
        "out-of-date-standards-version",
        "package-uses-old-debhelper-compat-version",
        "redundant-priority-optional-field",
    )
)
PACKAGES = ("gpgdoctor", "gpgdoctor-hooks")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        environment = environments.with_packages("sdist", ["setuptools", "wheel", "typer", "build"])
    except environments.EnvironmentUnavailable as reason:
        cannot_run(str(reason))
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(SOURCE_TREE, folder / "source", ignore=LEFT_OUT)
    argv = [str(environment.python), "-m", "build", "--sdist", "--no-isolation", "--outdir", str(folder)]
    done = subprocess.run(
        argv, cwd=folder / "source", capture_output=True, text=True, timeout=SDIST_DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module", params=["trixie", "sid"])
def built(request: pytest.FixtureRequest, sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chroot]:
    """A system in which the package was built; it is not installed yet."""
    folder = tmp_path_factory.mktemp(request.param)
    try:
        root = chroots.copy(chroots.builder(request.param), folder / "root")
    except roots.RootUnavailable as unavailable:
        cannot_run(str(unavailable))
    chroot = Chroot(root)
    (root / "build").mkdir()
    shutil.copyfile(sdist, root / "build" / f"gpgdoctor_{__version__}.orig.tar.gz")
    chroot.succeed("tar", "-C", WORK, "-xf", f"{WORK}/gpgdoctor_{__version__}.orig.tar.gz")
    shutil.copytree(RECIPE, Path(f"{root}{TREE}/debian"))
    chroot.succeed("sh", "-c", f"cd {TREE} && dpkg-buildpackage -us -uc")
    yield chroot
    shutil.rmtree(root, ignore_errors=True)


def install(chroot: Chroot, *debs: str) -> None:
    chroot.succeed("apt-get", "install", "-qq", "-y", "--no-install-recommends", "--allow-downgrades", *debs)


def debs(version: str = f"{__version__}-1") -> list[str]:
    return [f"{WORK}/{package}_{version}_all.deb" for package in PACKAGES]


def test_lintian_has_nothing_to_say(built: Chroot, request: pytest.FixtureRequest) -> None:
    changes = next((built.path / "build").glob("*.changes")).name
    # The older one refuses to suppress what it does not know.
    spared = ("--suppress-tags", OLD_TO_UNSTABLE) if request.node.callspec.params["built"] == "sid" else ()
    said = built.run("lintian", "-EI", "--pedantic", "--fail-on", "none", *spared, f"{WORK}/{changes}")
    tags = [line for line in said.stdout.splitlines() if re.match(r"[EWIPX]:", line)]
    assert tags == [], "\n".join(tags)
    assert said.returncode == 0, said.stdout  # it was not kept from looking


def test_what_is_in_the_packages(built: Chroot) -> None:
    listed = built.succeed("dpkg-deb", "-c", debs()[0])
    for path in every_command():
        assert f"./usr/share/man/man1/{'-'.join(('gpgdoctor', *path))}.1.gz" in listed
    assert "./usr/share/man/man7/gpgdoctor-findings.7.gz" in listed
    assert "./usr/share/zsh/vendor-completions/_gpgdoctor" in listed
    assert "./usr/share/bug/gpgdoctor/script" in listed
    assert "rules/README.md" not in listed
    hooks = built.succeed("dpkg-deb", "-c", debs()[1])
    for place in ("./etc/sos/extras.d/gpgdoctor", "./usr/lib/nagios/plugins/check_gpgdoctor"):
        assert place in hooks
        assert place not in listed


def test_its_own_test_passes(built: Chroot) -> None:
    """autopkgtest installs the packages with what they need, and plays the demo."""
    built.succeed("sh", "-c", f"apt-get update -qq && autopkgtest {' '.join(debs())} {TREE}/ -- null")


def test_it_is_installed_upgraded_and_purged(built: Chroot) -> None:
    before = chroots.files_of(built.path)
    install(built, *debs())
    assert built.succeed("gpgdoctor", "--version") == f"gpgdoctor {__version__}\n"
    assert built.run("gpgdoctor", "check", "--json").returncode in (0, 1, 3)
    rows = built.succeed("gpgdoctor", "hook", "list")
    assert re.search(r"^sos +installed$", rows, re.MULTILINE)
    assert re.search(r"^reportbug +installed$", rows, re.MULTILINE)
    newer = f"{__version__}-2"
    changed = f"cd {TREE} && sed -i '1s/{__version__}-1/{newer}/' debian/changelog && DEB_BUILD_OPTIONS=nocheck"
    built.succeed("sh", "-c", f"{changed} dpkg-buildpackage -us -uc -b")
    install(built, *debs(newer))
    assert built.succeed("dpkg-query", "-W", "-f", "${Version}", "gpgdoctor") == newer
    built.succeed("apt-get", "purge", "-qq", "-y", *PACKAGES)
    after = chroots.files_of(built.path)
    left = [path for path in after if "gpgdoctor" in path and path not in before and not path.startswith(WORK)]
    assert left == []
