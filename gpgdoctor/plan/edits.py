"""From what a file should say to what changes in it: by its bytes, or as far as the facts know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from gpgdoctor.facts import ConfigFile, Facts, known_or
from gpgdoctor.plan.steps import Edit
from gpgdoctor.rules import cures
from gpgdoctor.rules.rule import Cure, LineChange
from gpgdoctor.scdaemon_conf.edits import Add, Change, CommentOut, Replace, cure, diff, rewrite, statements
from gpgdoctor.scdaemon_conf.lines import Line, encoded
from gpgdoctor.scdaemon_conf.options import Option, OptionTable
from gpgdoctor.scdaemon_conf.reading import read
from gpgdoctor.system.record import Record

# The options of scdaemon that take an argument (scd/scdaemon.c, opts[]): the facts have their names alone.
TAKE_AN_ARGUMENT = (
    *("application-priority", "card-timeout", "compatibility-flags", "ctapi-driver", "debug", "debug-assuan-log-cats"),
    *("debug-level", "debug-wait", "disable-application", "homedir", "listen-backlog", "log-file", "options"),
    *("pcsc-driver", "reader-port"),
)
STRING_ARGUMENT = 2


class Contents(Record):
    """The configuration files as one look found them: their bytes by path (None: not there), and their options."""

    bytes_of: Mapping[str, bytes | None]
    table_of: Callable[[str], OptionTable]  # by the name of the program


class Lines(Record):
    """What one file should say: options in force, and lines that change."""

    path: str
    options: tuple[str, ...] = ()
    changes: tuple[LineChange, ...] = ()


def merged(facts: Facts, planned: Iterable[Cure]) -> list[Lines]:
    """What several cures want in each file. Of two changes to one line the first is kept: causes come first."""
    options: dict[str, dict[str, None]] = {}
    changes: dict[str, dict[int, LineChange]] = {}
    for it in planned:
        if it.options:
            options.setdefault(cures.scdaemon_config(facts), {}).update(dict.fromkeys(it.options))
        for change in it.changes:
            changes.setdefault(change.path, {}).setdefault(change.line, change)
    return [
        Lines(path=path, options=tuple(options.get(path, ())), changes=tuple(changes.get(path, {}).values()))
        for path in {**options, **changes}
    ]


def file_at(facts: Facts, path: str) -> ConfigFile:
    """What the facts know of a file; one they do not know of is absent."""
    for file in known_or(facts.configuration.files, ()):
        if file.path == path:
            return file
    return ConfigFile(path=path, program="scdaemon", scope="user", status="absent")


def edit(facts: Facts, lines: Lines, contents: Contents | None) -> Edit:
    """One file's change. Without its contents the facts must do, and the diff has no lines around what changes."""
    file = file_at(facts, lines.path)
    if contents is None:
        before = None if file.status == "absent" else sketch(file)
        table, context = table_of(facts), 0
    else:
        before, table, context = contents.bytes_of.get(lines.path), contents.table_of(file.program), 3
    after = rewritten(before or b"", lines, table, known_or(facts.host.user, ""))
    shown = diff(before or b"", after, lines.path, created=before is None, context=context)
    return Edit(path=lines.path, before=before, after=after, diff=shown)


def rewritten(content: bytes, lines: Lines, table: OptionTable, user: str) -> bytes:
    """The file after the changes; every other line stays as it is."""
    return rewrite(content, _changes(content, lines, table, user), table, user)


def _changes(content: bytes, wanted: Lines, table: OptionTable, user: str) -> list[Change]:
    lines = statements(content, table, user)
    in_place: dict[int, Change] = {
        change.line: _in_place(change, lines[change.line], table) for change in wanted.changes if change.line in lines
    }
    for number, line in lines.items() if wanted.options else ():
        mended = cure(line, table) if line.problem and number not in in_place else None
        if isinstance(mended, Replace) and _statement(mended) in wanted.options:
            in_place[number] = mended
    return [*in_place.values(), *(Add(statement=option) for option in wanted.options)]


def _in_place(change: LineChange, line: Line, table: OptionTable) -> Change:
    if change.text is None:
        return CommentOut(line=change.line)
    mended = cure(line, table) if line.problem else None
    if isinstance(mended, Replace) and _statement(mended) == change.text:
        return mended  # which also keeps a note that stood beside it
    return Replace(line=change.line, text=change.text)


def _statement(mended: Replace) -> str:
    return mended.text.rpartition("\n")[2]


def overruled(facts: Facts, options: Sequence[str]) -> str | None:
    """Why a line in the user's file would not put one of these options in force."""
    for file in known_or(facts.configuration.files, ()):
        if (file.program, file.scope, file.status) != ("scdaemon", "global", "regular"):
            continue
        effective = read(sketch(file), b"", table_of(facts), known_or(facts.host.user, ""), comments=False)
        for option in options:
            lock = effective.lock(option.partition(" ")[0])
            if lock is not None:
                return f"{file.path}, line {lock.by_line}, takes {option} out of everybody's hands"
    return None


def sketch(file: ConfigFile) -> bytes:
    """The file with a distinct comment in place of every line that is not known."""
    texts = {file.length: file.last_line} if file.last_line is not None else {}
    texts.update({line.number: line.text for line in file.lines})
    pieces, written = [], 0
    for number, text in sorted(texts.items()):
        pieces += [_unknown(written + 1, number, file.line_end), text + file.line_end]
        written = number
    content = "".join((*pieces, _unknown(written + 1, file.length + 1, file.line_end)))
    return encoded(content if file.final_newline else content.removesuffix(file.line_end))


def _unknown(first: int, end: int, line_end: str) -> str:
    return "".join(map(f"# %d{line_end}".__mod__, range(first, end)))


def table_of(facts: Facts) -> OptionTable:
    names = known_or(facts.gnupg.scdaemon_options, ())
    return OptionTable(
        options=tuple(
            Option(name=name, code=1, flags=STRING_ARGUMENT if name in TAKE_AN_ARGUMENT else 0, description="")
            for name in names
        )
    )
