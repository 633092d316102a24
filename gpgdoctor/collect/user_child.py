"""Root looks at a user's part by a child that has become that user, and whose answers are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpgdoctor.system.caller import RunAs
from gpgdoctor.system.child import Child
from gpgdoctor.system.deadline import Deadline

if TYPE_CHECKING:
    from gpgdoctor.collect.user import UserFacts
    from gpgdoctor.facts import Maybe, PcscDriver
    from gpgdoctor.system.sockets import Sockets

MODULE = "gpgdoctor.collect.user"
LOOK_S = 4.0
ANSWER_BYTES = 512 << 10


class UserChild:
    """The same as a UserLook, done by a child; without one where the user is not known, everything is unknown."""

    driver = None  # root loads nobody's library: the child has it loaded

    def __init__(self, run_as: RunAs | None, why_nobody: str = "") -> None:
        self.deadline = Deadline(LOOK_S)
        self._why = why_nobody
        self._child: Child | None = None
        if run_as is not None:
            self._child = Child(MODULE, limit_s=LOOK_S + 1, answer_bytes=ANSWER_BYTES, run_as=run_as)

    def finish(
        self,
        _sockets: Sockets | None = None,
        _daemons: dict[int, str] | None = None,
        _user: str = "",
        _driver: Maybe[PcscDriver | None] = None,
    ) -> UserFacts:
        """The child's facts; unknown where it does not answer. It looks at the arguments itself."""
        from gpgdoctor.snapshot import BadSnapshot

        if self._child is None:
            return nothing_known(self._why)
        answers = self._child.read(self.deadline)
        if not answers:
            why = self._child.error or f"it took longer than {self.deadline.seconds:.1f} s"
            return nothing_known(f"the look as this user failed: {why}")
        try:
            return decoded(answers[0])
        except (BadSnapshot, RecursionError) as error:
            return nothing_known(f"the look as this user gave no usable answer: {error}")

    def close(self) -> None:
        if self._child is not None:
            self._child.close()


def nothing_known(why: str) -> UserFacts:
    """The facts about a user of whom nothing is known, with the reason."""
    from gpgdoctor.collect.user import UserFacts

    return decoded({name: {"unknown": why} for name in UserFacts.__slots__})


def decoded(answer: object) -> UserFacts:
    """The facts in a child's answer, of the right types and of bounded size; raises BadSnapshot."""
    from gpgdoctor.collect.user import UserFacts
    from gpgdoctor.snapshot import ANSWER_BOUNDS, decode_as

    return decode_as(UserFacts, answer, ANSWER_BOUNDS)
