"""Keeps a lab busy: programs take and leave the reader, the card comes and goes, pcscd is stopped and restarted.

What is true is written down with its time, a line of JSON for each change: `world` is the name of what is so from
then on, or null while something changes.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpgdoctor.lab.lab import Lab, LabFailed
from gpgdoctor.lab.layout import PCSCD_SOCKET
from gpgdoctor.lab.scenario import Client, ClientKind

HOLD_S = (0.6, 2.4)  # long enough for a whole check or two
QUIET_S = (0.1, 0.8)
HOLDERS: tuple[ClientKind, ...] = ("idle", "shared", "direct", "exclusive", "transaction")
QUIET = "quiet"


class Driver(threading.Thread):
    """Plays one thing after another, with a quiet while in between, until it is told to end."""

    def __init__(self, lab: Lab, log: Path, seed: int) -> None:
        super().__init__(daemon=True)
        self._lab = lab
        self._log = log.open("w")
        self._chance = random.Random(seed)
        self._ends = threading.Event()
        self.failure: Exception | None = None
        self._activities: dict[str, Callable[[str], Callable[[], object]]] = {
            **dict.fromkeys(HOLDERS, self._holder),
            "scdaemon": self._scdaemon,
            "pulled": self._pulled,
            "stopped": self._stopped,
            "gone": self._gone,
        }

    def run(self) -> None:
        try:
            while not self._ends.is_set():
                for name in self._chance.sample(sorted(self._activities), len(self._activities)):
                    if not self._ends.is_set():
                        self._play(name)
        except (AssertionError, LabFailed, OSError, subprocess.TimeoutExpired) as failure:  # for whoever waits for us
            self.failure = failure
        finally:
            self._log.close()

    def end(self) -> None:
        self._ends.set()
        self.join(60)
        if self.failure is not None:
            raise self.failure

    def _play(self, name: str) -> None:
        self._note(QUIET)
        self._ends.wait(self._chance.uniform(*QUIET_S))
        self._note(None)
        leave = self._activities[name](name)
        self._note(name)
        self._ends.wait(self._chance.uniform(*HOLD_S))
        self._note(None)
        leave()

    def _note(self, world: str | None) -> None:
        line: dict[str, Any] = {"at": time.monotonic(), "world": world}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()

    # Each begins something, waits until it is so, and returns how it ends.

    def _holder(self, kind: str) -> Callable[[], object]:
        client = self._lab.start_client(Client(kind=kind))  # type: ignore[arg-type]
        return self._chance.choice([client.stop, client.kill])

    def _scdaemon(self, _: str) -> Callable[[], object]:
        done = self._lab.run(["gpg", "--card-status"])
        assert done.returncode == 0, done.stderr
        return self._without_gnupg

    def _without_gnupg(self) -> None:
        self._lab.run(["gpgconf", "--kill", "gpg-agent"])
        self._lab.wait_until(lambda: self._lab.pid_of("scdaemon") is None, "scdaemon did not end")

    def _pulled(self, _: str) -> Callable[[], object]:
        self._lab.remove()
        return self._lab.insert

    def _stopped(self, _: str) -> Callable[[], object]:
        self._lab.signal_pcscd(signal.SIGSTOP)
        return lambda: self._lab.signal_pcscd(signal.SIGCONT)

    def _gone(self, _: str) -> Callable[[], object]:
        self._lab.signal_pcscd(signal.SIGTERM)
        self._lab.wait_until(lambda: self._lab.pid_of("pcscd") is None, "pcscd did not end")
        assert PCSCD_SOCKET not in self._lab.snapshot_files()
        return self._restart

    def _restart(self) -> None:
        self._lab.start_pcscd()
        self._lab.insert(kind="openpgp")
