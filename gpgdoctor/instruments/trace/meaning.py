"""What a trace means, in the words of `check`: its rules judge the facts of a look with what the trace has seen."""

from __future__ import annotations

from gpgdoctor.diagnosis import Diagnosis, Finding, diagnose
from gpgdoctor.facts import Facts, Reader, known_or
from gpgdoctor.instruments.trace.seen import Seen
from gpgdoctor.pcsc import names
from gpgdoctor.system.record import Record, replace

BLOCKED_AFTER_S = 2.0  # as for a probe: GD204
HELD_BY_OTHERS = ("GD202",)
HELD_ALONE = ("GD203", "GD206")
REFUSED_BY_SCDAEMON = ("GD201",)
REFUSED_BY_PCSCD = ("GD401", "GD304", "GD311")


class Meaning(Record):
    diagnosis: Diagnosis
    findings: tuple[Finding, ...]
    """Those that the trace proves."""


def meaning(facts: Facts, seen: Seen) -> Meaning:
    """What the rules say of these facts, once what was seen is put in; only findings for which something was seen."""
    provable = _provable(seen)
    diagnosis = diagnose(with_what_was_seen(facts, seen))
    findings = [finding for finding in diagnosis.findings if finding.id in provable]
    subjects = _readers_with_news(seen)
    return Meaning(
        diagnosis=diagnosis,
        findings=tuple(it for it in findings if it.subject is None or it.subject in subjects),
    )


def _provable(seen: Seen) -> set[str]:
    ids: set[str] = set()
    for refusal in seen.refusals:
        is_alone = refusal.held is not None and refusal.held.sharing < 0
        if refusal in seen.refusals_of_scdaemon():
            ids.update(HELD_ALONE if is_alone else HELD_BY_OTHERS)
        elif is_alone:
            ids.update(REFUSED_BY_SCDAEMON)
    if any(seconds >= BLOCKED_AFTER_S for seconds in seen.waited_s.values()):
        ids.add("GD204")
    if seen.answer is not None or seen.denied_card is not None:
        ids.update(REFUSED_BY_PCSCD)
    if seen.is_silent:
        ids.add("GD303")
    return ids


def _readers_with_news(seen: Seen) -> set[str]:
    return {refusal.reader for refusal in seen.refusals} | set(seen.waited_s)


def with_what_was_seen(facts: Facts, seen: Seen) -> Facts:
    """The facts as they would be had `check` looked while the trace was made."""
    code = seen.answer if seen.answer is not None else seen.denied_card
    answer = "no-answer" if seen.is_silent else "ok" if code is None else names.hexadecimal(code)
    pcscd = replace(facts.pcscd, listener="pcscd", answer=answer)
    readers = known_or(facts.readers, ())
    known_names = {reader.name for reader in readers}
    # A reader that only the trace has seen: pcscd was asleep during the look.
    new = [_bare(name) for name in sorted(_readers_with_news(seen) - known_names)]
    changed = tuple(_with_refusals(_with_wait(reader, seen), seen) for reader in (*readers, *new))
    if not changed:
        return replace(facts, pcscd=pcscd)
    return replace(facts, pcscd=pcscd, readers=changed)


def _bare(name: str) -> Reader:
    return Reader(name=name, state=("PRESENT",), later_state=None, probe="not-needed")


def _with_wait(reader: Reader, seen: Seen) -> Reader:
    waited_s = seen.waited_s.get(reader.name, 0.0)
    if waited_s < BLOCKED_AFTER_S:
        return reader
    state = ("PRESENT", "INUSE")
    return replace(reader, state=state, later_state=state, probe="blocked", seconds=round(waited_s, 1))


def _with_refusals(reader: Reader, seen: Seen) -> Reader:
    refusal = next((it for it in seen.refusals if it.reader == reader.name and it.held is not None), None)
    if refusal is None or refusal.held is None or reader.probe == "blocked":
        return reader
    is_alone = refusal.held.sharing < 0
    state = ("PRESENT", "EXCLUSIVE" if is_alone else "INUSE")
    # A connect that is refused at once for shared connections has met no transaction (pcsc-lite src/winscard.c).
    return replace(reader, state=state, later_state=state, probe="refused" if is_alone else "ok")
