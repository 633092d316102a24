"""How fast `gpgdoctor fleet report` is: `python -m tests.benchmark.fleet [--documents N]`.

Whole processes over directories of N/4, N/2 and N documents, judged ones and ones with facts alone. Ends with 0 where
every budget is met, 1 where one is missed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gpgdoctor.lab import bootstrap
from gpgdoctor.lab.debian import DebianUnavailable
from tests.support import CLONE, crowds

DOCUMENTS = 10_000
LIMIT_S = 60.0
LIMIT_MB = 300.0
LINEAR = 1.3  # how much more one document of N may take than one of N/4
CANNOT_RUN = 3
FORMS = (("Markdown", ()), ("JSON", ("--json",)), ("page", ("--html",)))


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    busy_s: float  # of processors: what a crowded machine does not change
    peak_mb: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    number = parser.parse_args().documents
    try:
        environment = bootstrap.prepared("base", "lab")
    except (bootstrap.BootstrapFailed, DebianUnavailable) as reason:
        print(f"benchmark: {reason}", file=sys.stderr)
        return CANNOT_RUN
    with tempfile.TemporaryDirectory(prefix="gpgdoctor-fleet-") as scratch:
        met = [_measured(environment.python, Path(scratch), number, facts_only=it) for it in (False, True)]
    return 0 if all(met) else 1


def _measured(python: Path, scratch: Path, number: int, *, facts_only: bool) -> bool:
    print(f"\n{'Facts alone, judged here' if facts_only else 'Judged documents'}\n")
    print(f"{'documents':>10} {'form':<10} {'seconds':>8} {'busy ms each':>12} {'peak MB':>8}")
    runs: dict[tuple[int, str], Run] = {}
    for count in (number // 4, number // 2, number):
        folder = scratch / f"{'facts' if facts_only else 'whole'}-{count}"
        crowds.write(folder, count, facts_only=facts_only)
        for form, options in FORMS if count == number else FORMS[:1]:
            page = [str(scratch / "page.html")] if options == ("--html",) else []
            run = runs[count, form] = _timed(
                [str(python), "-m", "gpgdoctor", "fleet", "report", *options, *page, str(folder)]
            )
            print(f"{count:>10} {form:<10} {run.seconds:>8.1f} {1000 * run.busy_s / count:>12.2f} {run.peak_mb:>8.0f}")
    slope = (runs[number, "Markdown"].busy_s / number) / (runs[number // 4, "Markdown"].busy_s / (number // 4))
    met = slope <= LINEAR and all(run.seconds <= LIMIT_S and run.peak_mb <= LIMIT_MB for run in runs.values())
    print(
        f"a document of {number} / one of {number // 4}: {slope:.2f} (at most {LINEAR}); {'met' if met else 'MISSED'}"
    )
    return met


def _timed(argv: list[str]) -> Run:
    """One process, and how much memory it had at most: of its children too, if it has any."""
    before = time.monotonic()
    process = subprocess.Popen(argv, cwd=CLONE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return Run(time.monotonic() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    sys.exit(main())
