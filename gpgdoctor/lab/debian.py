"""Debian packages fetched and unpacked without being installed.

apt resolves, fetches and verifies. Nothing below /etc, /usr and /var of the machine is written, and neither maintainer
scripts nor apt's hooks run. Works for an ordinary user. Stdlib only: bootstrap.py uses it before anything else exists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RESOLVE_DEADLINE_S = 300  # on a computer that others keep busy; it takes seconds on an idle one
FETCH_DEADLINE_S = 600
UNPACK_DEADLINE_S = 120
LISTS_FRESH_S = 3600

# The directories that a merged /usr has as links; packages older than the merge still name them.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

# Given with -c, because apt reads that file after its own: what runs after "update" on this machine (caches of desktop
# software centres, the clean-up of container images) would write to /var. Root's privileges are not dropped to _apt,
# who cannot enter a cache directory below /root.
APT_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::GzipIndexes "true";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
Dir::Cache "{home}/cache";
Dir::Log "{home}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""


OFFLINE = "GPGDOCTOR_OFFLINE"  # for builds of distributions, which must not so much as try


class DebianUnavailable(Exception):
    """Why packages cannot be had here, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apt:
    """apt-get with the machine's sources, keys and list of installed packages, and a private place to write to."""

    home: Path
    root: Path = Path("/")
    private_lists: bool = False

    def missing(self, packages: Sequence[str]) -> tuple[str, ...]:
        """What would have to be installed for these packages to work here, as NAME=VERSION, dependencies included."""
        # --no-upgrade: what is installed serves as it is.
        simulation = self._run("-s", "--no-upgrade", "--no-install-recommends", "install", *packages)
        return tuple(sorted(_simulated_installs(simulation)))

    def candidates(self, packages: Sequence[str]) -> tuple[str, ...]:
        """These packages themselves as NAME=VERSION, installed or not, without dependencies."""
        simulation = self._run("-s", "--reinstall", "--no-install-recommends", "install", *packages)
        chosen = (install for install in _simulated_installs(simulation) if install.partition("=")[0] in packages)
        return tuple(sorted(chosen))

    def download(self, pinned: Sequence[str], into: Path) -> list[Path]:
        into.mkdir(parents=True, exist_ok=True)
        if pinned:
            self._run("download", *pinned, cwd=into, deadline_s=FETCH_DEADLINE_S)
        return sorted(into.glob("*.deb"))

    def refreshed(self) -> Apt:
        """The same with package lists of its own, for a machine whose lists are missing or stale."""
        lists = self.home / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        own = Apt(home=self.home, root=self.root, private_lists=True)
        stamp = self.home / "lists.stamp"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > LISTS_FRESH_S:
            update = own._process("update", deadline_s=FETCH_DEADLINE_S)
            # apt calls it a success when no source answered. One of several may well fail: that shows later, if it
            # matters.
            if not any(lists.glob("*_Packages*")):
                raise DebianUnavailable(f"no package lists (no network?): {_first_complaint(update.stderr)}")
            stamp.touch()
        return own

    def _run(self, *arguments: str, cwd: Path | None = None, deadline_s: float = RESOLVE_DEADLINE_S) -> str:
        done = self._process(*arguments, cwd=cwd, deadline_s=deadline_s)
        if done.returncode != 0:
            raise DebianUnavailable(_last_complaint(done.stdout + done.stderr))
        return done.stdout

    def _process(self, *arguments: str, cwd: Path | None = None, deadline_s: float) -> subprocess.CompletedProcess[str]:
        if os.environ.get(OFFLINE) and arguments[0] in ("update", "download"):
            raise DebianUnavailable(f"nothing is fetched where {OFFLINE} is set")
        command = ["apt-get", "-q", "-y", "-c", str(self._configuration()), *self._options(), *arguments]
        try:
            return subprocess.run(
                command,
                cwd=cwd,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=deadline_s,
            )
        except FileNotFoundError:
            raise DebianUnavailable("apt-get is not here; what is missing is fetched with it") from None
        except subprocess.TimeoutExpired:
            raise DebianUnavailable(f"apt-get {arguments[0]} did not end within {deadline_s:g} s") from None

    def _configuration(self) -> Path:
        (self.home / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        configuration = self.home / "apt.conf"
        text = APT_CONFIGURATION.format(home=self.home)
        if not configuration.exists() or configuration.read_text() != text:
            configuration.write_text(text)
        return configuration

    def _options(self) -> list[str]:
        options = []
        if self.root != Path("/"):
            options += ["-o", f"Dir={self.root}", "-o", f"Dir::State::status={installed_packages_file(self.root)}"]
        if self.private_lists:
            options += ["-o", f"Dir::State::lists={self.home / 'lists'}"]
        return options


def installed_packages_file(root: Path = Path("/")) -> Path:
    return root / "var" / "lib" / "dpkg" / "status"


def unpack(archives: Sequence[Path], prefix: Path) -> None:
    """The /usr of these packages below prefix/usr; their /etc and /var stay out, and so do setuid bits."""
    usr = prefix / "usr"
    usr.mkdir(parents=True, exist_ok=True)
    scratch = prefix / ".unpacking"
    for archive in archives:
        _extract(archive, scratch)
        for top in sorted(scratch.iterdir()):
            if top.name == "usr":
                _merge(top, usr)
            elif top.name in MERGED and not top.is_symlink():
                _merge(top, usr / top.name)
        shutil.rmtree(scratch)


def _simulated_installs(simulation: str) -> list[str]:
    """NAME=VERSION of "Inst pcscd [1.9.9-1] (1.9.9-2 Debian:12/stable [amd64])", the old version being optional."""
    installs = []
    for line in simulation.splitlines():
        words = line.split()
        if words[:1] == ["Inst"]:
            version = next(word for word in words[2:] if word.startswith("("))
            installs.append(f"{words[1]}={version[1:]}")
    return installs


def _last_complaint(output: str) -> str:
    """The last error of apt, on one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line[3:] for line in lines if line.startswith("E: ")]
    return (errors or lines or ["apt-get failed without a word"])[-1]


def _first_complaint(output: str) -> str:
    """What went wrong first: on an update apt's last words only sum up."""
    complaints = [line[3:].strip() for line in output.splitlines() if line.startswith(("E: ", "W: "))]
    return complaints[0] if complaints else "apt-get update fetched nothing"


def _extract(archive: Path, into: Path) -> None:
    try:
        subprocess.run(
            ["dpkg-deb", "-x", str(archive), str(into)],
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=UNPACK_DEADLINE_S,
        )
    except FileNotFoundError:
        raise DebianUnavailable("dpkg-deb is not here; packages are unpacked with it") from None
    except subprocess.CalledProcessError as error:
        raise DebianUnavailable(f"{archive.name} cannot be unpacked: {_last_complaint(error.stderr)}") from error
    except subprocess.TimeoutExpired:
        raise DebianUnavailable(f"{archive.name} was not unpacked within {UNPACK_DEADLINE_S} s") from None


def _merge(source: Path, target: Path) -> None:
    # Laid over /usr, a directory shows the mode it has here: whatever the umask says, everybody may enter.
    target.mkdir(exist_ok=True)
    target.chmod(0o755)
    for entry in sorted(source.iterdir()):
        if entry.is_symlink():
            entry.replace(target / entry.name)
        elif entry.is_dir():
            _merge(entry, target / entry.name)
        else:
            entry.chmod(entry.stat().st_mode & 0o777)
            entry.replace(target / entry.name)
