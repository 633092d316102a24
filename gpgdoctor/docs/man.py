"""The man pages: gpgdoctor(1), one per command, and gpgdoctor-findings(7) with every page of `explain`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gpgdoctor.docs.exits import exits
from gpgdoctor.docs.roff import bold, escaped, heading, italic, markdown, paragraphs, prose
from gpgdoctor.docs.tree import Argument, Command, Option, every
from gpgdoctor.manual import Page

FINDINGS = "gpgdoctor-findings"
BESIDE = (("gpg", 1), ("gpg-agent", 1), ("scdaemon", 1), ("pcscd", 8))


def pages(root: Command, findings: Iterable[Page], *, version: str, date: str) -> dict[str, str]:
    """The text of each page, by its file name; ``date`` as YYYY-MM-DD."""
    findings = tuple(findings)
    written = {}
    for command in every(root):
        lines = [_title(_name(command), 1, version, date), *_command(command, root, findings)]
        written[f"{_name(command)}.1"] = "\n".join(lines) + "\n"
    lines = [_title(FINDINGS, 7, version, date), *_findings(findings)]
    written[f"{FINDINGS}.7"] = "\n".join(lines) + "\n"
    return written


def _name(command: Command) -> str:
    return "-".join(("gpgdoctor", *command.path))


def _title(name: str, section: int, version: str, date: str) -> str:
    """The head of a page. No word of code may be hyphenated, so none is; then lines cannot be made to end alike.

    groff 1.23 takes the string AD instead of the request, and at every heading.
    """
    return f'.TH "{escaped(name.upper())}" "{section}" "{date}" "gpgdoctor {version}"\n.nh\n.ds AD l\n.ad l'


def _command(command: Command, root: Command, findings: tuple[Page, ...]) -> Iterator[str]:
    yield from (".SH NAME", f"{escaped(_name(command))} \\- {_summary(command)}")
    yield from (".SH SYNOPSIS", *_synopsis(command))
    yield from (".SH DESCRIPTION", *paragraphs(command.text))
    if command.children:
        yield ".SH COMMANDS"
        for child in command.children:
            yield from (".TP", f"{bold(_name(child))}(1)", *prose(child.summary))
    if command.arguments:
        yield from (".SH ARGUMENTS", *(line for each in command.arguments for line in _argument(each)))
    if command.options:
        yield from (".SH OPTIONS", *(line for each in command.options for line in _option(each)))
    if not command.children:
        yield from _exits(command)
    if command is root:
        yield from _list_of_findings(findings)
    yield from (".SH SEE ALSO", *_see_also(command, root))


def _summary(command: Command) -> str:
    """As apropos(1) lists it: one line without a full stop."""
    return escaped(command.summary.rstrip("."))


def _synopsis(command: Command) -> Iterator[str]:
    words = [bold(command.name), *(["[\\fIoptions\\fR]"] if command.options else [])]
    if command.children:
        words.append("\\fIcommand\\fR ...")
    yield " ".join([*words, *map(_placeholder, command.arguments)])


def _placeholder(argument: Argument) -> str:
    word = italic(argument.value.placeholder) + ("..." if argument.many else "")
    return word if argument.required else f"[{word}]"


def _argument(argument: Argument) -> Iterator[str]:
    yield from (".TP", italic(argument.value.placeholder), *prose(argument.help))


def _option(option: Option) -> Iterator[str]:
    value = f" {italic(option.value.placeholder)}" if option.value else ""
    default = f" The default is `{option.default}`." if option.default else ""
    yield from (".TP", ", ".join(bold(name) + value for name in option.names), *prose(option.help + default))


def _exits(command: Command) -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in exits(command.path):
        yield from (".TP", bold(code), *prose(meaning))


def _list_of_findings(findings: tuple[Page, ...]) -> Iterator[str]:
    yield from (".SH FINDINGS", *prose(f"Each title says what holds where all is well; {FINDINGS}(7) has the rest."))
    for page in findings:
        names = [page.id, *([page.name] if page.name != page.id else [])]
        yield from (".TP", " ".join(map(bold, names)), *prose(page.title))


def _see_also(command: Command, root: Command) -> Iterator[str]:
    ours = [_name(each) for each in every(root) if each.path[:-1] == command.path and each.path]
    ours += [_name(root)] if command is not root else []
    others = [(name, 1) for name in ours] + [(FINDINGS, 7), *BESIDE]
    yield ",\n".join(f"{bold(name)}({section})" for name, section in others)


def _findings(findings: tuple[Page, ...]) -> Iterator[str]:
    yield from (".SH NAME", f"{escaped(FINDINGS)} \\- what gpgdoctor finds, how it is proved and cured")
    yield from (".SH DESCRIPTION", *prose("The pages that `gpgdoctor explain` prints, in the order of their ids."))
    for page in findings:
        title, _, rest = page.text.partition("\n")
        yield heading("SH", title.lstrip("# "))
        yield from markdown(rest, heading_macro="SS")
    yield from (".SH SEE ALSO", f"{bold('gpgdoctor')}(1),", f"{bold('gpgdoctor-explain')}(1)")
