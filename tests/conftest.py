"""What tests of more than one room share: how they come by a lab."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from gpgdoctor.lab.lab import Lab
from tests.support import roots
from tests.support.browser import Browser, find
from tests.support.labs import OpenLab, cannot_run, needing_a_lab

# Files that take minutes, then folders whose files take half a minute each.
LONGEST = (
    *("tests/lab/test_machine.py", "tests/lab/test_machine_ends.py", "tests/packaging/"),
    *("tests/lab/test_newer_debians.py", "tests/lab/test_check.py"),
    *("tests/lab/", "tests/fleet/", "tests/fix/", "tests/instruments/", "tests/pages/", "tests/scdaemon_conf/"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="play all scenarios of the machine, not today's eight")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: at the end there are short files, of which every process gets its share."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, begin in enumerate(LONGEST) if item.nodeid.startswith(begin)), len(LONGEST))


# xdist tells its workers how wide the terminal is, which is not that of the programs they start.
os.environ.pop("COLUMNS", None)
# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture
def hangup_counts() -> Iterator[None]:
    """SIGHUP as a terminal's programs have it, although nohup may have started the tests, which ignores it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _labs() -> Iterator[OpenLab]:
    with ExitStack() as labs:

        def enter(scenario: object, **how: object) -> Lab:
            with needing_a_lab():
                return labs.enter_context(Lab(scenario, **how))  # type: ignore[arg-type]

        yield enter


@pytest.fixture
def open_lab() -> Iterator[OpenLab]:
    """``open_lab(scenario, root=None, user=None)``: a lab that is closed when the test ends."""
    yield from _labs()


@pytest.fixture(scope="module")
def open_module_lab() -> Iterator[OpenLab]:
    """The same for a lab that the tests of a module share: only to look, not to change."""
    yield from _labs()


@pytest.fixture(scope="session")
def trixie_root() -> Path:
    """The root directory of a Debian 13, for ``open_lab(scenario, root=trixie_root)``."""
    return _root(roots.trixie)


@pytest.fixture(scope="session", params=[roots.trixie, roots.sid], ids=["trixie", "sid"])
def newer_root(request: pytest.FixtureRequest) -> Path:
    """The root directory of a Debian 13, then of unstable."""
    return _root(request.param)


def _root(build: Callable[[], Path]) -> Path:
    try:
        root = build()
    except roots.RootUnavailable as unavailable:
        cannot_run(str(unavailable))
    roots.compile_clone(root)
    return root


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, to show pages in."""
    program = find()
    if program is None:
        cannot_run("no Chromium is installed")
    opened = Browser(program)
    yield opened
    opened.close()
