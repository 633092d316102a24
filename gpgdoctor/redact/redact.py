"""The document of `check` without what is private in it, and a ledger of what was taken out.

The facts are redacted, field by field, so that they mean the same; the findings are then those of the redacted
facts, so that no sentence, diff or command can carry what the facts no longer have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from gpgdoctor.diagnosis import diagnose, look_up
from gpgdoctor.facts import ConfigLine, Facts, Setting, Unknown, known_or
from gpgdoctor.redact.aliases import Aliases
from gpgdoctor.redact.lines import PrivateLines
from gpgdoctor.redact.names import PrivateNames
from gpgdoctor.redact.readers import PrivateReaders
from gpgdoctor.redact.search import PrivateText
from gpgdoctor.report.json import document as document_of
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS
from gpgdoctor.snapshot import decode, encode
from gpgdoctor.system.record import Record, replace

R = TypeVar("R", bound=Record)
Place = tuple[str, str]  # a kind of record, and its field

# What gpgdoctor itself words, or what has no room for anything private. Every other text is searched.
TOLD = {
    "Gnupg": ("scdaemon_version", "scdaemon_options"),
    "RunningScdaemon": ("version",),
    "ConfigLine": ("kind", "option", "problem"),
    "ConfigFile": ("program", "scope", "status", "line_end"),
    "Setting": ("option",),
    "Voided": ("option",),
    "Process": ("role", "state"),
    "Pcscd": ("socket_file", "listener", "answer", "version", "library_version", "unit"),
    "Reader": ("state", "later_state", "probe", "probe_code", "not_made_because", "atr"),
    "UsbInterface": ("name", "vendor", "product", "driver"),
    "Host": ("system", "init", "called_by"),
}
PATHS = {
    "Gnupg": ("gpgconf", "homedir", "socketdir", "sysconfdir", "agent_socket", "scdaemon"),
    "ConfigFile": ("path", "target"),
    "Setting": ("path",),
    "Voided": ("by_path",),
    "PcscDriver": ("name",),
    "Process": ("executable", "homedir", "sockets"),
    "Pcscd": ("socket",),
    "UsbInterface": ("node",),
}
NUMBERS_OF_USERS = ("uid", "owner")
NOWHERE = ("", "")
DANGLING = ("a symbolic link to ", ", which does not exist")
OF_LATER_SCDAEMONS = ("pcsc-shared",)  # whose line is told apart from one that no scdaemon knows (GD103)
OF_THE_AGENT = ("disable-scdaemon", "enable-ssh-support", "pinentry-program", "scdaemon-program", "use-agent")


def redact(document: dict[str, Any], hosts: Iterable[str] = ()) -> dict[str, Any]:
    """The same document, redacted; raises BadSnapshot. ``hosts`` are this machine's names, which no fact has."""
    redaction = Redaction(decode(document["facts"]), hosts)
    findings, checks = _judged(document, redaction.facts) or redaction.judgement(document)
    return {
        **document,
        "facts": encode(redaction.facts),
        "findings": findings,
        "checks": checks,
        "redacted": redaction.ledger(),
    }


def _judged(document: dict[str, Any], facts: Facts) -> tuple[list[Any], list[Any]] | None:
    """What the redacted facts amount to; None where that is not what the document says, as after a defect."""
    ignored = {finding["id"] for finding in document["findings"] if finding["ignored"]}
    judged = document_of(diagnose(facts, ignore=ignored), 0)
    return (judged["findings"], judged["checks"]) if _outline(judged) == _outline(document) else None


def _outline(document: dict[str, Any]) -> list[tuple[str, ...]]:
    checks = [(check["id"], check["status"]) for check in document["checks"]]
    return checks + [(it["id"], it["severity"], it["consequence_of"]) for it in document["findings"]]


