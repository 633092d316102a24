"""`gpgdoctor fleet`: the Ansible collection, and one report out of many documents."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpgdoctor.commands.output import complain, written

if TYPE_CHECKING:
    from gpgdoctor.fleet.picture import Picture

DONE, REFUSED, USAGE = 0, 1, 2
NAMED = 10  # of damaged files, where nothing else was given


def write_collection(directory: str, *, archive: bool) -> int:
    """Write the collection, print where it is, and return the exit code."""
    from gpgdoctor.fleet.collection_writer import Refused, write_archive, write_tree

    try:
        path = write_archive(directory) if archive else write_tree(directory)
    except (Refused, OSError) as error:
        complain(f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error))
        return REFUSED
    return DONE if written(path) else REFUSED


def report(paths: Sequence[str], *, json: bool, html: str | None) -> int:
    """Read every document, print or write the report, and return the exit code."""
    from gpgdoctor.fleet.picture import picture
    from gpgdoctor.fleet.sources import sources
    from gpgdoctor.fleet.tally import Tally

    if html is not None:
        import jinja2  # noqa: F401 - where it is missing, that is said before thousands of files are read
    tally = Tally()
    for source in sources(paths):
        tally.add(source)
    if not tally.readable:
        for name, reason in tally.damaged[:NAMED]:
            complain(f"{name}: {reason}")
        complain("nothing readable was given")
        return USAGE
    found = picture(tally)
    if html is not None and not _page_written(html, found):
        return USAGE
    if html is not None and not json:
        return DONE
    return DONE if written(_rendered(found, json=json)) else REFUSED


def _page_written(path: str, found: Picture) -> bool:
    from gpgdoctor.commands.files import Unwritable, write_text
    from gpgdoctor.fleet.page import render

    try:
        write_text(path, render(found))
    except Unwritable as error:
        complain(str(error))
        return False
    print("gpgdoctor: the page is written", file=sys.stderr)
    return True


def _rendered(found: Picture, *, json: bool) -> str:
    if json:
        from gpgdoctor.report.json import dump

        return dump(found)
    from gpgdoctor.fleet.markdown import render

    return render(found)
