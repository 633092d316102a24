"""The pictures of README.md, drawn from recorded snapshots: ``python tests/pictures.py`` writes them anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from gpgdoctor.diagnosis import diagnose  # noqa: E402
from gpgdoctor.redact.redact import redact  # noqa: E402
from gpgdoctor.report import pages  # noqa: E402
from gpgdoctor.report.layout import wide  # noqa: E402
from gpgdoctor.snapshot import decode  # noqa: E402
from gpgdoctor.way import way  # noqa: E402

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FOLDER = FIXTURES / "pictures"
PICTURES = {
    "shared-holder": "shared-holder",
    "own-driver-against-pcscd": "GD205.usb",
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
