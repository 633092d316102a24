"""Changes to a configuration file that leave every other byte as it was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from gpgdoctor.scdaemon_conf.force import Setting
from gpgdoctor.scdaemon_conf.lines import BYTE_ORDER_MARK, SPACES, Line, decoded, encoded, split
from gpgdoctor.scdaemon_conf.meaning import nearly
from gpgdoctor.scdaemon_conf.options import OptionTable
from gpgdoctor.scdaemon_conf.reading import parse, read
from gpgdoctor.system.record import Record

MARK = decoded(BYTE_ORDER_MARK)
BLANKS = decoded(SPACES)
CONTEXT_LINES = 3
MANY_LINES = 200
NO_FINAL_NEWLINE = "\\ No newline at end of file\n"


class Replace(Record):
    """Says something else in the place of a line; line feeds in the text make several lines of it."""

    line: int
    text: str


class CommentOut(Record):
    line: int


class Add(Record):
    """Puts an option in force: `disable-ccid`, `reader-port NAME`."""

    statement: str


Change = Replace | CommentOut | Add
# What stands in a file: the text of a line, and its end.
Row = tuple[str, str]
# As difflib has it.
Opcode = tuple[str, int, int, int, int]


def mend(line: Line) -> Replace | None:
    """The line as it was meant, with a note that stood beside it on a line of its own above."""
    return None if line.meant is None else _with_note(line, line.meant)


def cure(line: Line, table: OptionTable) -> Replace | CommentOut:
    """What to do about a line that the program complains of: say what was meant, or else nothing."""
    if mended := mend(line):
        return mended
    statement = nearly(line, table)
    if statement and not any(part.problem for part in parse(encoded(statement), table)):
        return _with_note(line, statement)
    return CommentOut(line=line.number)


def rewrite(content: bytes, changes: Sequence[Change], table: OptionTable, user: str = "") -> bytes:
    """The file after all changes. Line numbers are those of `content`; what is there already is not done again."""
    rows = [(decoded(text), end.decode()) for text, end in split(content)]
    in_place = [change for change in changes if not isinstance(change, Add)]
    for change_in_place in sorted(in_place, key=lambda change: change.line, reverse=True):
        if 0 < change_in_place.line <= len(rows):
            _change(rows, change_in_place)
    for change in changes:
        if isinstance(change, Add):
            rows = _with_statement(rows, change.statement, table, user)
    return _content(rows)


def diff(before: bytes, after: bytes, path: str, *, created: bool = False, context: int = CONTEXT_LINES) -> str:
    """A unified diff, with whatever control characters the files hold; nothing where they are the same.

    ``context`` is how many lines are shown around what changes. A path keeps to its line.
    """
    if before == after:
        return ""
    name = path.replace("\n", "\\x0a")
    return f"--- {'/dev/null' if created else name}\n+++ {name}\n{''.join(_hunks(before, after, context))}"


def _with_note(line: Line, statement: str) -> Replace:
    note = re.search(r"\s(#.*)\Z", line.raw, re.DOTALL) if "\n" not in statement else None
    return Replace(line=line.number, text=f"{note[1].rstrip()}\n{statement}" if note else statement)


def _change(rows: list[Row], change: Replace | CommentOut) -> None:
    index = change.line - 1
    text, end = rows[index]
    mark = MARK if change.line == 1 and text.startswith(MARK) else ""
    if isinstance(change, CommentOut):
        statement = text.removeprefix(mark)
        if not statement.lstrip(BLANKS).startswith("#"):
            rows[index] = (f"{mark}#{statement}", end)
        return
    new = change.text.split("\n")
    new[0] = mark + new[0].removeprefix(MARK)
    if [text for text, _ in rows[index : index + len(new)]] != new:
        rows[index : index + 1] = [*((line, end or _usual_end(rows)) for line in new[:-1]), (new[-1], end)]


def _with_statement(rows: list[Row], statement: str, table: OptionTable, user: str) -> list[Row]:
    """In the first place where it comes into force."""
    name, _, value = statement.partition(" ")

    def setting(rows: Sequence[Row]) -> Setting | None:
        return _setting(rows, name, table, user)

    now = setting(rows)
    if now and (now.value or "") == value:
        return rows
    # The end of a file may belong to a condition, or not be read at all. What is said last counts.
    elsewhere = now.line if now else 0
    for index in (*_commented_out(rows, name, table), len(rows), elsewhere):
        changed = _inserted(rows, index, statement)
        then = setting(changed)
        if then and (then.value or "") == value:
            return changed
    return _inserted(rows, len(rows), statement)


def _setting(rows: Sequence[Row], name: str, table: OptionTable, user: str) -> Setting | None:
    """Where an option comes into force."""
    return read(b"", _content(rows), table, user, comments=False).where(name)


def statements(content: bytes, table: OptionTable, user: str = "") -> dict[int, Line]:
    """The lines of a file that say something, by their numbers."""
    return {line.number: line for line in parse(content, table, user=user, comments=False)}


def _commented_out(rows: Sequence[Row], name: str, table: OptionTable) -> list[int]:
    """Right after the last comment that is nothing but this option, with whatever value."""
    value = r"\s.*" if table.argument(name) != "none" else r"\s+#.*"
    same = re.compile(rf"{re.escape(name)}(?:{value}|\s*)", re.DOTALL)
    comments = ((index, _commented(text)) for index, (text, _) in enumerate(rows) if name in text)
    return [index + 1 for index, comment in comments if comment is not None and same.fullmatch(comment)][-1:]


def _commented(text: str) -> str | None:
    """What a comment line says."""
    text = text.removeprefix(MARK).lstrip(BLANKS)
    return text.lstrip("#" + BLANKS) if text.startswith("#") else None


def _inserted(rows: Sequence[Row], index: int, statement: str) -> list[Row]:
    before, after = list(rows[:index]), list(rows[index:])
    if rows == [(MARK, "")]:
        return [(MARK + statement, "\n")]
    usual = _usual_end(rows)
    if not before:
        return _inserted_first(after, statement, usual)
    text, end = before[-1]
    # A file of DOS lines may end in half an end.
    before[-1] = (text, end or ("\n" if text.endswith("\r") and usual == "\r\n" else usual))
    return [*before, (statement, end), *after]


def _inserted_first(rows: Sequence[Row], statement: str, end: str) -> list[Row]:
    """Behind the byte order mark, which stays at the beginning of the file."""
    if not rows or not rows[0][0].startswith(MARK):
        return [(statement, end), *rows]
    (text, its_end), *rest = rows
    return [(MARK + statement, end), (text.removeprefix(MARK), its_end), *rest]


def _usual_end(rows: Sequence[Row]) -> str:
    return next((end for _, end in reversed(rows) if end), "\n")


def _content(rows: Sequence[Row]) -> bytes:
    return encoded("".join(text + end for text, end in rows))


def _hunks(before: bytes, after: bytes, context: int) -> Iterator[str]:
    start = _line_start(before, _common(before, after), context)
    beyond = _common(before[start:][::-1], after[start:][::-1])
    beyond = min(beyond, len(before) - _line_end(before, len(before) - beyond, context + 1))
    old, new = (_lines(content[start : len(content) - beyond]) for content in (before, after))
    for group in SequenceMatcher(None, _keys(old), _keys(new), autojunk=False).get_grouped_opcodes(context):
        yield _hunk(old, new, group, before.count(b"\n", 0, start))


def _lines(content: bytes) -> list[str]:
    return [decoded(text + end) for text, end in split(content)]


def _keys(lines: Sequence[str]) -> Sequence[tuple[str, int]]:
    """What is compared of the lines. In a long file lines that are alike are told apart: difflib tries every pair."""
    if len(lines) < MANY_LINES:
        return [(line, 0) for line in lines]
    seen: Counter[str] = Counter()
    keys = []
    for line in lines:
        keys.append((line, seen[line]))
        seen[line] += 1
    return keys


def _line_start(content: bytes, position: int, lines: int) -> int:
    """Where so many lines before this one begin."""
    for _ in range(lines + 1):
        position = max(0, content.rfind(b"\n", 0, position))
    return position + 1 if position else 0


def _line_end(content: bytes, position: int, lines: int) -> int:
    """Where so many lines from this one on end."""
    for _ in range(lines):
        position = content.find(b"\n", position) + 1 or len(content)
    return position


def _hunk(old: Sequence[str], new: Sequence[str], group: Sequence[Opcode], start: int) -> str:
    (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
    old_span, new_span = _span(start + old_start, start + old_end), _span(start + new_start, start + new_end)
    body = []
    for tag, i, j, k, m in group:
        if tag == "equal":
            body += [_marked(" ", line) for line in old[i:j]]
        else:
            body += [_marked("-", line) for line in old[i:j]] + [_marked("+", line) for line in new[k:m]]
    return f"@@ -{old_span} +{new_span} @@\n" + "".join(body)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes at the beginning are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _marked(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n{NO_FINAL_NEWLINE}"


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"
