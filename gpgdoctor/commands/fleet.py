"""`gpgdoctor fleet`: the Ansible collection, and one report out of many documents."""

# ruff: noqa: UP045 - typer 0.7, which Debian 12 has, does not know "str | None"
from __future__ import annotations

import sys
from typing import Optional

import typer

DONE, REFUSED, USAGE = 0, 1, 2

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
    from gpgdoctor.commands.output import complain, written
    from gpgdoctor.fleet.collection_writer import Refused, write_archive, write_tree

    try:
        path = write_archive(directory) if archive else write_tree(directory)
    except (Refused, OSError) as error:
        complain(f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error))
        return REFUSED
    return DONE if written(path) else REFUSED


@fleet.command()
def report(
    paths: list[str] = typer.Argument(..., metavar="DIR|FILE...", help="Documents of check, --save, hooks, Ansible."),
    json: bool = typer.Option(False, "--json", help="Print one JSON document, with every host by name."),
    html: Optional[str] = typer.Option(None, metavar="FILE", help="Write a page instead of printing Markdown."),
) -> int:
    """Make one report out of the documents of many machines. Looks at no machine and asks nobody."""
    from gpgdoctor.commands.output import complain, written
    from gpgdoctor.fleet.picture import picture
    from gpgdoctor.fleet.sources import sources
    from gpgdoctor.fleet.tally import Tally

    if html is not None:
        import jinja2  # noqa: F401 - said before thousands of files are read, where it is missing
    tally = Tally()
    for source in sources(paths):
        tally.add(source)
    if not tally.readable:
        for name, reason in tally.damaged[:10]:
            complain(f"{name}: {reason}")
        complain("nothing readable was given")
        return USAGE
    found = picture(tally)
    if html is not None:
        from gpgdoctor.fleet.page import write

        try:
            write(html, found)
        except OSError as error:
            complain(f"{html}: {error.strerror}")
            return USAGE
        print("gpgdoctor: the page is written", file=sys.stderr)
    if json:
        from gpgdoctor.report.json import dump

        return DONE if written(dump(found)) else REFUSED
    if html is None:
        from gpgdoctor.fleet.markdown import render

        return DONE if written(render(found)) else REFUSED
    return DONE