class Redaction:
    """One report's aliases, and what is done to each kind of fact."""

    def __init__(self, original: Facts, hosts: Iterable[str] = ()) -> None:
        options = _options_of(original)
        self._aliases = Aliases()
        self._names = PrivateNames(self._aliases)
        self._search = PrivateText(self._aliases, self._names, options)
        self._readers = PrivateReaders(self._names, self._search)
        self._lines = PrivateLines(self._aliases, self._names, self._search, self._readers, options)
        self._treatments = self._by_place()
        for host in hosts:
            self._names.host(host)
        self.facts = self._redacted(original)

    def ledger(self) -> dict[str, int]:
        return self._aliases.ledger()

    def _by_place(self) -> dict[Place, Callable[[str], str]]:
        return {
            **{(kind, field): str for kind, fields in TOLD.items() for field in fields},
            **{(kind, field): self._search.path for kind, fields in PATHS.items() for field in fields},
            ("Gnupg", "agent_listener"): self._search.program,
            ("RunningScdaemon", "cards"): self._names.serial,
            ("SelfTest", "messages"): self._lines.message,
            ("ConfigFile", "detail"): self._detail,
            ("ConfigFile", "last_line"): self._lines.line,
            ("Process", "program"): self._search.program,
            ("Process", "user"): self._names.user,
            ("Reader", "name"): self._readers.reader,
            ("UsbInterface", "title"): self._readers.model,
            ("Host", "user"): self._names.user,
        }

    def _redacted(self, original: Facts) -> Facts:
        """Twice: names are learnt where they are known to be names, and then looked for everywhere."""
        for facts in (original.host, original.readers, original):
            self._of(facts, NOWHERE)
        self._search.learning = False
        self._aliases.forget_counts()
        return self._record(original)

    def _of(self, value: Any, place: Place) -> Any:
        if isinstance(value, Unknown):
            return Unknown(self._search.text(value.reason))
        if isinstance(value, tuple):
            return tuple(self._of(item, place) for item in value)
        if isinstance(value, Record):
            return self._record(value)
        if isinstance(value, str):
            return self._treatments.get(place, self._search.text)(value)
        return self._names.uid(value) if place[1] in NUMBERS_OF_USERS and value is not None else value

    def _record(self, record: R) -> R:
        kind = type(record).__name__
        private = isinstance(record, (ConfigLine, Setting))
        names = [name for name in record.__slots__ if not (private and name in ("text", "value", "meant"))]
        treated = {name: self._of(getattr(record, name), (kind, name)) for name in names}
        if isinstance(record, ConfigLine):
            treated.update(self._line(record))
        elif isinstance(record, Setting) and record.value is not None:
            treated["value"] = self._lines.value(record.option, record.value)
        return replace(record, **treated)

    def _line(self, line: ConfigLine) -> dict[str, str | None]:
        return {
            "text": self._lines.line(line.text, line.option),
            "value": None if line.value is None else self._value(line, line.value),
            "meant": None if line.meant is None else self._lines.line(line.meant, line.option),
        }

    def _value(self, line: ConfigLine, value: str) -> str:
        if line.kind == "meta" and line.option is None:
            return self._lines.line(f"[{value}]").removeprefix("[").removesuffix("]")
        return self._lines.value(line.option, value)

    def _detail(self, detail: str) -> str:
        beginning, end = DANGLING
        if detail.startswith(beginning) and detail.endswith(end):
            return f"{beginning}{self._search.path(detail[len(beginning) : -len(end)])}{end}"
        return self._search.text(detail)

    # -- where the redacted facts do not say the same ------------------------------------------------------------

    def judgement(self, document: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """The document's findings and checks, without the sentences and steps that may quote what is private."""
        facts = encode(self.facts)
        checks = [{**check, **self._texts(check, "subject", "reason")} for check in document["checks"]]
        return [self._finding(finding, facts) for finding in document["findings"]], checks

    def _finding(self, finding: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        return {
            **finding,
            **self._texts(finding, "subject"),
            "summary": finding["title"],
            "because": [{"fact": it["fact"], "value": look_up(facts, it["fact"])} for it in finding["because"]],
            "culprits": [self._culprit(culprit) for culprit in finding["culprits"]],
            "fix": finding["fix"] and {**finding["fix"], "steps": []},
        }

    def _culprit(self, culprit: dict[str, Any]) -> dict[str, Any]:
        user = culprit["user"] and self._names.user(culprit["user"])
        return {**culprit, "program": self._search.program(culprit["program"]), "user": user}

    def _texts(self, item: dict[str, Any], *fields: str) -> dict[str, Any]:
        return {field: item[field] and self._search.text(item[field]) for field in fields}


def _options_of(facts: Facts) -> set[str]:
    """Every option that some program is known to have."""
    lines = [line for file in known_or(facts.configuration.files, ()) for line in file.lines]
    used = {line.option for line in lines if line.kind == "option" and line.option}
    return {
        *known_or(facts.gnupg.scdaemon_options, ()),
        *OF_LATER_SCDAEMONS,
        *COMMON_OPTIONS.names,
        *OF_THE_AGENT,
        *used,
    }
