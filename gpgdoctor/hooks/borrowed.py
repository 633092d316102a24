"""Root looks for somebody who did not ask for it: a child with that user's rights, whose word is not trusted."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gpgdoctor.collect.on_behalf import nothing
from gpgdoctor.collect.probe_child import SOURCE
from gpgdoctor.hooks.untrusted import NotPlausible, user_facts
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline

if TYPE_CHECKING:
    import pwd

    from gpgdoctor.collect.user import UserFacts

LOOK_S = 5.0
# -I: neither the environment, nor the working directory, nor the user's own site-packages say what is imported.
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from gpgdoctor.hooks.user_child import main; main()"


class Borrowed:
    """A look as one user: started now, read later."""

    def __init__(self, user: pwd.struct_passwd) -> None:
        self._command = Command(
            [sys.executable, "-I", "-B", "-c", PROGRAM, str(SOURCE), str(LOOK_S)],
            user=user,
            environment=environment_of(user),
        )

    def facts(self, deadline: Deadline) -> UserFacts:
        """What the child says, or why it says nothing."""
        try:
            output = self._command.result(deadline)
            if output.code != 0:
                return nothing(f"the look as this user ended with {output.code}")
            return user_facts(output.stdout)
        except CommandFailed as error:
            # Without the first word, which is the interpreter's name.
            return nothing(f"the look as this user failed: {str(error).partition(' ')[2]}")
        except NotPlausible as error:
            return nothing(f"the look as this user gave no usable answer: {error}")

    def close(self) -> None:
        self._command.kill()


def environment_of(user: pwd.struct_passwd) -> dict[str, str]:
    """A clean environment; nothing of root's but the search path, which finds gpgconf where it is elsewhere."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "SHELL": user.pw_shell,
    }
