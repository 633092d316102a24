"""gpg's whole flow in a home of copies: an agent of its own, which starts a scdaemon that is traced.

The user's own agent cannot be used: it runs already, without the variable that leads to the trace, and one that was
started with it would keep a socket that is gone afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.parse
from collections.abc import Mapping
from contextlib import suppress

from gpgdoctor.fix import agent
from gpgdoctor.instruments.trace.caretaker import Caretaker
from gpgdoctor.instruments.trace.copies import copy_home
from gpgdoctor.instruments.trace.place import HOME_DIRECTORY, PrivateDirectory
from gpgdoctor.system import proc
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline

LONGEST_SOCKET = "S.gpg-agent.browser"
COMMAND_DEADLINE_S = 10.0
END_DEADLINE_S = 8.0
END_INTERVAL_S = 0.05


class CannotStart(Exception):
    """The agent of the copies did not start; the message says why."""


class Daemons:
    """The daemons of one home, told to end while the trace goes on."""

    def __init__(self, home: str) -> None:
        self.path = home
        self._killer: subprocess.Popen[bytes] | None = None
        self._agent: int | None = None
        self._started: int | None = None
        self._deadline_s = 0.0

    def find_agent(self) -> bool:
        """Whether a gpg-agent runs there; only to be asked where no socket unit would start one."""
        self._agent = agent.pid_of(self.path)
        self._started = proc.started_ticks(self._agent) if self._agent is not None else None
        return self._started is not None

    @property
    def agent_is_alive(self) -> bool:
        return self._agent is not None and proc.started_ticks(self._agent) == self._started

    @property
    def _gpgconf(self) -> tuple[str, ...]:
        return ("gpgconf", "--homedir", self.path)

    def begin_to_end(self) -> None:
        """Tell them to end. Nothing is waited for here: scdaemon must be forwarded while it lets go of the card."""
        self._deadline_s = time.monotonic() + END_DEADLINE_S
        try:
            self._killer = subprocess.Popen(
                [*self._gpgconf, "--kill", "all"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "GNUPGHOME": self.path},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            self._killer = None

    def have_ended(self) -> bool:
        """Whether they have ended, or had their time."""
        if time.monotonic() > self._deadline_s:
            return True
        if self._killer is not None and self._killer.poll() is None:
            return False
        return not self.agent_is_alive

    def give_up(self) -> None:
        """Wait no longer."""
        if self._killer is not None and self._killer.poll() is None:
            self._killer.kill()
            self._killer.wait()

    def remove_sockets(self) -> None:
        """Where GnuPG keeps them elsewhere, below /run/user."""
        with suppress(CommandFailed):  # where there are none
            run([*self._gpgconf, "--remove-socketdir"], Deadline(COMMAND_DEADLINE_S))


def take_down(home: str) -> None:
    """End the daemons of a home whose trace was killed, and remove it."""
    daemons = Daemons(home)
    daemons.find_agent()
    daemons.begin_to_end()
    while not daemons.have_ended():
        time.sleep(END_INTERVAL_S)
    daemons.give_up()
    daemons.remove_sockets()
    shutil.rmtree(home, ignore_errors=True)


class GpgHome(Daemons):
    """A home of copies, and what is started in it; ``close`` takes all of it down."""

    def __init__(self, copied_from: str) -> None:
        """Raises NoPlace or CannotCopy."""
        self._directory = PrivateDirectory(HOME_DIRECTORY, LONGEST_SOCKET)
        super().__init__(self._directory.path)
        self._caretaker: Caretaker | None = None
        try:
            self.stubs = copy_home(copied_from, self.path)
        except BaseException:
            self._directory.remove()
            raise

    def launch(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Start the agent; returns what a program needs in its environment to use it. Raises CannotStart."""
        # The agent lives in this environment, and so does the pinentry that it starts: in its user's language.
        language = {name: os.environ.get(name, "") for name in ("LC_ALL", "LANGUAGE")}
        mine = {**environment, "GNUPGHOME": self.path}
        self._caretaker = Caretaker(self.path)
        try:
            said = run([*self._gpgconf, "--launch", "gpg-agent"], Deadline(COMMAND_DEADLINE_S), {**language, **mine})
            if not self.find_agent():
                raise CannotStart(
                    f"no gpg-agent runs in the home of copies: {said.stderr.strip() or 'no reason given'}"
                )
            ssh = run([*self._gpgconf, "--list-dirs", "agent-ssh-socket"], Deadline(COMMAND_DEADLINE_S), mine)
        except CommandFailed as error:
            raise CannotStart(str(error)) from error
        return {**mine, "SSH_AUTH_SOCK": urllib.parse.unquote(ssh.stdout.strip(), errors="surrogateescape")}

    def close(self) -> str | None:
        """Remove the home; returns what is left, if anything is."""
        self.give_up()
        self.remove_sockets()
        self._directory.remove()
        if self._caretaker is not None:
            self._caretaker.dismiss()
        return f"the gpg-agent of the copies (pid {self._agent}) has not ended yet" if self.agent_is_alive else None
