"""Which reader a scdaemon wants, by its version and configuration as they were when it was first seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gpgdoctor.facts import NotKnown, known, known_or
from gpgdoctor.rules import scdaemon
from gpgdoctor.system.record import Record

LONGEST = 128  # of a reader's name, and of a version
LOOK_S = 3.0


class Wants(Record):
    version: str
    port: str | None
    """Of reader-port."""
    shares: bool
    """With pcsc-shared: then a reader that others share is no loss."""

    def reader(self, names: Sequence[str]) -> int | None:
        """Its index among PC/SC's readers, which may be beyond them; None: any of them will do."""
        try:
            return scdaemon.index_taken(scdaemon.numbers(self.version), self.port, names)
        except NotKnown:
            return None

    @classmethod
    def decoded(cls, value: Mapping[str, Any]) -> Wants:
        """Check what another user's process sent; raises ValueError, TypeError, KeyError or AttributeError."""
        version, port, shares = value["version"], value["port"], value["shares"]
        if not isinstance(version, str) or not isinstance(port, str | None) or not isinstance(shares, bool):
            raise TypeError("no wants")
        return cls(version=version[:LONGEST], port=None if port is None else port[:LONGEST], shares=shares)


def of_mine() -> dict[int, dict[str, Any]]:
    """What the scdaemon of this GnuPG home wants, by its pid; empty where that cannot be told."""
    from gpgdoctor.collect import processes
    from gpgdoctor.collect.gpgconf import GpgconfQuestions
    from gpgdoctor.collect.user import UserLook
    from gpgdoctor.system.deadline import Deadline
    from gpgdoctor.system.sockets import Sockets

    questions = GpgconfQuestions(None)
    look = UserLook(questions, Deadline(LOOK_S))
    try:
        found = look.finish(Sockets(), processes.daemons(), "", None)
    finally:
        look.close()
        questions.close()
    running = known_or(found.gnupg.running, None)
    if running is None:
        return {}
    try:
        in_force = {setting.option: setting.value for setting in known(found.configuration.in_force)}
    except NotKnown:
        return {}
    port, shares = in_force.get("reader-port"), "pcsc-shared" in in_force
    return {running.pid: {"version": running.version, "port": port, "shares": shares}}
