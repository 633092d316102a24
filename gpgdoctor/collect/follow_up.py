"""What is asked only where the first facts leave something open: pcscd's log, and polkitd.

Each costs a process, and says nothing new where all is well.
"""

from __future__ import annotations

import time
from typing import Any

from gpgdoctor.collect import sandboxed
from gpgdoctor.facts import CardAccess, Facts, LogEvent, Maybe, Pcscd, Reason, Unknown, UsbInterface, known_or
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.record import replace


def followed_up(facts: Facts, deadline: Deadline) -> Facts:
    """The same facts with what pcscd's log and polkitd say, where that may explain something."""
    facts = _with(facts, card_access=_card_access(facts, deadline))
    return _with(facts, log=_log(facts, deadline))


def _with(facts: Facts, **of_pcscd: Any) -> Facts:
    return replace(facts, pcscd=replace(facts.pcscd, **of_pcscd))


def _log(facts: Facts, deadline: Deadline) -> Maybe[tuple[LogEvent, ...]]:
    if not may_be_explained(facts) and not _has_unconnected_sandbox(facts):
        return Unknown(Reason.NOT_NEEDED)
    from gpgdoctor.collect import log

    return log.pcscds_log(time.time(), deadline)


def may_be_explained(facts: Facts) -> bool:
    """Whether something is wrong that pcscd's log may explain."""
    pcscd = facts.pcscd
    if pcscd.refused is True or known_or(pcscd.service, None) == "failed":
        return True
    if pcscd.listener != "pcscd":
        return False
    if isinstance(pcscd.answer, str) and pcscd.answer != "ok":
        return True
    held_alone = any("EXCLUSIVE" in known_or(reader.state, ()) for reader in known_or(facts.readers, ()))
    return held_alone or _refused(facts) or _some_are_missing(facts)


def _has_unconnected_sandbox(facts: Facts) -> bool:
    """Whether a program that brings its own PC/SC library is not connected: pcscd may have refused its protocol."""
    if facts.pcscd.listener != "pcscd" or isinstance(facts.pcscd.connections, Unknown):
        return False
    return sandboxed.without_connection({known_or(it.pid, 0) for it in facts.pcscd.connections})


def _refused(facts: Facts) -> bool:
    """Whether a reader refused the probe, or polkitd does not answer pcscd's second question with yes."""
    access = facts.pcscd.card_access
    if isinstance(access, CardAccess) and access.answer != "yes":
        return True
    return any(reader.probe in ("refused", "denied") for reader in known_or(facts.readers, ()))


def _some_are_missing(facts: Facts) -> bool:
    """Whether PC/SC lists fewer readers than are plugged in, or has no driver for any."""
    if isinstance(facts.readers, Unknown) or isinstance(facts.usb, Unknown):
        return False
    ccid = [it for it in facts.usb if it.ccid]
    if not facts.readers and (ccid or known_or(facts.pcscd.drivers, True) is False):
        return True
    names = [reader.name for reader in facts.readers]
    return len(names) < len(ccid) or any(it.driver is None and not _is_named(it, names) for it in ccid)


def _is_named(interface: UsbInterface, names: list[str]) -> bool:
    title = known_or(interface.title, "")
    return bool(title) and any(title in name for name in names)


def _card_access(facts: Facts, deadline: Deadline) -> Maybe[CardAccess | None]:
    pcscd = facts.pcscd
    if pcscd.polkit is not True:
        return pcscd.polkit if isinstance(pcscd.polkit, Unknown) else None
    if not _is_open_to_doubt(facts, pcscd):
        return Unknown(Reason.NOT_NEEDED)
    with_card = [it.name for it in known_or(facts.readers, ()) if "PRESENT" in known_or(it.state, ())]
    running, uid = known_or(facts.gnupg.running, None), known_or(facts.host.uid, None)
    if not with_card or uid is None:
        return Unknown(Reason.NOT_NEEDED)
    from gpgdoctor.collect import polkit

    about = polkit.subject(facts, uid, running.pid if running else None)
    return polkit.card_access(about, with_card[0], deadline)


def _is_open_to_doubt(facts: Facts, pcscd: Pcscd) -> bool:
    """Whether nobody has been allowed to connect to a card yet: neither scdaemon nor our own probe."""
    if pcscd.answer != "ok":
        return False
    running = known_or(facts.gnupg.running, None)
    if running is not None and running.cards:
        return False
    return not any(reader.probe == "ok" for reader in known_or(facts.readers, ()))
