"""The process that talks to pcscd for us: started early, given its orders later, killed at its deadline."""

from __future__ import annotations

from gpgdoctor.collect.readers import ProbeAnswers
from gpgdoctor.system.caller import RunAs
from gpgdoctor.system.child import Child
from gpgdoctor.system.deadline import Deadline, stretched

MODULE = "gpgdoctor.collect.probe"
ANSWER_DEADLINE_S = 2.0  # for a list of the readers; pcscd needs about a millisecond
BLOCKED_AFTER_S = 2.0
MARGIN_S = 0.5
LOAD_DEADLINE_S = 1.0
CONNECT_DEADLINE_S = 0.7
ANSWER_BYTES = 1 << 20


class ProbeChild:
    """A child that talks to pcscd as one user.

    It may be killed while it is blocked in a DIRECT connect: pcscd's thread wakes up when the transaction ends, and
    leaves the card as it is (pcsc-lite src/winscard_svc.c)."""

    def __init__(self, limit_s: float = 60.0, run_as: RunAs | None = None) -> None:
        """``limit_s`` is the time after which it ends by itself, even if nobody closes it."""
        self._child = Child(MODULE, limit_s=limit_s, answer_bytes=ANSWER_BYTES, run_as=run_as)
        self.answers = ProbeAnswers(self._why_not)

    @property
    def pid(self) -> int:
        return self._child.pid

    def look(
        self,
        *,
        ask: bool,
        probe: bool,
        timeout_s: float,
        connect: str | None = None,
        pcscd: int | None = None,
        socket: str = "",
        protocol: int | None = None,
    ) -> None:
        """Tell the child how to look; ``ask`` is the first call to pcscd, ``timeout_s`` that of the whole run.

        ``connect`` is a socket where nobody listens, to see whether a connection is refused. ``pcscd`` is the process
        behind ``socket``, whose threads may show that other programs wait; None: do not look at them. ``protocol`` is
        the version in which to ask it for the connections of each reader; None: do not ask.
        """
        blocked_after_s = max(0.1, min(BLOCKED_AFTER_S, timeout_s - MARGIN_S))
        see_s = max(0.0, timeout_s - blocked_after_s - 2 * MARGIN_S)
        self._child.order(
            look=ask,
            probe=probe,
            blocked_after_s=stretched(blocked_after_s),
            connect=connect,
            pcscd=pcscd,
            socket=socket,
            protocol=protocol,
            see_s=see_s,  # becomes a deadline there
        )

    def load(self, driver: str | None) -> None:
        """Load a library once the look is over; the last order."""
        self._child.order(driver=driver)

    def wait_for_library(self, deadline: Deadline) -> None:
        while self.answers.library_loaded is None and self._read(deadline):
            pass

    def wait_for_connect(self, deadline: Deadline) -> int | None:
        """The errno of the connect that was asked for; None where it did not come in time."""
        limit = deadline.sooner(CONNECT_DEADLINE_S)
        while self.answers.refused is None and self._read(limit):
            pass
        return self.answers.refused

    def wait_for_second_look(self, deadline: Deadline) -> bool:
        """Returns whether there was one; there is none where no reader was held."""
        answers = self.answers
        answer_deadline = deadline.sooner(ANSWER_DEADLINE_S)
        while not answers.looked and answers.states is None and self._read(answer_deadline):
            pass
        if answers.states is None:
            return False
        while not answers.looked and answers.later is None and self._read(deadline):
            pass
        return answers.later is not None

    def wait(self, deadline: Deadline) -> None:
        """Read to the end of the look, unless the child did not even get the readers' states."""
        while self.answers.states is not None and not self.answers.looked and self._read(deadline):
            pass

    def wait_for_driver(self, deadline: Deadline) -> None:
        limit = deadline.sooner(LOAD_DEADLINE_S)
        while not self.answers.done and self._read(limit):
            pass

    def _read(self, deadline: Deadline) -> bool:
        """Take in what the child has sent; False at its end or at the deadline."""
        facts = self._child.read(deadline)
        for fact in facts:
            try:
                self.answers.take(fact)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                self._child.error = "it gave an answer that makes no sense"
        self.answers.ended = self._child.ended
        return bool(facts)

    def close(self) -> None:
        self._child.close()

    def _why_not(self) -> str:
        if self._child.error is not None:
            return f"the process that asks pcscd failed: {self._child.error}"
        return "it took longer than --timeout allows"
