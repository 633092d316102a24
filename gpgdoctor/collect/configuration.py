"""The configuration files of scdaemon and gpg-agent, read without ever waiting for one."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from gpgdoctor.collect import management
from gpgdoctor.facts import ConfigFile, ConfigLine, Maybe, Setting, Unknown, Voided
from gpgdoctor.scdaemon_conf.force import Effective
from gpgdoctor.scdaemon_conf.lines import TELLING, Line, decoded
from gpgdoctor.scdaemon_conf.options import OptionTable
from gpgdoctor.system.record import Record, replace
from gpgdoctor.system.regular import NotRegular, open_regular, read_up_to

LIMIT_BYTES = 8 << 20
# An option takes about 100 us to read, and to tell what a misspelt one was meant to be 1 ms. What is kept of a file
# has to fit into a snapshot and into the answer of a child (see snapshot.py).
LIMIT_LINES, LIMIT_STATEMENTS, LIMIT_STATEMENT_BYTES, MENDED_AT_MOST = 200_000, 1_000, 8 << 10, 100
COMMENTED_OUT_AT_MOST = 1_000  # further ones are treated as ordinary comments
TAKEN_BY_2_2 = ("template", "encrypted")
_COMMENTED_OUT = re.compile(r"\s*#+\s*([a-z][a-z-]+)(?:\s|$)")


class Identity(Record):
    """Which file it was, and when it was last changed in any way: what stat(2) says."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int


class Source(Record):
    """A configuration file as it was found: what is known of it, and its bytes where it has any to read.

    ``content`` is empty where there is none and where it is not read: then ``file.status`` is not "regular".
    """

    file: ConfigFile
    content: bytes = b""
    raw: bytes = b""  # of a template or an encrypted file: scdaemon 2.2 takes such a one line by line
    identity: Identity | None = None  # of the file itself, behind links; None where there is none to read


def identity_of(status: os.stat_result) -> Identity:
    return Identity(
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        changed_ns=status.st_ctime_ns,
    )


def read(path: str, program: str, scope: str) -> Source:
    """Read a file within the limits. Anything but a regular file is not opened."""
    source = ConfigFile(path=path, program=program, scope=scope, status="absent")
    try:
        link = os.lstat(path)
        descriptor = open_regular(path)
    except FileNotFoundError:
        dangling = _dangling(path)
        return Source(file=replace(source, detail=dangling) if dangling else source)
    except NotRegular as other:
        found = _described(source, link, other.status)
        return Source(file=replace(found, status="not-regular", detail=str(other)))
    except OSError as error:
        return Source(file=replace(source, status="unreadable", detail=error.strerror))
    try:
        status = os.fstat(descriptor)
        content = read_up_to(descriptor, LIMIT_BYTES) if status.st_size <= LIMIT_BYTES else b""
    except OSError as error:
        return Source(file=replace(source, status="unreadable", detail=error.strerror))
    finally:
        os.close(descriptor)
    return _source(_described(source, link, status), max(status.st_size, len(content)), content, identity_of(status))


def read_again(files: Sequence[ConfigFile]) -> dict[str, Source] | None:
    """The bytes of files whose facts come from another process, by their paths; None where one was changed since."""
    sources = {file.path: read(file.path, file.program, file.scope) for file in files}
    same = all(_is_as(sources[file.path], file) for file in files)
    return sources if same else None


def _is_as(source: Source, file: ConfigFile) -> bool:
    found = source.file
    lines = source.content.count(b"\n") + (0 if file.final_newline else 1)
    return (found.status, found.changed, found.target) == (file.status, file.changed, file.target) and (
        file.length in (0, lines)  # 0 also where it was not read to its end
    )


def _described(source: ConfigFile, link: os.stat_result, status: os.stat_result) -> ConfigFile:
    return replace(
        source,
        status="regular",
        owner=status.st_uid,
        mode=stat.S_IMODE(status.st_mode),
        changed=round(max(status.st_mtime, status.st_ctime, link.st_mtime, link.st_ctime), 2),
        target=os.path.realpath(source.path) if stat.S_ISLNK(link.st_mode) else None,
        manager=management.manager(source.path, link, status),
    )


def _source(file: ConfigFile, size: int, content: bytes, identity: Identity) -> Source:
    if size > LIMIT_BYTES:
        return Source(file=replace(file, status="too-large", detail=f"{size} bytes"))
    if not content:
        return Source(file=file, identity=identity)
    lines = content.count(b"\n")
    if lines > LIMIT_LINES:
        return Source(file=replace(file, status="too-large", detail=f"{lines} lines"))
    from gpgdoctor.scdaemon_conf.kinds import classify

    kind, too_much = classify(content), _too_much(content)
    if kind or too_much:
        found = replace(file, status=kind or "too-large", detail=None if kind else too_much)
        return Source(file=found, raw=content if kind in TAKEN_BY_2_2 and not too_much else b"")
    manager = file.manager or management.named_in(content)
    return Source(file=replace(file, manager=manager), content=content, identity=identity)


