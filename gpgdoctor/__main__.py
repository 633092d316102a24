"""The entry point: starts the look before anything else is imported, and turns errors into exit codes."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from gpgdoctor import __version__

if TYPE_CHECKING:
    from gpgdoctor.collect.early import Early

# Python collects garbage after every 700 or 2000 new objects. Imports make thousands, none of them garbage.
GARBAGE = 100_000
DEFECT, INTERRUPTED, LACKING = 70, 130, 3


def main() -> None:
    """Run the command line; never returns."""
    gc.set_threshold(GARBAGE)
    _fill_closed_streams()
    arguments = sys.argv[1:]
    early: Early | None = None
    code = DEFECT
    try:
        early = _start_early(arguments)
        code = _run(arguments, early)
        _flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where a defect becomes a line and a code
        if early is not None:
            early.close()  # its file descriptors may be the ones that were missing
        code = _defect(error, arguments)
    finally:
        if early is not None:
            early.close()
    _leave(code)


def _fill_closed_streams() -> None:
    """Redirect closed streams to /dev/null: nothing else must get their descriptors, and no stream may be None."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            from gpgdoctor.system.nowhere import lead_nowhere

            lead_nowhere(number)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115 - until we end
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115


def _start_early(arguments: list[str]) -> Early | None:
    """The children of a look take as long to start as typer takes to import: they begin first."""
    if arguments[:1] != ["check"] or any(_begins(argument, "--from", "--help", "-h") for argument in arguments):
        return None
    from gpgdoctor.collect.early import Early

    return Early(_last(arguments, "--homedir"), _seconds(_last(arguments, "--timeout")))


def _begins(argument: str, *names: str) -> bool:
    return argument.partition("=")[0] in names


def _last(arguments: list[str], name: str) -> str | None:
    """The last value of an option that is given more than once, as typer takes it."""
    found = None
    for number, argument in enumerate(arguments):
        if argument.startswith(f"{name}="):
            found = argument.partition("=")[2]
        elif argument == name and number + 1 < len(arguments):
            found = arguments[number + 1]
    return found


def _seconds(text: str | None) -> float:
    try:
        return min(3600.0, max(0.1, float(text or 5.0)))
    except ValueError:
        return 5.0


def _run(arguments: list[str], early: Early | None) -> int:
    if arguments == ["--version"]:  # without loading anything
        print(f"gpgdoctor {__version__}")
        return 0
    from gpgdoctor.dependencies import require

    require(arguments)
    if arguments[:1] == ["check"]:
        from gpgdoctor.commands.check_options import with_flags

        options = with_flags(arguments[1:])
        if options is not None:
            from gpgdoctor.commands.check import check

            return check(options, early)
    # Some versions of typer import rich, where it is installed, for help that is printed without it: 180 ms.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    from gpgdoctor.cli import run

    return run(arguments, early)


def _flush() -> None:
    """Let out what is still in the buffer; a reader who has gone has seen enough."""
    with suppress(BrokenPipeError):
        sys.stdout.flush()


def _defect(error: Exception, arguments: list[str]) -> int:
    try:
        from gpgdoctor.crash import report

        return report(error, arguments)
    except OSError as another:  # no file descriptor is left, say, to load it
        sys.stderr.write(f"gpgdoctor: it could not open what it needs: {another.strerror}\n")
        return LACKING


def _leave(code: int) -> None:
    """End at once: no interpreter teardown, and no error where stdout is closed."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # said already, or nobody is there to read it
    os._exit(code)


if __name__ == "__main__":
    main()
