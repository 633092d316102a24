"""gpg-agent, through GnuPG's own tools. Nothing here starts one that was not running."""

from __future__ import annotations

import os
from collections.abc import Collection

from gpgdoctor.plan.restarts import home_arguments
from gpgdoctor.system import proc
from gpgdoctor.system.assuan import Answer, answer_in
from gpgdoctor.system.child import CommandFailed, run
from gpgdoctor.system.deadline import Deadline

ANSWER_DEADLINE_S = 3.0
# They only say how it was started, and do not matter to a new one.
OF_THE_START = frozenset(
    {"homedir", "use-standard-socket", "daemon", "supervised", "deprecated-supervised", "sh", "csh", "quiet", "batch"}
)
SUPERVISED = ("--supervised", "--deprecated-supervised")
SHORT_OF_THE_START = ("-s", "-c", "-q")


def ask(homedir: str, command: str, deadline: Deadline) -> Answer | None:
    """The running agent's answer; None where there is no agent, or no answer in time."""
    argv = ["gpg-connect-agent", *home_arguments(homedir), "--no-autostart", command, "/bye"]
    try:
        return answer_in(run(argv, deadline).stdout.splitlines())
    except CommandFailed:
        return None


def pid_of(homedir: str) -> int | None:
    """The pid that the agent reports. Only to be called where an agent listens: a socket unit would start one."""
    answer = ask(homedir, "GETINFO pid", Deadline(ANSWER_DEADLINE_S))
    if answer is None or not answer.ok or not answer.data:
        return None
    return int(answer.data[0]) if answer.data[0].isdecimal() else None


def is_supervised(arguments: Collection[str]) -> bool:
    """Whether a socket unit started it, and will again."""
    return any(word in SUPERVISED for word in arguments)


def own_options(arguments: list[str], configured: Collection[str]) -> list[str]:
    """Options of the command line that a new agent would not have: they are not in gpg-agent.conf."""
    words = arguments[1:]
    if "--" in words:
        words = words[: words.index("--")]
    options = [word for word in words if word.startswith("-") and word not in SHORT_OF_THE_START]
    names = {option: option.lstrip("-").partition("=")[0] for option in options}
    return [option for option, name in names.items() if name not in OF_THE_START and name not in configured]


def pinentries(pid: int, programs: Collection[str]) -> list[int]:
    """The children of an agent that ask for a PIN; ``programs`` are names of pinentries that are called otherwise."""
    children = [child for child in proc.pids() if proc.parent(child) == pid and proc.uid(child) == os.getuid()]
    return [child for child in children if _is_pinentry(child, programs)]


def _is_pinentry(pid: int, programs: Collection[str]) -> bool:
    # A wrapper script's own name is in its interpreter's command line.
    words = (os.path.basename(word) for word in proc.arguments(pid))
    return any(word.startswith("pinentry") or word in programs for word in words)
