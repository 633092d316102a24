"""One set of aliases for the facts of several users: what is private of one is found in what another one has, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpgdoctor.facts import Facts, known_or
from gpgdoctor.redact.redact import NOWHERE, Redaction
from gpgdoctor.system.record import replace


class RedactionOfAll(Redaction):
    """``each`` are the facts that were given, redacted."""

    def __init__(self, everybody: Sequence[Facts], hosts: Iterable[str]) -> None:
        super().__init__(_with_everything(everybody), hosts)
        self._search.learning = True
        for facts in everybody:
            self._of(facts, NOWHERE)
        self._search.learning = False
        self._aliases.forget_counts()
        self.each = [self._record(facts) for facts in everybody]


def _with_everything(everybody: Sequence[Facts]) -> Facts:
    """The first, with everybody's files and options: what is an option of anybody's scdaemon is nothing private."""
    machine = everybody[0]
    files = [file for facts in everybody for file in known_or(facts.configuration.files, ())]
    options = dict.fromkeys(option for facts in everybody for option in known_or(facts.gnupg.scdaemon_options, ()))
    return replace(
        machine,
        gnupg=replace(machine.gnupg, scdaemon_options=tuple(options)),
        configuration=replace(machine.configuration, files=tuple(files)),
    )
