"""The host's side of a virtio-serial port on which ``guest/agent.py`` runs commands."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from gpgdoctor.lab.plan import LabFailed

CHUNK_BYTES = 1 << 16
GRACE_S = 60.0  # beyond a command's own deadline, until the machine has said that it was late
ASK_AGAIN_S = 1.0
ASK_SELDOM_S = 30.0


class Channel:
    """Runs commands in the machine, several at once where they are asked for by several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._number = secrets.randbelow(1 << 40)  # an answer to an earlier connection is none to us
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._closed = False
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def wait_for_hello(self, deadline_s: float) -> None:
        """Until the agent runs. It may have said so before we were connected, so it is asked as well."""
        end = time.monotonic() + deadline_s
        asked: list[int] = []
        wait_s = ASK_AGAIN_S
        while time.monotonic() < end:
            asked.append(self._ask(["true"], "", ASK_AGAIN_S))
            wait_s = min(2 * wait_s, ASK_SELDOM_S)  # what nobody reads fills the port, and then sending would block
            with self._news:
                if self._news.wait_for(lambda: self._closed or any(it in self._answers for it in (0, *asked)), wait_s):
                    if self._closed:
                        break
                    return
        raise LabFailed(f"the machine did not come up within {deadline_s:.0f} s")

    def run(self, argv: Sequence[str], *, input: str = "", deadline_s: float) -> subprocess.CompletedProcess[str]:
        """One command; at the deadline it is killed, and TimeoutExpired raised."""
        number = self._ask(argv, input, deadline_s)
        with self._news:
            if not self._news.wait_for(lambda: self._closed or number in self._answers, deadline_s + GRACE_S):
                raise LabFailed(f"the machine does not answer: {' '.join(argv)[:100]}")
            if number not in self._answers:
                raise LabFailed("the machine ended")
            answer = self._answers.pop(number)
        if answer["late"]:
            raise subprocess.TimeoutExpired(list(argv), deadline_s, answer["out"], answer["err"])
        return subprocess.CompletedProcess(list(argv), answer["code"], answer["out"], answer["err"])

    def _ask(self, argv: Sequence[str], input: str, deadline_s: float) -> int:
        with self._news:
            self._number += 1
            number = self._number
            request = {"number": number, "argv": list(argv), "input": input, "deadline_s": deadline_s}
            # A line feed first: whatever the port kept of an earlier connection ends there.
            self._connection.sendall(b"\n" + json.dumps(request).encode() + b"\n")
        return number

    def _receive(self) -> None:
        pending = b""
        while True:
            try:
                chunk = self._connection.recv(CHUNK_BYTES)
            except OSError:
                chunk = b""
            *lines, pending = (pending + chunk).split(b"\n")
            with self._news:
                for line in lines:
                    self._note(line)
                self._closed = self._closed or not chunk
                self._news.notify_all()
            if not chunk:
                return

    def _note(self, line: bytes) -> None:
        try:
            answer = json.loads(line)
            self._answers[answer["number"]] = answer
        except (ValueError, TypeError, KeyError):
            return  # the rest of a line from before we were connected

    def close(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._receiver.join()
        self._connection.close()
