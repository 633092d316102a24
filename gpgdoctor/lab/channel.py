"""The owner's end of the line to a room's first process: questions, answers, and news of programs that ended."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any

from gpgdoctor.lab.init import PACKET_BYTES
from gpgdoctor.lab.plan import LabFailed

ANSWER_DEADLINE_S = 10.0


class Channel:
    def __init__(self, control: socket.socket, last_words: Callable[[], str]) -> None:
        self._control = control
        self._last_words = last_words
        self._ended: dict[int, tuple[int, bool]] = {}
        self._answers: dict[int, tuple[dict[str, Any], int | None]] = {}
        self._number = 0
        self._closed = False
        self._news = threading.Condition()
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def ask(self, do: str, descriptors: Sequence[int] = (), **rest: object) -> tuple[dict[str, Any], int | None]:
        """The answer, and the descriptor that came with it, which is then ours to close."""
        with self._news:
            self._number += 1
            number = self._number
            packet = json.dumps({"do": do, "number": number, **rest}).encode()
            try:
                socket.send_fds(self._control, [packet], list(descriptors))
            except OSError as error:
                raise LabFailed(f"the lab is gone: {self._last_words()}") from error
            self._news.wait_for(lambda: number in self._answers or self._closed, ANSWER_DEADLINE_S)
            if number not in self._answers:
                raise LabFailed(f"the lab did not answer: {self._last_words()}")
            answer, attached = self._answers.pop(number)
        if "error" in answer:
            raise OSError(answer["error"], answer["text"])
        return answer, attached

    def wait_for_end(self, pid: int, timeout: float) -> int:
        with self._news:
            if not self._news.wait_for(lambda: pid in self._ended or self._closed, timeout):
                raise subprocess.TimeoutExpired(f"process {pid} of the lab", timeout)
            if pid not in self._ended:
                raise LabFailed(f"the lab ended: {self._last_words()}")
            return self._ended[pid][0]

    def exit_code(self, pid: int) -> int | None:
        return self._ended[pid][0] if pid in self._ended else None

    def was_late(self, pid: int) -> bool:
        """Whether it was killed at its deadline."""
        return self._ended[pid][1]

    def close(self, timeout: float) -> None:
        """Hang up, which ends the room, and wait until it has done the same."""
        self._control.shutdown(socket.SHUT_RDWR)
        self._receiver.join(timeout)

    def _receive(self) -> None:
        while True:
            try:
                packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 1)
            except OSError:
                packet = b""
            with self._news:
                if not packet:
                    self._closed = True
                else:
                    self._note(json.loads(packet), descriptors)
                self._news.notify_all()
            if not packet:
                return

    def _note(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "ended" in message:
            self._ended[message["ended"]] = message["code"], message["late"]
        else:
            self._answers[message["answers"]] = message, descriptors[0] if descriptors else None
