"""From what a file is to say to what changes in it; by its bytes, or as far as the facts know them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import unified_diff

from gpgdoctor.facts import ConfigFile, Facts, known_or
from gpgdoctor.plan.steps import Wish
from gpgdoctor.rules.rule import LineChange
from gpgdoctor.scdaemon_conf.edits import Add, Change, CommentOut, Replace, cure, rewrite
from gpgdoctor.scdaemon_conf.lines import Line, decoded, encoded, split
from gpgdoctor.scdaemon_conf.options import Option, OptionTable
from gpgdoctor.scdaemon_conf.reading import parse, read

# The options of scdaemon that take an argument (scd/scdaemon.c, opts[]): the facts have their names alone.
TAKE_AN_ARGUMENT = (
    *("application-priority", "card-timeout", "compatibility-flags", "ctapi-driver", "debug", "debug-assuan-log-cats"),
    *("debug-level", "debug-wait", "disable-application", "homedir", "listen-backlog", "log-file", "options"),
    *("pcsc-driver", "reader-port"),
)
STRING_ARGUMENT = 2
NO_FINAL_NEWLINE = "\\ No newline at end of file\n"


def rewritten(content: bytes, wish: Wish, table: OptionTable, user: str) -> bytes:
    """The file as it is wished for; every line that need not change stays as it is."""
    return rewrite(content, _changes(content, wish, table, user), table, user)


def _changes(content: bytes, wish: Wish, table: OptionTable, user: str) -> list[Change]:
    lines = {line.number: line for line in parse(content, table, user=user)}
    in_place: dict[int, Change] = {
        change.line: _in_place(change, lines[change.line], table) for change in wish.changes if change.line in lines
    }
    for number, line in lines.items():
        mended = cure(line, table) if line.problem and number not in in_place else None
        if isinstance(mended, Replace) and _statement(mended) in wish.options:
            in_place[number] = mended
    return [*in_place.values(), *(Add(statement=option) for option in wish.options)]


def _in_place(change: LineChange, line: Line, table: OptionTable) -> Change:
    if change.text is None:
        return CommentOut(line=change.line)
    mended = cure(line, table) if line.problem else None
    if isinstance(mended, Replace) and _statement(mended) == change.text:
        return mended  # which also keeps a note that stood beside it
    return Replace(line=change.line, text=change.text)


def _statement(mended: Replace) -> str:
    return mended.text.rpartition("\n")[2]


def expected_diff(facts: Facts, file: ConfigFile, wish: Wish) -> str:
    """The change as a unified diff without context, since the facts keep only the lines that matter."""
    before = sketch(file)
    after = rewritten(before, wish, table_of(facts), known_or(facts.host.user, ""))
    old, new = (list(_lines(content)) for content in (before, after))
    origin = "/dev/null" if file.status == "absent" else file.path
    return "".join(unified_diff(old, new, origin, file.path, n=0))


def overruled(facts: Facts, options: Sequence[str]) -> str | None:
    """Why a line of the user's own would not put one of these options in force."""
    for file in known_or(facts.configuration.files, ()):
        if (file.program, file.scope, file.status) != ("scdaemon", "global", "regular"):
            continue
        effective = read(sketch(file), b"", table_of(facts), known_or(facts.host.user, ""))
        for option in options:
            lock = effective.lock(option)
            if lock is not None:
                return f"{file.path}, line {lock.by_line}, takes {option} out of everybody's hands"
    return None


def sketch(file: ConfigFile) -> bytes:
    """The file with a comment of its own in the place of every line that is not known."""
    texts = {number: f"# {number}" for number in range(1, file.length + 1)}
    if file.last_line is not None:
        texts[file.length] = file.last_line
    texts.update({line.number: line.text for line in file.lines})
    content = "".join(text + file.line_end for text in texts.values())
    return encoded(content if file.final_newline else content.removesuffix(file.line_end))


def table_of(facts: Facts) -> OptionTable:
    names = known_or(facts.gnupg.scdaemon_options, ())
    return OptionTable(
        options=tuple(
            Option(name=name, code=1, flags=STRING_ARGUMENT if name in TAKE_AN_ARGUMENT else 0, description="")
            for name in names
        )
    )


def _lines(content: bytes) -> Iterator[str]:
    for text, end in split(content):
        line = decoded(text + end)
        yield line if line.endswith("\n") else f"{line}\n{NO_FINAL_NEWLINE}"


def still_says(lines: Sequence[Line], file: ConfigFile) -> bool:
    """Whether a file still has the lines that the facts know of it."""
    texts = {line.number: line.raw for line in lines}
    return len(lines) == file.length and all(texts.get(line.number) == line.text for line in file.lines)
