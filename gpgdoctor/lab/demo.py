"""`gpgdoctor demo`: what gpg says, the diagnosis, the cure and the proof, on real daemons in a lab."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from gpgdoctor.lab import jcecard, mounts, parts, terminal
from gpgdoctor.lab.catalogue import BY_NAME, SCENARIOS
from gpgdoctor.lab.catalogue.common import CARD_STATUS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.machine import catalogue as machines
from gpgdoctor.lab.machine.machine_lab import MachineLab
from gpgdoctor.lab.machine.scenario import MachineScenario
from gpgdoctor.lab.plan import LabFailed, LabUnavailable
from gpgdoctor.lab.scenario import GpgOutcome, Scenario, as_of
from gpgdoctor.system.terminal import width

EXIT_SHOWN, EXIT_NOT_SHOWN, EXIT_USAGE, EXIT_CANNOT_RUN = 0, 1, 2, 3

HANGS_S = 5.0
PROGRAM_DEADLINE_S = 180.0  # in an emulated machine all takes ten times as long
PCSC_SUCCESS = "0x00000000"

Found = Callable[[dict[str, Any]], None]


def list_scenarios() -> str:
    """The scenarios, each with what it is about."""
    lines = []
    for scenario in (*SCENARIOS, *machines.SCENARIOS):
        boots = " Boots a machine." if isinstance(scenario, MachineScenario) else ""
        lines += [scenario.name, *_wrapped(scenario.about + boots, indent="    ")]
    return "\n".join(lines)


def _named(name: str) -> Scenario | None:
    return BY_NAME.get(name) or machines.BY_NAME.get(name)


def _open(scenario: Scenario, err: TextIO) -> Lab | MachineLab:
    """The lab that plays this scenario, to be entered; what it is built from is fetched where it is not there."""

    def tell(what: str) -> None:
        _say(err, f"gpgdoctor demo: {what}")

    if isinstance(scenario, MachineScenario):
        jcecard.find(progress=tell)
        tell("starting a machine of its own, with an emulated processor: this takes a minute, the first time several")
        return MachineLab(scenario, tell)
    if mounts.in_plain_chroot():  # before anything is fetched for it
        raise LabUnavailable(mounts.PLAIN_CHROOT)
    parts.find(progress=tell)
    jcecard.find(progress=tell)
    tell("setting up a virtual reader and card, apart from this machine's")
    return Lab(scenario)


def run_demo(name: str, *, out: TextIO, err: TextIO, found: Found = lambda _: None) -> int:
    """Play a scenario: 0 the lab showed what it should, 1 it did not, 2 no such name, 3 it cannot run here.

    ``found`` is given the document of `check --json` over the illness.
    """
    scenario = _named(name)
    if scenario is None:
        return _refuse(err, _unknown(name), EXIT_USAGE)
    try:
        with _open(scenario, err) as lab:
            run = Run(lab, out, found)
            run.whole()
    except (LabUnavailable, parts.PartsUnavailable) as reason:
        return _refuse(err, f"cannot run here: {reason}", EXIT_CANNOT_RUN)
    except LabFailed as failure:
        return _refuse(err, f"the lab failed: {str(failure).partition(chr(10))[0]}", EXIT_NOT_SHOWN)
    for complaint in run.complaints:
        _refuse(err, complaint, EXIT_NOT_SHOWN)
    return EXIT_NOT_SHOWN if run.complaints else EXIT_SHOWN


def run_shell(name: str) -> int:
    """An interactive shell inside the scenario, until it is left."""
    scenario = _named(name)
    if scenario is None:
        return _refuse(sys.stderr, _unknown(name), EXIT_USAGE)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _refuse(sys.stderr, "--shell needs a terminal", EXIT_USAGE)
    try:
        with _open(scenario, sys.stderr) as lab:
            _say(sys.stderr, *_wrapped(scenario.about))
            _say(sys.stderr, *(f"{who} has pid {client.pid}." for who, client in lab.clients.items()))
            _say(sys.stderr, "Try gpg --card-status and gpgdoctor check; exit ends it all.")
            _shell(lab)
    except (LabUnavailable, parts.PartsUnavailable) as reason:
        return _refuse(sys.stderr, f"cannot run here: {reason}", EXIT_CANNOT_RUN)
    except LabFailed as failure:
        return _refuse(sys.stderr, f"the lab failed: {failure}", EXIT_NOT_SHOWN)
    return EXIT_SHOWN


def _shell(lab: Lab | MachineLab) -> None:
    if isinstance(lab, MachineLab):
        lab.run_shell()
    else:
        terminal.run_shell(lab)


def _unknown(name: str) -> str:
    from gpgdoctor.system.suggestions import did_you_mean

    known = {**BY_NAME, **machines.BY_NAME}
    return f"no scenario {name!r}; gpgdoctor demo --list has them all" + did_you_mean(name, known, after=". ")


class Run:
    """One run of a scenario: what is shown goes to ``out``, what was not as expected to ``complaints``."""

    def __init__(self, lab: Lab | MachineLab, out: TextIO, found: Found = lambda _: None) -> None:
        self.complaints: list[str] = []
        self._lab = lab
        self._out = out
        self._found = found
        self._scenario: Scenario = as_of(lab.scenario, lab.gnupg_version)

    def whole(self) -> None:
        _say(self._out, *_wrapped(self._scenario.about), "")
        # Where gpg works and has not been at the card yet, it would be the one to change what check finds.
        gpg_first = self._scenario.gpg in ("fails", "hangs") or CARD_STATUS in self._scenario.steps
        if gpg_first:
            self._gpg(self._scenario.gpg)
        self._check()
        if not gpg_first:
            self._gpg(self._scenario.gpg)
        if self._scenario.cure and self._scenario.expect:
            self._cure()
        if not self._scenario.expect and self._lab.scenario.expect_since_2_3:
            _say(self._out, *_wrapped("This version of GnuPG works all the same; from 2.3 on it would not."))

    def _cure(self) -> None:
        code = self._show("gpgdoctor fix --yes", self._lab.gpgdoctor_argv("fix", "--yes"))
        if code != 0:
            self._complain(f"gpgdoctor fix ended with {code}")
        self._gpg("works")
        for name, client in self._lab.clients.items():
            if client.ask("status")["code"] == PCSC_SUCCESS:
                _say(self._out, f"{name} is still connected.")
            else:
                self._complain(f"{name} lost its connection")

    # -- what is played -------------------------------------------------------------------------------------------

    def _gpg(self, expected: GpgOutcome | None) -> None:
        if expected is None:
            return
        if expected == "hangs":
            seen = self._gpg_in_the_background()
        else:
            code = self._show("gpg --card-status", ["gpg", "--card-status"])
            seen = "works" if code == 0 else "fails"
        if seen != expected:
            self._complain(f"gpg was to {expected.rstrip('s')}, and {seen}")

    def _gpg_in_the_background(self) -> GpgOutcome:
        """Left waiting while `check` looks, as the person at the keyboard would."""
        _say(self._out, "$ gpg --card-status &")
        waiting = self._lab.popen(["gpg", "--card-status"])
        try:
            code = waiting.wait(HANGS_S)
        except subprocess.TimeoutExpired:
            _say(self._out, f"(no answer for {HANGS_S:.0f} s; it goes on waiting)", "")
            return "hangs"
        return "works" if code == 0 else "fails"

    def _check(self) -> None:
        self._show("gpgdoctor check", self._lab.gpgdoctor_argv("check"))
        said = self._lab.gpgdoctor("check", "--json", timeout=PROGRAM_DEADLINE_S)
        try:
            document = json.loads(said.stdout)
            findings = document["findings"]
        except (ValueError, KeyError):
            last = said.stderr.strip().splitlines()[-1:] or ["nothing"]
            self._complain(f"gpgdoctor check --json gave no document, but said: {last[0]}")
            return
        self._found(document)
        causes = {finding["id"] for finding in findings if _counts(finding)}
        expected = _expected_as_user(self._scenario)
        if causes != set(expected):
            right, found = (" ".join(ids) or "nothing" for ids in (expected, sorted(causes)))
            self._complain(f"check should find {right}, and found {found}")
        missing = set(self._scenario.info) - {finding["id"] for finding in findings}
        if missing:
            self._complain(f"check should mention {' '.join(sorted(missing))}")

    # -- how it is played -----------------------------------------------------------------------------------------

    def _show(self, typed: str, argv: Sequence[str]) -> int:
        _say(self._out, f"$ {typed}")
        # Through one descriptor, so that the order of what it says is the real one.
        done = self._lab.run(["sh", "-c", 'exec "$@" 2>&1', "sh", *argv], timeout=PROGRAM_DEADLINE_S)
        _say(self._out, *_printable(done.stdout).splitlines(), "")
        return done.returncode

    def _complain(self, complaint: str) -> None:
        self.complaints.append(complaint)


def _expected_as_user(scenario: Scenario) -> tuple[str, ...]:
    if isinstance(scenario, MachineScenario) and scenario.expect_as_user is not None:
        return scenario.expect_as_user
    return scenario.expect


def _counts(finding: dict[str, object]) -> bool:
    return finding["severity"] in ("error", "warning") and finding["consequence_of"] is None


def _refuse(err: TextIO, why: str, code: int) -> int:
    _say(err, f"gpgdoctor demo: {_printable(why)}")
    return code


def _say(stream: TextIO, *lines: str) -> None:
    for line in lines:
        # Whatever the terminal's encoding, a demo does not end for a letter.
        encoding = stream.encoding or "ascii"
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(text, width(sys.stdout), initial_indent=indent, subsequent_indent=indent)


def _printable(text: str) -> str:
    """The text with every control character but the line feed escaped."""
    return "".join(
        character if character == "\n" or character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )
