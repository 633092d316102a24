"""`gpgdoctor hook`: run one for its host; list, show, install and uninstall the shims."""

from __future__ import annotations

import json
import os
import sys

from gpgdoctor.hooks import install as installer
from gpgdoctor.hooks.install import Piece, Refused
from gpgdoctor.hooks.targets import BY_NAME, Target
from gpgdoctor.system.invocation import running
from gpgdoctor.system.record import Record

REFUSED, USAGE = 1, 2
PACKAGED = "/usr/bin/gpgdoctor"
PLAIN = "sudo gpgdoctor hook install"
AS_ROOT = "hooks are installed as root, or below --destdir"
FOR_ALL = "sudo pipx install --global ."


class HookOptions(Record):
    target: str
    executable: str | None = None
    destdir: str | None = None
    package: str | None = None
    dry_run: bool = False


class _Usage(Exception):
    """Wrong usage; the message says what is wrong."""


def run(name: str, *, all_users: bool) -> int:
    from gpgdoctor.hooks.serve import serve

    target = BY_NAME[name]
    if target.form == "html":
        import jinja2  # noqa: F401 - where it is missing, that is said before anything is looked at
    return serve(target, all_users=all_users)


def overview(*, as_json: bool) -> int:
    from gpgdoctor.hooks.overview import overview, table

    rows = overview()
    print(json.dumps({"hooks": rows}, indent=2, sort_keys=True) if as_json else table(rows))
    return 0


def show(options: HookOptions) -> int:
    """Print the files of a hook, each with its path and mode before it."""
    try:
        target, wanted = _wanted(options, default=PACKAGED)
    except _Usage as error:
        return _complain(str(error), USAGE)
    if not wanted:
        print(f"{target.name}: nothing to install; call gpgdoctor hook run {target.name}")
    for piece in wanted:
        print(f"--- {options.destdir or ''}{piece.path} ({piece.mode:04o})\n{piece.content.decode()}")
    return 0


def install(options: HookOptions) -> int:
    try:
        target, wanted = _wanted(options, default=PACKAGED if options.destdir else running())
        if not wanted:
            raise _Usage(f"{target.name}: there is nothing to install; call gpgdoctor hook run {target.name}")
    except _Usage as error:
        return _complain(str(error), USAGE)
    objections = [] if options.destdir else _objections(target, options)
    if objections:
        return _complain(_way_out(target, list(dict.fromkeys(objections))), REFUSED)
    try:
        done = installer.install(wanted, destdir=options.destdir or "", dry_run=options.dry_run)
    except (Refused, OSError) as error:
        return _complain(_reason(error), REFUSED)
    print("\n".join(done))
    return 0


def uninstall(options: HookOptions) -> int:
    try:
        target, wanted = _wanted(options, default=PACKAGED)
    except _Usage as error:
        return _complain(str(error), USAGE)
    try:
        removal = installer.uninstall(
            target,
            wanted,
            destdir=options.destdir or "",
            only_wanted=options.package is not None,
            dry_run=options.dry_run,
        )
    except OSError as error:
        return _complain(_reason(error), REFUSED)
    print("\n".join(removal.done) or "nothing to remove")
    return _complain("\n".join(removal.kept), REFUSED) if removal.kept else 0


def _wanted(options: HookOptions, *, default: str | None) -> tuple[Target, list[Piece]]:
    target = BY_NAME[options.target]
    if options.package is not None and target.name != "reportbug":
        raise _Usage("--for is for reportbug alone")
    if options.package is not None and not installer.PACKAGE.fullmatch(options.package):
        raise _Usage("--for: no name of a Debian package")
    executable = options.executable or default
    if target.names_program and executable is None:
        raise _Usage("there is no gpgdoctor in the search path; name it with --exe")
    named = options.executable is not None or target.names_program
    if named and executable is not None and not installer.EXECUTABLE.fullmatch(executable):
        raise _Usage("--exe: an absolute path of letters, digits and / . _ + - is expected")
    return target, installer.pieces(target, executable or PACKAGED, package=options.package)


def _objections(target: Target, options: HookOptions) -> list[str]:
    from gpgdoctor.hooks.trust import objections, objections_to_directory

    if not target.names_program:
        return []  # each user runs the gpgdoctor of their own search path
    if options.executable is not None:
        return objections(options.executable)
    return [*objections(running() or ""), *objections_to_directory(os.path.dirname(os.path.dirname(__file__)))]


def _way_out(target: Target, objections: list[str]) -> str:
    """Why others could change what a hook of root's runs, and what to do, on one line."""
    more = f" (and {len(objections) - 1} more)" if len(objections) > 1 else ""
    way = f"Have gpgdoctor from the distribution, or for all users, in its clone: {FOR_ALL}"
    if os.geteuid() != 0:
        return f"{AS_ROOT}, and not with this one: {objections[0]}{more}. {way}; then: {PLAIN} {target.name}"
    return f"refused: {objections[0]}{more}, and root must not run what others can change. {way}"


def _reason(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    hint = f"; {AS_ROOT}" if isinstance(error, PermissionError) else ""
    return f"{error.filename}: {error.strerror}{hint}"


def _complain(message: str, code: int) -> int:
    from gpgdoctor.system.escape import printable

    for line in message.splitlines():
        print(f"gpgdoctor: {printable(line, 1000)}", file=sys.stderr)
    return code
