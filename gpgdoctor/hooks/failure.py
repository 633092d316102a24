"""What a host gets where there is no report: in its own format, with a code that does not stop it."""

from __future__ import annotations

from html import escape

from gpgdoctor.hooks import bounded
from gpgdoctor.hooks.targets import Target
from gpgdoctor.report.json import defect
from gpgdoctor.system.record import Record

UNKNOWN = 3  # to a monitoring system
SECTION = "#==[ gpgdoctor JSON ]" + "=" * 40 + "#\n"


class Answer(Record):
    output: str
    code: int


def failed(target: Target, why: str) -> Answer:
    """The answer that says why there is no report."""
    document = bounded.dump(defect(why))
    text = bounded.text(f"gpgdoctor: no report: {why}")
    if target.form == "nagios":
        return Answer(output=bounded.text(f"GPGDOCTOR UNKNOWN - {why.replace('|', '/')}"), code=UNKNOWN)
    if target.form == "html":
        return Answer(output=f"<!DOCTYPE html>\n<title>gpgdoctor</title>\n<p>{escape(text)}</p>\n", code=0)
    if target.form == "text-and-json":
        return Answer(output=text + SECTION + document, code=0)
    return Answer(output=document if target.form == "json" else text, code=0)
