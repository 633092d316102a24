"""A diagnosis without anything private in it, and a ledger of what was taken out.

Nothing is judged again: facts are redacted by what each field declares (facts.py), and the sentences of findings
refer to facts by value (wording.py), so the same sentences come out with aliases in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, TypeVar

from gpgdoctor.diagnosis import Diagnosis, Evidence, look_up
from gpgdoctor.facts import ConfigLine, Facts, Setting, Unknown, known_or, privacy_of, seconds_between
from gpgdoctor.redact.aliases import INIT, Aliases
from gpgdoctor.redact.lines import Lines
from gpgdoctor.redact.names import Names
from gpgdoctor.redact.paths import Paths
from gpgdoctor.redact.readers import Readers
from gpgdoctor.redact.search import Search
from gpgdoctor.rules.rule import Rule
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS
from gpgdoctor.snapshot import encode
from gpgdoctor.system.record import Record, replace
from gpgdoctor.wording import Privacy, Private, Text

R = TypeVar("R", bound=Record)
Ledger = dict[str, int]

OF_LATER_SCDAEMONS = ("pcsc-shared",)  # which rules distinguish from options that no scdaemon knows (GD103)
OF_THE_AGENT = ("disable-scdaemon", "enable-ssh-support", "pinentry-program", "scdaemon-program", "use-agent")
# Written by people, so these may contain paths of homes.
WRITTEN = (Privacy.LINE, Privacy.MESSAGE, Privacy.FREE_TEXT)


def redact(diagnosis: Diagnosis, hosts: Iterable[str] = ()) -> tuple[Diagnosis, Ledger]:
    """The same findings in the same order, with aliases. ``hosts`` are this machine's names, which are in no fact."""
    (redacted,), ledger = redact_all((diagnosis,), hosts)
    return redacted, ledger


def redact_all(diagnoses: Sequence[Diagnosis], hosts: Iterable[str] = ()) -> tuple[tuple[Diagnosis, ...], Ledger]:
    """Several diagnoses with one set of aliases: what is private in one is recognised in the others."""
    redaction = _Redaction([diagnosis.facts for diagnosis in diagnoses], hosts)
    return tuple(map(redaction.of, diagnoses)), redaction.ledger()


