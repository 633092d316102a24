"""A running scdaemon, asked on its own socket. GETINFO of pid, version and card_list makes no PC/SC call."""

from __future__ import annotations

import socket

from gpgdoctor.facts import RunningScdaemon
from gpgdoctor.system.deadline import Deadline

ANSWER_DEADLINE_S = 0.5  # one that hangs in a connect to a card does not answer
REPLY_LIMIT_BYTES = 1 << 16


class NoAnswer(Exception):
    """scdaemon did not answer; the message says why."""


def ask(path: str, deadline: Deadline) -> RunningScdaemon:
    """What the scdaemon at that socket says of itself; raises NoAnswer."""
    deadline = deadline.sooner(ANSWER_DEADLINE_S)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(max(0.01, deadline.left()))
            connection.connect(path)
            talk = _Assuan(connection, deadline)
            talk.read_reply()
            pid = talk.ask("GETINFO pid").data
            version = talk.ask("GETINFO version").data
            cards = talk.ask("GETINFO card_list").serials
            return RunningScdaemon(pid=int(pid), version=version, cards=cards)
        except TimeoutError as error:
            raise NoAnswer("scdaemon does not answer; it may wait for a card") from error
        except (OSError, ValueError) as error:
            raise NoAnswer(f"scdaemon's socket: {error}") from error


class _Reply:
    def __init__(self, lines: list[str]) -> None:
        self.data = "".join(line[2:] for line in lines if line.startswith("D "))
        self.serials = tuple(
            line.split()[2] for line in lines if line.startswith("S SERIALNO ") and len(line.split()) > 2
        )


class _Assuan:
    """Enough of the Assuan protocol: a line to ask, lines of answer until OK or ERR."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._buffer = b""

    def ask(self, command: str) -> _Reply:
        self._connection.sendall(command.encode() + b"\n")
        return _Reply(self.read_reply())

    def read_reply(self) -> list[str]:
        lines: list[str] = []
        length = 0
        while length <= REPLY_LIMIT_BYTES:
            line = self._read_line()
            if line.split(" ")[0] in ("OK", "ERR"):
                return lines
            lines.append(line)
            length += len(line) + 1
        raise ValueError("the answer is too long")

    def _read_line(self) -> str:
        while b"\n" not in self._buffer:
            if not self._deadline.left():
                raise TimeoutError
            self._connection.settimeout(max(0.01, self._deadline.left()))
            chunk = self._connection.recv(4096)
            if not chunk or len(self._buffer) > REPLY_LIMIT_BYTES:
                raise ValueError("it hung up" if not chunk else "the answer is too long")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode(errors="replace")
