"""The picture of a fleet as a page."""

from __future__ import annotations

import os
from contextlib import suppress

from gpgdoctor.fleet.markdown import VERDICTS, VERSION_TITLES
from gpgdoctor.fleet.picture import Picture
from gpgdoctor.report import pages

HOSTS_SHOWN = 1000  # of one row; the JSON has them all


def render(picture: Picture) -> str:
    return pages.render(
        "gpgdoctor.fleet.pages",
        "fleet.html",
        fleet=picture,
        limit=HOSTS_SHOWN,
        verdicts=VERDICTS,
        version_titles=VERSION_TITLES,
    )


def write(path: str, picture: Picture) -> None:
    """The old page or the new one, never half of one; raises OSError."""
    page = render(picture)
    if os.path.exists(path) and not os.path.isfile(path):  # a terminal, a pipe
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(page)
        return
    path = os.path.realpath(path)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
