"""What my own scdaemons report: whether they have a card. A child asks them, since scdaemon may be slow.

Run as a program of its own (``python -m gpgdoctor.instruments.watch.claims``): a line on stdin is a question, the
answer a line of JSON: ``cards``, how many each has, by pid, and ``wants``, which reader each wants. Where root watches
for who called sudo, the child is that user.
A connection is closed after each question: an open one would keep scdaemon from ending (scd/scdaemon.c,
active_connections).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from gpgdoctor.instruments.watch.wants import Wants, of_mine
from gpgdoctor.system.caller import RunAs, environment_of
from gpgdoctor.system.child import with_source
from gpgdoctor.system.record import Record

ANSWER_LIMIT_BYTES = 1 << 14
ASK_DEADLINE_S = 1.0
PATIENCE_S = 5.0  # then the child is taken for dead


class Said(Record):
    """What my scdaemons said when they were asked last."""

    asked_s: float
    """On the monotonic clock."""
    cards: Mapping[int, int]
    """How many cards each has, by pid."""
    wants: Mapping[int, Wants] = MappingProxyType({})
    """Which reader, as far as that could be told."""


class Claims:
    """The answers of the child, as they come; ``user``: root becomes that user for it."""

    def __init__(self, user: RunAs | None = None) -> None:
        environment = environment_of(user) if user else _with_full_names(os.environ)
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # without it the readers' states must do
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gpgdoctor.instruments.watch.claims"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**environment, "PYTHONPATH": with_source()},
                cwd="/",
                start_new_session=True,  # Ctrl-C is for us
                bufsize=0,
                **_as(user),
            )
        if self._process is not None and self._process.stdout is not None:
            os.set_blocking(self._process.stdout.fileno(), False)
        self._buffer = b""
        self._asked_s: float | None = None
        self._waiting = False
        self._said: Said | None = None

    def latest(self, now_s: float, every_s: float) -> Said | None:
        """The last answer; None before the first. The next question is asked ``every_s`` seconds after the last."""
        self._read()
        if self._asked_s is None or (not self._waiting and now_s - self._asked_s >= every_s):
            self._ask(now_s)
        elif self._waiting and now_s - self._asked_s > PATIENCE_S:
            self._give_up()
        return self._said

    def _ask(self, now_s: float) -> None:
        if self._process is None or self._process.stdin is None:
            return
        self._asked_s, self._waiting = now_s, True
        try:
            self._process.stdin.write(b"\n")
        except OSError:
            self._give_up()

    def _read(self) -> None:
        if self._process is None or self._process.stdout is None or not self._waiting:
            return
        chunk = self._process.stdout.read(ANSWER_LIMIT_BYTES)
        if chunk is None:
            return
        self._buffer += chunk
        if not chunk or len(self._buffer) > ANSWER_LIMIT_BYTES:
            self._give_up()
        elif self._buffer.endswith(b"\n"):
            self._take(self._buffer)
            self._buffer, self._waiting = b"", False

    def _take(self, line: bytes) -> None:
        """Check the answer: a process of another user may send anything."""
        with suppress(ValueError, AttributeError, TypeError, KeyError):
            said = json.loads(line)
            cards = {int(pid): min(int(count), 99) for pid, count in said["cards"].items()}
            wants = {int(pid): Wants.decoded(value) for pid, value in said["wants"].items()}
            self._said = Said(asked_s=self._asked_s or 0.0, cards=cards, wants=wants)

    def _give_up(self) -> None:
        self.close()
        self._said = None

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None
        self._waiting = False


def _with_full_names(environment: Mapping[str, str]) -> dict[str, str]:
    """A relative GNUPGHOME is meant from here, not from where the child runs."""
    home = environment.get("GNUPGHOME")
    return {**environment, **({"GNUPGHOME": os.path.abspath(home)} if home else {})}


def _as(run_as: RunAs | None) -> dict[str, Any]:
    if run_as is None:
        return {}
    user = run_as.user
    groups = os.getgrouplist(user.pw_name, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}


def _ask_all() -> dict[int, int]:
    from gpgdoctor.collect import processes, scdaemons
    from gpgdoctor.facts import RunningScdaemon
    from gpgdoctor.system.deadline import Deadline
    from gpgdoctor.system.sockets import Sockets

    pids = [pid for pid, role in processes.daemons().items() if role == "scdaemon"]
    if not pids:
        return {}
    answers = scdaemons.ask_all(Sockets(), pids, Deadline(ASK_DEADLINE_S))
    said = [it for it in answers.by_path.values() if isinstance(it, RunningScdaemon)]
    return {scdaemon.pid: len(scdaemon.cards) for scdaemon in said}


def main() -> None:
    wants: dict[int, dict[str, Any]] = {}
    for _ in sys.stdin:
        cards = _ask_all()
        if cards.keys() - wants.keys():  # scdaemon has its configuration from its start
            found = of_mine()
            wants = {pid: wants.get(pid) or found.get(pid) or {} for pid in cards}
        print(json.dumps({"cards": cards, "wants": {pid: it for pid, it in wants.items() if it}}), flush=True)


if __name__ == "__main__":
    main()
