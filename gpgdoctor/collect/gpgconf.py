"""gpgconf, asked early and read late."""

from __future__ import annotations

import shutil

from gpgdoctor.collect.command import Command


class GpgconfQuestions:
    """Where things are, and which programs there are: two forks, side by side."""

    def __init__(self, homedir: str | None, *, ask: bool = True) -> None:
        self.gpgconf = shutil.which("gpgconf")
        self.commands: list[Command] = []
        if self.gpgconf and ask:
            environment = {"GNUPGHOME": homedir} if homedir else {}
            questions = ("--list-dirs", "--list-components")
            self.commands = [Command([self.gpgconf, question], environment) for question in questions]

    def close(self) -> None:
        for command in self.commands:
            command.kill()