class _Redaction:
    """One report's aliases, and how each kind of private value is redacted."""

    def __init__(self, everybody: Sequence[Facts], hosts: Iterable[str]) -> None:
        self._aliases = aliases = Aliases()
        self._names = names = Names(aliases)
        self._paths = paths = Paths(aliases, names)
        self._search = search = Search(aliases, names, paths)
        self._readers = readers = Readers(aliases, names)
        options = {option for facts in everybody for option in _options_of(facts)}
        self._lines = Lines(aliases, names, paths, search, readers, options)
        self._said: dict[str, str] = {}  # redacted lines and values, by their original
        self._look = 0.0
        self._treatments: dict[Privacy, Callable[[Any], Any]] = {
            Privacy.USER: names.user,
            Privacy.UID: aliases.uid,
            Privacy.HOST: lambda host: aliases.alias("host", host),
            Privacy.PATH: paths.path,
            Privacy.SERIAL: names.card,
            Privacy.READER: readers.name,
            Privacy.PROGRAM: search.program,
            Privacy.LINE: lambda line: self._said.get(line) or self._lines.line(line),
            Privacy.MESSAGE: self._lines.message,
            Privacy.FREE_TEXT: search.text,
            Privacy.PID: aliases.pid,
            Privacy.INODE: aliases.inodes.of,
            Privacy.TIME: lambda time: seconds_between(self._look, time),
        }
        self._learn(everybody, hosts)

    def ledger(self) -> Ledger:
        return self._aliases.ledger()

    def of(self, diagnosis: Diagnosis) -> Diagnosis:
        self._look = _look_of(diagnosis.facts)
        facts = self._record(diagnosis.facts)
        document = encode(facts)
        findings = (
            replace(self._record(finding), because=tuple(_at(document, it.fact) for it in finding.because))
            for finding in diagnosis.findings
        )
        return replace(diagnosis, facts=facts, findings=tuple(findings), checks=self._any(diagnosis.checks))

    # -- what is to be found by name -------------------------------------------------------------------------------

    def _learn(self, everybody: Sequence[Facts], hosts: Iterable[str]) -> None:
        learners: dict[Privacy, Callable[[Any], None]] = {
            Privacy.USER: self._names.learn_user,
            Privacy.HOST: self._names.learn_host,
            Privacy.SERIAL: self._names.learn_serial,
            Privacy.PATH: self._search.learn_path,
            **dict.fromkeys(WRITTEN, self._search.learn),
        }
        for host in hosts:
            self._names.learn_host(host)
        values = [pair for facts in everybody for pair in _values(facts)]
        for privacy, value in values:
            learners.get(privacy, lambda _: None)(value)
        self._aliases.pids.learn(value for privacy, value in values if privacy is Privacy.PID and value > INIT)
        self._aliases.inodes.learn(value for privacy, value in values if privacy is Privacy.INODE)
        for facts in everybody:  # the user whose GnuPG it is, and the readers, get the first numbers
            self._names.user(known_or(facts.host.user, "root"))
            for reader in known_or(facts.readers, ()):
                self._readers.learn(reader.name)
        for reader in (reader for facts in everybody for reader in known_or(facts.readers, ())):
            self._readers.name(reader.name)

    # -- records, by what their fields declare ---------------------------------------------------------------------

    def _record(self, record: R) -> R:
        declared = privacy_of(type(record))
        treated = {
            name: self._private(declared[name], value, record) if name in declared else self._any(value)
            for name, value in ((name, getattr(record, name)) for name in record.__slots__)
        }
        return replace(record, **treated)

    def _any(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._any, value))
        if isinstance(value, Text):
            return value.map(self._value)
        if isinstance(value, Private):
            return self._value(value)
        if isinstance(value, Unknown):
            return replace(value, detail=self._search.text(value.detail))
        own = isinstance(value, (Rule, Evidence)) or not isinstance(value, Record)
        return value if own else self._record(value)

    def _value(self, private: Private) -> Private:
        return replace(private, value=self._private(private.privacy, private.value))

    def _private(self, privacy: Privacy, value: Any, record: Record | None = None) -> Any:
        if isinstance(value, Unknown):
            return self._any(value)
        if isinstance(value, tuple):
            return tuple(self._private(privacy, item, record) for item in value)
        if value is None or isinstance(value, Enum) or privacy is Privacy.PUBLIC:
            return value
        if privacy is Privacy.LINE and isinstance(record, (ConfigLine, Setting)):
            redacted = self._line(record, value)
            self._said.setdefault(value, redacted)
            return redacted
        return self._treatments[privacy](value)

    def _line(self, record: ConfigLine | Setting, value: str) -> str:
        """A line, or the value in one, given the option that it is about."""
        if value != record.value:
            return self._lines.line(value, record.option)
        if isinstance(record, ConfigLine) and record.kind == "meta" and record.option is None:
            return self._lines.line(f"[{value}]").removeprefix("[").removesuffix("]")
        return self._lines.value(record.option, value)


def _values(value: Any, privacy: Privacy | None = None) -> Iterator[tuple[Privacy, Any]]:
    """Every private value in facts, with its declared privacy."""
    if isinstance(value, Unknown):
        yield Privacy.FREE_TEXT, value.detail
    elif isinstance(value, tuple):
        for item in value:
            yield from _values(item, privacy)
    elif isinstance(value, Record):
        declared = privacy_of(type(value))
        for name in value.__slots__:
            yield from _values(getattr(value, name), declared.get(name))
    elif privacy is not None and value is not None and not isinstance(value, Enum):
        yield privacy, value


def _look_of(facts: Facts) -> float:
    """When the facts were collected; where that is not known, the newest time in them."""
    times = [value for privacy, value in _values(facts) if privacy is Privacy.TIME]
    return known_or(facts.host.time, max(times, default=0.0))


def _at(document: Any, place: str) -> Evidence:
    return Evidence(fact=place, value=look_up(document, place))


def _options_of(facts: Facts) -> set[str]:
    """Every option that some program is known to have."""
    lines = [line for file in known_or(facts.configuration.files, ()) for line in file.lines]
    used = {line.option for line in lines if line.kind == "option" and line.option}
    own = known_or(facts.gnupg.scdaemon_options, ())
    return {*own, *OF_LATER_SCDAEMONS, *COMMON_OPTIONS.names, *OF_THE_AGENT, *used}
