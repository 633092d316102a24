"""The answer to a host, in the form and with the exit code that it wants."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import known_or
from gpgdoctor.hooks import bounded, merge
from gpgdoctor.hooks.failure import SECTION, UNKNOWN, Answer, failed
from gpgdoctor.hooks.survey import Survey
from gpgdoctor.hooks.targets import Target
from gpgdoctor.redact.redact import redact_all
from gpgdoctor.report.json import document as document_of
from gpgdoctor.report.style import Style
from gpgdoctor.system.record import Record

SKIPPED = 111  # to supportconfig: man supportconfig(8)
# A monitoring system's codes from good to bad: UNKNOWN is better than WARNING.
BADNESS = (0, UNKNOWN, 1, 2)


class Judged(Record):
    """What a survey means for each user, without anything private in it."""

    machine: Diagnosis
    users: tuple[Diagnosis, ...] | None
    left_out: int
    ledger: dict[str, int]

    @property
    def each(self) -> tuple[Diagnosis, ...]:
        return self.users or (self.machine,)


def answer(target: Target, survey: Survey, seconds: float) -> Answer:
    """The true facts are judged, then redacted, so that a host gets the same findings as `check`."""
    judged = judge(survey, (os.uname().nodename,))
    if target.form == "json":
        dump = bounded.findings_first if target.findings_first else bounded.dump
        return Answer(output=dump(_document(judged, seconds)), code=0)
    if target.form == "nagios":
        return _line(judged.each)
    if target.form == "html":
        page = bounded.page(_pages(judged))
        return failed(target, "it would be too long") if page is None else Answer(output=page, code=0)
    text = bounded.text(_text(judged, _markdown if target.form == "markdown" else _plain), bounded.LIMIT_BYTES // 2)
    if target.form in ("text", "markdown"):
        return Answer(output=text, code=0)
    if _nothing_to_see(judged):
        return Answer(output="gpgdoctor: no pcscd, no reader and nobody with GnuPG here\n", code=SKIPPED)
    rest = bounded.LIMIT_BYTES - len(text) - len(SECTION)
    return Answer(output=text + SECTION + bounded.dump(_document(judged, seconds), rest), code=0)


def judge(survey: Survey, hosts: Sequence[str]) -> Judged:
    everybody = tuple(map(diagnose, (survey.machine, *(survey.users or ()))))
    (machine, *users), ledger = redact_all(everybody, hosts)
    return Judged(
        machine=machine,
        users=None if survey.users is None else tuple(users),
        left_out=survey.left_out,
        ledger=ledger,
    )


def _document(judged: Judged, seconds: float) -> merge.Document:
    if judged.users is None:
        document = document_of(judged.machine, seconds)
    else:
        document = merge.document(judged.machine, judged.users, judged.left_out, seconds)
    return {**document, "redacted": judged.ledger}


def _line(diagnoses: Sequence[Diagnosis]) -> Answer:
    from gpgdoctor.report import nagios

    worst = max(diagnoses, key=lambda diagnosis: BADNESS.index(nagios.code(diagnosis)))
    return Answer(output=bounded.text(nagios.render(worst)), code=nagios.code(worst))


def _text(judged: Judged, render: Callable[[Judged, Diagnosis], str]) -> str:
    if judged.users is None:
        return render(judged, judged.machine)
    parts = []
    for diagnosis in judged.users:
        name = known_or(diagnosis.facts.host.user, "a user")
        parts.append(f"=== {name} ===\n\n{render(judged, diagnosis)}\n")
    if not parts:
        parts.append("No user here has a log-in, a session or a daemon of GnuPG.")
    if judged.left_out:
        parts.append(f"{judged.left_out} more users were left out.")
    return "\n".join(parts)


def _plain(_: Judged, diagnosis: Diagnosis) -> str:
    from gpgdoctor.report.text import render

    return render(diagnosis, Style(encoding="ascii"))


def _markdown(judged: Judged, diagnosis: Diagnosis) -> str:
    from gpgdoctor.report.markdown import render

    return render(diagnosis, judged.ledger, Style(encoding="ascii"))


def _pages(judged: Judged) -> Iterator[str]:
    """The page, then shorter and shorter ones: without what is only known, and with fewer users."""
    from gpgdoctor.report.html import render, render_users

    users = (judged.machine,) if judged.users is None else judged.users
    if judged.users is None:
        yield render(judged.machine, judged.ledger)
    else:
        yield render_users(judged.machine, users, judged.left_out, judged.ledger)
    number = len(users)
    while number:
        left_out = judged.left_out + len(users) - number
        yield render_users(judged.machine, users[:number], left_out, judged.ledger, detailed=False)
        number //= 2


def _nothing_to_see(judged: Judged) -> bool:
    machine = judged.machine.facts
    if known_or(machine.pcscd.installed, True) or known_or(machine.usb, ("a reader",)):
        return False
    everybody = () if judged.users == () else judged.each
    return all(known_or(diagnosis.facts.gnupg.gpgconf, "unknown") is None for diagnosis in everybody)
