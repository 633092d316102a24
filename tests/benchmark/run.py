"""How fast gpgdoctor is: `python -m tests.benchmark.run [--quick] [--rounds N]`.

Whole processes are timed inside labs (private namespaces with a real pcscd, scdaemon and a virtual card), those that
are compared in turn, so that a busy machine slows all of them. Ratios count; absolute times are this machine's.
Ends with 0 where every budget is met, 1 where one is missed, 3 where no lab can be had.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gpgdoctor.lab import bootstrap
from gpgdoctor.lab.debian import DebianUnavailable
from gpgdoctor.lab.plan import LabUnavailable
from tests.support import CLONE

CANNOT_RUN = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, and no tools that touch the card")
    parser.add_argument("--rounds", type=int, help="how often each command is timed")
    options = parser.parse_args()
    try:
        _as_installed()
        from tests.benchmark import suite

        return suite.run(rounds=options.rounds or (7 if options.quick else 25), with_card_tools=not options.quick)
    except (LabUnavailable, bootstrap.BootstrapFailed, DebianUnavailable) as reason:
        print(f"benchmark: {reason}", file=sys.stderr)
        return CANNOT_RUN


def _as_installed() -> None:
    """Go on in an environment with the very versions that an installation brings, and everything compiled."""
    environment = bootstrap.prepared("base", "lab")
    if Path(sys.prefix) != environment.home / "venv":
        os.execve(
            environment.python,
            [str(environment.python), "-m", "tests.benchmark.run", *sys.argv[1:]],
            bootstrap.surroundings(environment),
        )
    from tests.support import environments

    for folder in (Path(sys.prefix), CLONE / "gpgdoctor"):
        environments.compile_all(folder, sys.executable)


if __name__ == "__main__":
    sys.exit(main())
