"""What is timed, on which machines, and what it may take."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import File, Reader
from tests.benchmark import peers
from tests.benchmark.tables import Budget, budgets, ratio, times
from tests.benchmark.timing import Clock, Entry, Timings, in_turn

IMPORTS = 'python -c "import typer, psutil, smartcard.scard"'
TYPER = 'python -c "import typer"'
CHECK = "gpgdoctor check --json"
CROWD = ["1000", "10000"]  # processes, and Unix sockets
LONG_CONF_LINES = 100_000
SLOTS_PER_READER = 2  # of vpcd: eight entries are sixteen readers, and pcscd has room for no more
PEAK_LIMIT_MB = 60
HEALTHY = BY_NAME["healthy"]

Timed = dict[str, Timings]


def run(*, rounds: int, with_card_tools: bool) -> int:
    """Time everything, print the tables, and return the exit code."""
    script = peers.gpgdoctor()
    found = [*_startup(script, rounds), *_sizes(script, rounds), *_held_up(script, max(2, rounds // 5))]
    if with_card_tools:
        _card_tools(max(3, rounds // 5))
    _print(budgets(found))
    return 0 if all(budget.met for budget in found) else 1


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def _startup(script: str, rounds: int) -> list[Budget]:
    """gpgdoctor beside what any Python program costs, and beside what else a user might run."""
    ykman, tools = peers.ykman(), peers.debian_tools()
    scan = tools["pcsc_scan"]
    entries = [
        Entry(title="python -c pass", argv=_python("pass")),
        Entry(title=TYPER, argv=_python("import typer")),
        Entry(title=IMPORTS, argv=_python("import typer, psutil, smartcard.scard")),
        Entry(title=CHECK, argv=[script, "check", "--json"]),
        Entry(title="gpgdoctor check", argv=[script, "check"]),
        Entry(title="gpgdoctor --version", argv=[script, "--version"]),
        Entry(title="gpgdoctor --help", argv=[script, "--help"]),
        Entry(title="gpgconf --check-programs", argv=["gpgconf", "--check-programs"]),
        Entry(title="ykman --version", argv=[ykman.path, "--version"]),
        Entry(title="pcsc_scan -c", argv=[scan.path, "-c"], environment=scan.environment),
    ]
    missing = {"ykman --version": ykman.missing, "pcsc_scan -c": scan.missing}
    with Lab(HEALTHY) as lab:
        timed = in_turn({"quiet": lab}, [entry for entry in entries if not missing.get(entry.title)], rounds)
    absent = [Timings(title=title, failed=f"cannot be had: {why}") for title, why in missing.items() if why]
    _print(times(f"A healthy machine, {rounds} rounds", [*timed.values(), *absent], timed[IMPORTS]))
    return list(_startup_budgets({**timed, **{row.title: row for row in absent}}))


def _startup_budgets(timed: Timed) -> Iterator[Budget]:
    check = timed[CHECK]
    yield ratio("check --json / those imports", check, timed[IMPORTS], 1.3)
    yield ratio("check --json / ykman --version", check, timed["ykman --version"], 0.6)
    for option in ("--version", "--help"):
        yield ratio(f"{option} / import typer", timed[f"gpgdoctor {option}"], timed[TYPER], 1.3)
    peak = max(row.peak_mb for title, row in timed.items() if title.startswith("gpgdoctor"))
    yield Budget(title="peak memory", value=peak, limit=PEAK_LIMIT_MB, unit="MB")


def _sizes(script: str, rounds: int) -> list[Budget]:
    """A machine with many processes and sockets, one with many readers, one with a long file."""
    many = tuple(Reader(name=f"Reader {number}", card="absent") for number in range(1, 16 // SLOTS_PER_READER))
    long_file = File(path=".gnupg/scdaemon.conf", content="disable-ccid\n" + "# note\n" * (LONG_CONF_LINES - 1))
    with ExitStack() as labs:
        machines = {
            "quiet": labs.enter_context(Lab(HEALTHY)),
            "crowd": labs.enter_context(Lab(HEALTHY)),
            "readers": labs.enter_context(Lab(replace(HEALTHY, readers=(Reader(), *many)))),
            "long": labs.enter_context(Lab(replace(HEALTHY, files=(long_file,)))),
        }
        _fill(machines["crowd"])
        titles = {
            "quiet": CHECK,
            "crowd": "  with 1,000 processes and 10,000 sockets",
            "readers": f"  with {len(machines['readers'].reader_states())} readers",
            "long": "  with a scdaemon.conf of 100,000 lines",
        }
        argv = [script, "check", "--json"]
        timed = in_turn(
            machines, [Entry(title=titles[name], argv=argv, machine=name) for name in machines], max(5, rounds // 2)
        )
    _print(times("Larger machines", timed.values(), timed[CHECK]))
    return [
        ratio("1,000 processes, 10,000 sockets / quiet", timed[titles["crowd"]], timed[CHECK], 2.0),
        ratio("16 readers / one reader", timed[titles["readers"]], timed[CHECK], 1.5),
    ]


def _fill(lab: Lab) -> None:
    read_line(lab.popen([lab.python, "-I", "-S", str(Path(__file__).with_name("crowd.py")), *CROWD], user=0))


def _held_up(script: str, rounds: int) -> list[Budget]:
    """Where something blocks, the deadline counts: of the first look, since later ones do not probe again."""
    found = []
    timed = []
    for name in ("transaction-held", "pcscd-stopped"):
        for options, limit_s in (([], 3.0), (["--timeout", "1"], 1.3)):
            title = " ".join([name, *options])
            entry = Entry(title=title, argv=[script, "check", "--json", *options], codes=(1,))
            row = Timings(title=title)
            for _ in range(rounds):
                with Lab(BY_NAME[name]) as lab:
                    Clock(lab).time(entry, row)
            timed.append(row)
            longest_s = row.longest_s if row.seconds else None
            found.append(Budget(title=f"{title}: the longest of {rounds}", value=longest_s, limit=limit_s, unit="s"))
    _print(times("Held up", timed, Timings(title="")))
    return found


def _card_tools(rounds: int) -> None:
    """Tools that touch the card, each in a lab of its own: the virtual card slows them, and ykman kills scdaemon."""
    ykman, opensc = peers.ykman(), peers.debian_tools()["opensc-tool"]
    any_code = tuple(range(128))
    entries = [
        (Entry(title="ykman --diagnose", argv=[ykman.path, "--diagnose"], codes=any_code), ykman.missing),
        (Entry(title="gpg --card-status", argv=["gpg", "--card-status"]), ""),
        (
            Entry(title="opensc-tool -n", argv=[opensc.path, "-n"], environment=opensc.environment, codes=any_code),
            opensc.missing,
        ),
    ]
    rows = []
    for entry, missing in entries:
        if missing:
            rows.append(Timings(title=entry.title, failed=f"cannot be had: {missing}"))
            continue
        with Lab(HEALTHY) as lab:
            rows += in_turn({"quiet": lab}, [entry], rounds).values()
    _print(times("Tools that touch the card, without a budget", rows, Timings(title="")))
