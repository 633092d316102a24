"""The sub-commands of `gpgdoctor hook`: parse, call, return the exit code. No logic."""

# ruff: noqa: UP045 - typer 0.7, which Debian 12 has, does not know "str | None"
from __future__ import annotations

from enum import Enum
from typing import Optional

import typer


class HookTarget(str, Enum):
    """The names in targets.py, which is not loaded for every command."""

    reportbug = "reportbug"
    sos = "sos"
    supportconfig = "supportconfig"
    apport = "apport"
    nagios = "nagios"
    ansible_fact = "ansible-fact"
    text = "text"
    json = "json"
    html = "html"


hooks = typer.Typer(
    name="hook",
    help="What the support scripts of distributions run: reportbug, sos, supportconfig, apport, monitoring.",
    short_help="Hooks for reportbug, sos, supportconfig, apport and monitoring.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_TARGET = typer.Argument(..., metavar="TARGET", help=f"One of {', '.join(target.value for target in HookTarget)}.")
_ALL_USERS = typer.Option(False, "--all-users", help="As root: look for every user, with that user's rights.")
_JSON = typer.Option(False, "--json", help="Print one JSON document.")
_DESTDIR = typer.Option(None, metavar="DIR", help="For packagers: below this directory.")
_PACKAGE = typer.Option(None, "--for", metavar="PACKAGE", help="reportbug: for reports on this package.")
_EXE = typer.Option(None, metavar="PATH", help="The gpgdoctor that root's hooks run; default: the one that was called.")
_DRY_RUN = typer.Option(False, "--dry-run", help="Say what would be done.")


@hooks.command()
def run(
    target: HookTarget = _TARGET,
    all_users: bool = _ALL_USERS,
) -> int:
    """Answer a host: passively, redacted, in ASCII, within 30 s, with the exit code that it wants."""
    from gpgdoctor.commands import hook

    return hook.run(target.value, all_users=all_users)


@hooks.command(name="list")
def list_(json: bool = _JSON) -> int:
    """List the hooks, and whether each is installed."""
    from gpgdoctor.commands import hook

    return hook.overview(as_json=json)


@hooks.command()
def show(
    target: HookTarget = _TARGET,
    destdir: Optional[str] = _DESTDIR,
    exe: Optional[str] = _EXE,
    package: Optional[str] = _PACKAGE,
) -> int:
    """Print the files that install would write."""
    from gpgdoctor.commands import hook

    return hook.show(hook.HookOptions(target=target.value, executable=exe, destdir=destdir, package=package))


def _command(name: str, help: str) -> None:
    """The two commands that write have the same options."""

    def command(
        target: HookTarget = _TARGET,
        destdir: Optional[str] = _DESTDIR,
        exe: Optional[str] = _EXE,
        package: Optional[str] = _PACKAGE,
        dry_run: bool = _DRY_RUN,
    ) -> int:
        from gpgdoctor.commands import hook

        options = hook.HookOptions(
            target=target.value, executable=exe, destdir=destdir, package=package, dry_run=dry_run
        )
        return hook.install(options) if name == "install" else hook.uninstall(options)

    hooks.command(name=name, help=help)(command)


_command("install", "Put a hook where its host looks for it. What gpgdoctor did not write is not overwritten.")
_command("uninstall", "Remove what install wrote and nobody changed since.")
