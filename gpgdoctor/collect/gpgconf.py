"""gpgconf, started early and read late."""

from __future__ import annotations

import os
import shutil

from gpgdoctor.system.child import Command


class GpgconfQuestions:
    """Where things are, and which programs there are: two processes, side by side."""

    def __init__(self, homedir: str | None, *, ask: bool = True) -> None:
        self.gpgconf = shutil.which("gpgconf")
        self.commands: list[Command] = []
        home = homedir or os.environ.get("GNUPGHOME")
        self.home_is_default = not home
        if self.gpgconf and ask:
            # A relative path is relative to our directory, not to that of the commands. Otherwise the spelling is kept:
            # GnuPG derives the name of its socket directory from it (common/homedir.c).
            environment = {"GNUPGHOME": os.path.join(os.getcwd(), home)} if home else {}
            questions = ("--list-dirs", "--list-components")
            self.commands = [Command([self.gpgconf, question], environment) for question in questions]

    def close(self) -> None:
        for command in self.commands:
            command.kill()
