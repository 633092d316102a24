"""The picture of a fleet as a page."""

from __future__ import annotations

from gpgdoctor.fleet.markdown import VERDICTS, VERSION_TITLES
from gpgdoctor.fleet.picture import Picture
from gpgdoctor.report import pages

HOSTS_SHOWN = 1000  # of one row; the JSON has them all


def render(picture: Picture) -> str:
    return pages.render(
        "gpgdoctor.fleet.pages",
        "fleet.html.j2",
        fleet=picture,
        limit=HOSTS_SHOWN,
        verdicts=VERDICTS,
        version_titles=VERSION_TITLES,
    )
