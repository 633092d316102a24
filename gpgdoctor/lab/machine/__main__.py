"""Runs commands in a fresh copy of the machine: python -m gpgdoctor.lab.machine < SCRIPT, or at a terminal.

One command a line, and # starts a comment:

  plug MODEL [CARD]        token, reader, unknown or t0-reader; with a card openpgp (default), foreign, mute or absent
  unplug N, replug N       the N-th device that was plugged in, counted from 0
  insert N, remove N       its card
  log N                    what the N-th device's card was asked
  root SHELL COMMAND       as root, in a service of its own
  seat SHELL COMMAND       as alice, who sits at the machine: an active session on seat0
  ssh SHELL COMMAND        as alice, from far away; bob SHELL COMMAND: as bob, who is nowhere else
  sudo SHELL COMMAND       as alice at the seat, with sudo
  service SHELL COMMAND    as alice, by a system service, outside of any session
  background WHO COMMAND   the same, without waiting for its end
  check WHO FILE           gpgdoctor check --json of that user, into FILE here

The machine has this clone's gpgdoctor as /usr/local/bin/gpgdoctor; its deadlines are stretched. It is restored in a few
seconds, as it was after its boot, and ends with its input.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast, get_args

from gpgdoctor.lab import jcecard
from gpgdoctor.lab.machine.machine import Machine
from gpgdoctor.lab.machine.models import ModelName
from gpgdoctor.lab.machine.scenario import WHO, Who
from gpgdoctor.lab.parts import PartsUnavailable
from gpgdoctor.lab.plan import LabFailed, LabUnavailable
from gpgdoctor.lab.scenario import CardKind

EXIT_FAILED, EXIT_USAGE, EXIT_CANNOT_RUN = 1, 2, 3


class Mistake(Exception):
    """A line that is no command."""


class Console:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def obey(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if not word or word.startswith("#"):
            return
        acts: dict[str, Callable[[str], None]] = {
            "plug": self._plug,
            "log": lambda rest: print("\n".join(self._machine.devices[int(rest)].log())),
            "background": self._background,
            "check": self._check,
            **{name: self._device(name) for name in ("unplug", "replug", "insert", "remove")},
            **{who: self._runner(who) for who in WHO},
        }
        if word not in acts:
            raise Mistake(f"no command {word!r}; --help lists them")
        started = time.monotonic()
        try:
            acts[word](rest)
        except (ValueError, IndexError) as error:
            raise Mistake(f"{line.strip()}: {error}") from error
        print(f"[{word}: {time.monotonic() - started:.1f} s]", file=sys.stderr, flush=True)

    def _plug(self, rest: str) -> None:
        model, _, card = rest.partition(" ")
        if model not in get_args(ModelName) or (card or "openpgp") not in get_args(CardKind):
            raise Mistake(f"no device {rest!r}; --help lists them")
        self._machine.plug(cast(ModelName, model), cast(CardKind, card or "openpgp"))

    def _device(self, what: str) -> Callable[[str], None]:
        def act(rest: str) -> None:
            device = self._machine.devices[int(rest)]
            if what in ("unplug", "replug"):
                device.unplug()
                self._machine.settle()
            if what == "replug":
                device.plug()
                self._machine.settle()
            if what in ("insert", "remove"):
                getattr(device, what)()

        return act

    def _runner(self, who: Who) -> Callable[[str], None]:
        def run(command: str) -> None:
            try:
                done = self._machine.run(who, command)
            except subprocess.TimeoutExpired as late:
                print(late.output, late.stderr, end="", flush=True)
                print(f"[killed after {late.timeout:.0f} s]", file=sys.stderr)
                return
            print(f"{done.stdout}{done.stderr}", end="", flush=True)
            if done.returncode:
                print(f"[ended with {done.returncode}]", file=sys.stderr)

        return run

    def _background(self, rest: str) -> None:
        word, _, command = rest.partition(" ")
        if word not in WHO:
            raise Mistake(f"nobody is called {word!r}")
        threading.Thread(target=self._runner(word), args=(command,), daemon=True).start()

    def _check(self, rest: str) -> None:
        word, _, file = rest.partition(" ")
        if word not in WHO or not file:
            raise Mistake("check WHO FILE")
        done = self._machine.gpgdoctor(word, "check", "--json")
        Path(file).write_text(done.stdout)
        print(done.stderr, end="", file=sys.stderr)


def _tell(what: str) -> None:
    print(f"machine: {what}", file=sys.stderr, flush=True)


def main() -> int:
    if sys.argv[1:]:
        print((__doc__ or "").strip())
        return 0 if sys.argv[1:] in (["-h"], ["--help"]) else EXIT_USAGE
    try:
        jcecard.find(progress=_tell)
        with Machine(_tell) as machine:
            console = Console(machine)
            for line in sys.stdin:
                console.obey(line)
    except Mistake as mistake:
        print(f"machine: {mistake}", file=sys.stderr)
        return EXIT_USAGE
    except (LabUnavailable, PartsUnavailable) as reason:
        print(f"machine: cannot run here: {reason}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    except LabFailed as failure:
        print(f"machine: {failure}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
