"""polkitd's answer to pcscd's second question: may scdaemon connect to a card? Asked only where polkitd runs.

pcscd asks about access_pcsc when a program establishes a context, and about access_card, with the reader's name, at
each connect (pcsc-lite src/auth.c). polkitd decides by the session of the process: scdaemon's is not always ours.
"""

from __future__ import annotations

import os

from gpgdoctor.facts import CardAccess, Facts, Maybe, Unknown, known_or
from gpgdoctor.system import proc
from gpgdoctor.system.child import Command, CommandFailed
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import Record

ACTION = "org.debian.pcsc-lite.access_card"
DAEMON = "polkitd"
WAIT_S = 0.5
ANSWERS = {0: "yes", 1: "no", 2: "challenge"}  # exit codes, pkcheck(1)


class Subject(Record):
    """The process that polkitd is asked about."""

    about: str  # "scdaemon", "gpg-agent" or "gpgdoctor"
    pid: int
    uid: int


def subject(facts: Facts, uid: int, scdaemon: int | None) -> Subject | None:
    """The process to ask about; ``scdaemon`` is the pid of my own. None where that user has no such process."""
    if scdaemon is not None:
        return Subject(about="scdaemon", pid=scdaemon, uid=uid)
    homes = (known_or(facts.gnupg.homedir, ""), None if known_or(facts.gnupg.home_is_default, False) else "")
    mine = [it for it in known_or(facts.processes, ()) if it.uid == uid and known_or(it.homedir, "") in homes]
    for role in ("scdaemon", "gpg-agent"):
        for process in mine:
            if process.role == role:
                return Subject(about=role, pid=process.pid, uid=uid)
    return Subject(about="gpgdoctor", pid=os.getpid(), uid=uid) if os.geteuid() == uid else None


def card_access(about: Subject | None, reader: str, deadline: Deadline) -> Maybe[CardAccess | None]:
    """polkitd's answer. The name of the reader is added as root only: others may not."""
    if about is None:
        return Unknown.because("root may always, and no process of this user is there to ask about")
    started = proc.started_ticks(about.pid)
    if started is None:
        return Unknown.because(f"{about.about} has ended")
    if not _runs():
        return Unknown.because("polkitd does not run, or is not visible to this user")
    detail = ["--detail", "reader", reader] if os.geteuid() == 0 else []
    process = f"{about.pid},{started},{about.uid}"
    try:
        command = Command(["pkcheck", "--action-id", ACTION, "--process", process, *detail])
        code = command.result(deadline.sooner(WAIT_S)).code
    except CommandFailed as error:
        return Unknown.because(str(error))
    if code not in ANSWERS:
        return Unknown.because(f"pkcheck ended with {code}")
    return CardAccess(answer=ANSWERS[code], about=about.about, with_reader=bool(detail))


def _runs() -> bool:
    """pkcheck would start polkitd where it does not run."""
    return any(proc.comm(pid) == DAEMON for pid in proc.pids())
