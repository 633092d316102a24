"""The pictures of README.md, drawn from recorded snapshots: ``python -m tests.support.pictures`` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from gpgdoctor.diagnosis import diagnose
from gpgdoctor.redact.redact import redact
from gpgdoctor.report import pages
from gpgdoctor.report.layout import wide
from gpgdoctor.snapshot import decode
from gpgdoctor.way import way

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
FOLDER = FIXTURES / "pictures"
PICTURES = {
    "shared-holder": "shared-holder",
    "own-driver-against-pcscd": "usb-pcscd-first",
}


def drawn(snapshot: str) -> str:
    """The way to the card in a recorded snapshot, as SVG."""
    document = json.loads((FIXTURES / "snapshots" / f"{snapshot}.json").read_text())
    diagnosis, _ = redact(diagnose(decode(document["facts"])))
    return pages.picture(wide(way(diagnosis)))


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, snapshot in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(drawn(snapshot), "utf-8")


if __name__ == "__main__":
    main()