def _too_much(content: bytes) -> str | None:
    """Why there is no time to read so many options, or so long ones; a configuration file has a dozen."""
    starts = [match.start() for match in TELLING.finditer(content) if match[1] is None]
    if len(starts) > LIMIT_STATEMENTS:
        return f"{len(starts)} lines that are no comments"
    starts.append(content.rfind(b"\n") + 1)  # of the last line the end is missing, and it is kept whatever it says
    longest = max((content.find(b"\n", start) + 1 or len(content)) - start for start in starts)
    return f"a line of {longest} bytes" if longest > LIMIT_STATEMENT_BYTES else None


def _dangling(path: str) -> str | None:
    with suppress(OSError):
        return f"a symbolic link to {os.readlink(path)}, which does not exist"
    return None


def judge(sources: Sequence[Source], table: OptionTable, user: str) -> tuple[list[ConfigFile], Effective]:
    """The files of one program with their lines, and what is in force of both together."""
    from gpgdoctor.scdaemon_conf.reading import read as read_both  # imported late: many machines have no file to read

    content = {source.file.scope: source.content for source in sources}
    effective = read_both(content.get("global", b""), content.get("user", b""), table, user, comments=False)
    read_lines = {"global": effective.global_lines, "user": effective.user_lines}
    return [_with_lines(source, read_lines[source.file.scope], table) for source in sources], effective


def _with_lines(source: Source, lines: Sequence[Line], table: OptionTable) -> ConfigFile:
    mended = {line.number for line in [line for line in lines if line.problem is not None][:MENDED_AT_MOST]}
    found = (_kept(line, table, mend=line.number in mended) for line in lines)
    kept = tuple(_without_most_commented_out(line for line in found if line is not None))
    *_, last = source.content.rpartition(b"\n")
    return replace(
        source.file,
        length=source.content.count(b"\n") + bool(last),
        line_end="\r\n" if lines and lines[0].eol == "\r\n" else "\n",
        final_newline=not last,
        last_line=decoded(last) if last else None,
        lines=kept,
    )


def _without_most_commented_out(lines: Iterable[ConfigLine]) -> Iterator[ConfigLine]:
    seen = 0
    for line in lines:
        seen += line.kind == "commented-out"
        if line.kind != "commented-out" or seen <= COMMENTED_OUT_AT_MOST:
            yield line


def _kept(line: Line, table: OptionTable, *, mend: bool) -> ConfigLine | None:
    kind = line.kind
    option = line.option
    if kind == "comment":
        found = _COMMENTED_OUT.match(line.raw)
        if found is None or not table.knows(found.group(1)):
            return None
        kind, option = "commented-out", found.group(1)
    if kind == "blank":
        return None
    return ConfigLine(
        number=line.number,
        text=line.raw,
        kind=kind,
        option=option,
        value=line.value,
        problem=line.problem,
        meant=_meant(line, table) if mend else line.meant,
    )


def _meant(line: Line, table: OptionTable) -> str | None:
    """The corrected line, without a note that may follow it."""
    if line.problem is None or line.meant is not None:
        return line.meant
    from gpgdoctor.scdaemon_conf.edits import Replace, cure

    change = cure(line, table)
    return change.text.rpartition("\n")[2] if isinstance(change, Replace) else None


def settings(effective: Effective, paths: dict[str, str]) -> Maybe[tuple[Setting, ...]]:
    """What is in force; ``paths`` are the files by scope."""
    if effective.undecided:
        role, number = effective.undecided[0]
        return Unknown.because(f"{paths[role]}, line {number} depends on a condition or a variable")
    return tuple(
        Setting(option=setting.option, value=setting.value, path=paths[setting.role], line=setting.line)
        for setting in effective.settings
    )


def voided(effective: Effective, paths: dict[str, str]) -> tuple[Voided, ...]:
    return tuple(
        Voided(option=void.option, line=void.line, by_path=paths["global"], by_line=void.by_line)
        for void in effective.voided
    )


def unread(files: Iterable[ConfigFile]) -> Unknown | None:
    """Why it is unknown what is in force; None where every file could be read."""
    for file in files:
        if file.status not in ("absent", "regular"):
            return Unknown.because(f"{file.path} is {file.status}" + (f" ({file.detail})" if file.detail else ""))
    return None
