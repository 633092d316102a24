"""The ids and names of every rule that was released.

``python -m tests.support.released`` adds those of this version.
"""

from __future__ import annotations

import json
from pathlib import Path

from gpgdoctor.rules import catalogue

PATH = Path(__file__).resolve().parents[2] / "fixtures" / "catalogue.json"


def released() -> dict[str, str]:
    """Names by id, those of rules that are gone included."""
    names: dict[str, str] = json.loads(PATH.read_text("ascii"))
    return names


def extended(names: dict[str, str]) -> dict[str, str]:
    """With the rules of today; ValueError where one of them has another name than it was released with."""
    today = {id: rule.name for id, rule in catalogue().items()}
    renamed = [id for id in names.keys() & today if names[id] != today[id]]
    if renamed:
        raise ValueError(f"released with another name: {', '.join(sorted(renamed))}")
    return {**names, **today}


def main() -> None:
    PATH.write_text(json.dumps(extended(released()), indent=1, sort_keys=True) + "\n", "ascii")


if __name__ == "__main__":
    main()
