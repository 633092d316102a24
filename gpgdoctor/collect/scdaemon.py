"""Asks a running scdaemon on its own socket. GETINFO pid, version and card_list make no PC/SC call."""

from __future__ import annotations

from gpgdoctor.facts import RunningScdaemon
from gpgdoctor.system.assuan import Conversation
from gpgdoctor.system.deadline import Deadline

ANSWER_DEADLINE_S = 0.5  # a scdaemon that hangs in a connect to a card does not answer
MOST_CARDS, TEXT_LENGTH = 64, 128


class NoAnswer(Exception):
    """scdaemon did not answer; the message says why."""


def ask(path: str, deadline: Deadline) -> RunningScdaemon:
    """What the scdaemon at that socket reports about itself; raises NoAnswer."""
    try:
        with Conversation(path, deadline.sooner(ANSWER_DEADLINE_S)) as scdaemon:
            pid = int("".join(scdaemon.ask("GETINFO pid").data))
            version = "".join(scdaemon.ask("GETINFO version").data)
            cards = _serials(scdaemon.ask("GETINFO card_list").statuses)
    except TimeoutError as error:
        raise NoAnswer("scdaemon does not answer; it may wait for a card") from error
    except (OSError, ValueError) as error:
        raise NoAnswer(f"scdaemon's socket: {error}") from error
    if not 0 < pid < 1 << 31:
        raise NoAnswer("scdaemon's socket: its pid is none")
    return RunningScdaemon(pid=pid, version=version[:TEXT_LENGTH], cards=cards)


def _serials(statuses: tuple[str, ...]) -> tuple[str, ...]:
    words = (status.split() for status in statuses)
    found = [its[1][:TEXT_LENGTH] for its in words if len(its) > 1 and its[0] == "SERIALNO"]
    return tuple(found[:MOST_CARDS])
