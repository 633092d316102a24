"""`gpgdoctor docs`: man pages and completions out of the commands themselves."""

from __future__ import annotations

import os
import time
from typing import Any

from gpgdoctor import __version__
from gpgdoctor.commands.output import complain, written
from gpgdoctor.docs import completion as completions
from gpgdoctor.docs import man as man_pages
from gpgdoctor.docs import tree
from gpgdoctor.docs.words import words
from gpgdoctor.manual import pages

DONE, UNWRITTEN = 0, 1


def man(context: Any, directory: str) -> int:
    """Write every page into ``directory``; ``context`` is that of the command that runs."""
    texts = man_pages.pages(tree.read(context), pages(), version=__version__, date=_date())
    return _write({os.path.join(directory, name): text for name, text in texts.items()})


def completion(context: Any, shell: str, *, prefix: str | None) -> int:
    """Print the completion, or write it where the shell looks below ``prefix``."""
    from gpgdoctor.lab.catalogue import SCENARIOS

    text = completions.script(shell, tree.read(context), words(pages(), SCENARIOS))
    if prefix is None:
        return DONE if written(text.rstrip("\n")) else UNWRITTEN
    return _write({os.path.join(prefix, completions.PLACES[shell]): text})


def _write(files: dict[str, str]) -> int:
    try:
        for path, text in files.items():
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return UNWRITTEN
    return DONE


def _date() -> str:
    """Of the build; reproducible where the packager says so (reproducible-builds.org, SOURCE_DATE_EPOCH)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return time.strftime("%Y-%m-%d", time.gmtime(int(epoch) if epoch.isdecimal() else None))
