"""The sub-commands of `gpgdoctor fleet`: parse, call, return the exit code. No logic."""

# ruff: noqa: UP045 - typer 0.7, which Debian 12 has, does not know "str | None"
from __future__ import annotations

from typing import Optional

import typer

fleet = typer.Typer(
    name="fleet",
    help="Many machines: an Ansible collection that asks and cures them, and one report out of their documents.",
    short_help="An Ansible collection, and one report out of many documents.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@fleet.command()
def collection(
    directory: str = typer.Argument(..., metavar="DIR", help="Where it is written; made where it is missing."),
    archive: bool = typer.Option(False, "--archive", help="A tarball for ansible-galaxy collection install."),
) -> int:
    """Write the Ansible collection gpgdoctor.fleet: modules check, fix and undo, a role, and playbooks."""
    from gpgdoctor.commands.fleet import write_collection

    return write_collection(directory, archive=archive)


@fleet.command()
def report(
    paths: list[str] = typer.Argument(..., metavar="DIR|FILE...", help="Documents of check, --save, hooks, Ansible."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document, with every host by name."),
    html: Optional[str] = typer.Option(None, metavar="FILE", help="Write a page instead of printing Markdown."),
) -> int:
    """Make one report out of the documents of many machines. Looks at no machine and asks nobody."""
    from gpgdoctor.commands.fleet import report

    return report(paths, json=json, html=html)
