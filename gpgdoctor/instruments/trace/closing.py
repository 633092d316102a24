"""The end of a trace: what each program did, what it means, and the verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gpgdoctor.facts import Facts, known_or
from gpgdoctor.instruments.trace.meaning import Meaning, meaning
from gpgdoctor.instruments.trace.output import Output
from gpgdoctor.instruments.trace.session import Trace
from gpgdoctor.report.block import block
from gpgdoctor.report.style import Style
from gpgdoctor.system.record import Record, replace

NAMES_WIDTH = 16


class Verdict(Record):
    """The last words, and the command that follows."""

    text: str
    findings: tuple[str, ...] = ()
    following: str | None = None
    notes: tuple[str, ...] = ()


class Closing:
    """Prints the end of a trace. Where a program was refused, the machine is looked at again, to name the holder."""

    def __init__(self, trace: Trace, look: Callable[[], Facts], before: Facts) -> None:
        self._trace = trace
        self._meaning = self._judge(look, before)

    def _judge(self, look: Callable[[], Facts], before: Facts) -> Meaning:
        """By a look of now, for the holder may have come after the first; else by the first, for it may have gone."""
        seen = self._trace.seen
        if not seen.has_trouble:
            return meaning(before, seen)
        now = meaning(_as_wanted_as(before, look()), seen)
        return now if now.findings else meaning(before, seen)

    def of_scdaemon(self, holder: int | None) -> Verdict:
        """``holder`` is the pid of the user's own scdaemon, where that has a card."""
        seen = self._trace.seen
        if seen.scdaemon_got_card:
            return self._with_findings("scdaemon got the card.")
        if holder is not None and seen.refusals_of_scdaemon():
            return Verdict(
                text=f"Refused by your own scdaemon (pid {holder}), which has the card: GD206 by our own doing.",
                following="gpgdoctor trace --gpg",
            )
        if seen.no_card and not seen.refusals:
            return self._with_findings("scdaemon found no card in the reader.")
        return self._with_findings("scdaemon did not get the card.")

    def of_program(self) -> Verdict:
        calls = sum(program.calls for program in self._trace.summary.programs)
        return self._with_findings(f"{calls} calls were traced.")

    def of_silence(self, program: str, reasons: Sequence[str], following: str | None = None) -> Verdict:
        """Of a program that ran, and made no call."""
        return Verdict(text=f"No PC/SC call came from {program}.", notes=tuple(reasons), following=following)

    def _with_findings(self, text: str) -> Verdict:
        findings = self._meaning.findings
        ids = tuple(dict.fromkeys(finding.id for finding in findings))
        curable = [it.id for it in findings if it.found.cure is not None and it.found.cure.applicability != "manual"]
        refused = self._trace.seen.has_trouble
        following = (
            f"gpgdoctor fix {curable[0]}"
            if curable
            else f"gpgdoctor explain {ids[0]}"
            if ids
            else "gpgdoctor check"
            if refused
            else None
        )
        return Verdict(text=text, findings=ids, following=following)

    # -- printing -------------------------------------------------------------------------------------------------

    def print(self, output: Output, verdict: Verdict) -> None:
        output.document(self._document(verdict))
        output.text(self._lines(verdict, Style(width=output.columns)))

    def _lines(self, verdict: Verdict, style: Style) -> Iterator[str]:
        yield ""
        programs = self._trace.summary.programs
        if programs:
            yield "SUMMARY"
            for program in programs:
                for line in program.lines():
                    yield from _rows(line, style.width)
            yield ""
        if self._meaning.findings:
            yield "WHAT IT MEANS"
            for finding in self._meaning.findings:
                yield from block(self._meaning.diagnosis, finding, style)
                yield ""
        if verdict.notes:
            yield "WHY THAT MAY BE"
            for note in verdict.notes:
                yield from textwrap.wrap(f"- {note}.", style.width, initial_indent="  ", subsequent_indent="    ")
            yield ""
        yield from style.wrapped(_last(verdict))

    def _document(self, verdict: Verdict) -> dict[str, Any]:
        seen = self._trace.seen
        return {
            "event": "summary",
            "programs": [program.as_json() for program in self._trace.summary.programs],
            "findings": [
                {
                    "id": finding.id,
                    "name": finding.rule.name,
                    "severity": finding.found.severity,
                    "subject": finding.subject,
                    "title": finding.found.summary.clear(),
                    "culprits": [
                        {"pid": who.pid, "program": who.program, "user": who.user, "certainty": who.certainty}
                        for who in finding.found.culprits
                    ],
                }
                for finding in self._meaning.findings
            ],
            "scdaemon": ("card" if seen.scdaemon_got_card else "refused") if seen.scdaemon_called else None,
            "verdict": verdict.text,
            "notes": list(verdict.notes),
            "next": verdict.following,
        }


def _as_wanted_as(before: Facts, now: Facts) -> Facts:
    """`trace --gpg` stops the user's scdaemon, which does not make the card less wanted."""
    running = known_or(before.gnupg.running, None)
    if running is None or running.cards or known_or(now.gnupg.running, running) is not None:
        return now
    return replace(now, gnupg=replace(now.gnupg, running=running))


def _last(verdict: Verdict) -> str:
    found = f" Found: {', '.join(verdict.findings)}." if verdict.findings else ""
    following = f" Next: {verdict.following}" if verdict.following else ""
    return f"{verdict.text}{found}{following}"


def _rows(line: str, width: int) -> list[str]:
    if not line.startswith("  "):
        return textwrap.wrap(line, width, break_on_hyphens=False) or [line]
    return textwrap.wrap(
        line, width, subsequent_indent=" " * NAMES_WIDTH, break_on_hyphens=False, break_long_words=False
    )
