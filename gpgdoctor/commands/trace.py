"""`gpgdoctor trace`: become the user whose calls are traced first, then look."""

from __future__ import annotations

import os
import sys

from gpgdoctor.collect import root_look
from gpgdoctor.commands.output import complain
from gpgdoctor.facts import Facts
from gpgdoctor.fix.console import Console
from gpgdoctor.instruments.trace.output import Unwritable, opened
from gpgdoctor.instruments.trace.run import NOTHING_TRACED, NothingTraced, Run, TraceOptions
from gpgdoctor.system.caller import become, run_as

USAGE = 2
LOOK_DEADLINE_S = 5.0
# Where a pinentry asks for the PIN.
OF_THE_SCREEN = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "GPG_TTY", "LC_ALL")


def trace(options: TraceOptions) -> int:
    """Trace, as the user who called sudo where there is one; returns the exit code."""
    _as_the_owner()
    try:
        output = opened(options.file, json=options.json)
    except Unwritable as error:
        complain(str(error))
        return USAGE
    try:
        code = Run(options, output, Console.standard(), _look).go()
    except NothingTraced as reason:
        output.document({"event": "nothing", "reason": str(reason), "next": reason.following})
        complain(f"nothing is traced: {reason}. Next: {reason.following}")
        code = NOTHING_TRACED
    finally:
        output.close()
    if output.failure is not None:
        complain(f"the trace could not be written whole: {output.failure}")
        return code if options.command else code or NOTHING_TRACED
    return code


def _as_the_owner() -> None:
    """polkit judges the process that connects to pcscd, so it must run as the same user as without a trace.

    With sudo that is the caller; where root names another user's home, its owner.
    """
    user = run_as(os.environ, None)
    if user is None:
        return
    kept = {name: os.environ[name] for name in OF_THE_SCREEN if name in os.environ}
    root_look.start(LOOK_DEADLINE_S, user.home)
    become(user)
    os.environ.update(kept)
    runtime = f"/run/user/{user.user.pw_uid}"
    if os.path.isdir(runtime):
        os.environ["XDG_RUNTIME_DIR"] = runtime
    print(f"gpgdoctor: this traces as {user.user.pw_name}, whose GnuPG it is", file=sys.stderr)


def _look() -> Facts:
    """The machine as it is now, with sudo as root sees it. Without a probe: the trace shows more."""
    if root_look.current is not None and not os.environ.get("GNUPGHOME"):
        try:
            return root_look.current.facts()
        except root_look.NoLook:
            pass
    from gpgdoctor.collect.machine import Look, LookOptions

    return Look(LookOptions(timeout_s=LOOK_DEADLINE_S, probe=False)).facts()
