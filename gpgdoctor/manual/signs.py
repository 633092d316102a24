"""What no fixed text can say: a ticket of GnuPG's by its number, a daemon that crashed, a program that is not there."""

from __future__ import annotations

import re
from functools import cache

from gpgdoctor.manual import symptoms
from gpgdoctor.manual.pages import Page, pages
from gpgdoctor.manual.speakers import OUR_PARTS, Line, Speaker

TICKET = re.compile(r"(?<!\w)(t\d{4})(?!\d)")
# A number alone may be anything: beside it stands whose ticket it is.
OF_GNUPG = re.compile(r"dev\.gnupg\.org|gnupg|\bgpg\b|scdaemon|yubikey|smart ?card")
DAEMON = r"(?:scdaemon|gpg-agent|keyboxd|pcscd)"
CRASH = r"(?:segfault\w*|segmentation fault|core ?dump\w*|dumped core|sig(?:segv|abrt|bus)|signal (?:6|11)|crash\w*)"
CRASHED = re.compile(rf"\b{DAEMON}\b.{{0,200}}\b{CRASH}|\b{CRASH}\b.{{0,200}}\b{DAEMON}\b")
OF_A_CRASH = "other-known-versions"

# A program by its name, and by its path or its name, in quotes or without.
NAME = (
    r"(?<![\w.-])(gpg2?|gpgconf|gpgsm|gpg-agent|gpg-connect-agent|scdaemon)"
    r"(?:\.exe)?(?![\w./\\-])['\"`]?"
)
PROGRAM = rf"['\"`]?(?:[^\s'\"`]*[/\\])?{NAME}"
CANNOT = r"(?:unable to|can(?:no|')t|can not|could ?n[o']t|failed to)"
ABSENT = r"(?:no such file|not found|not available|may not be|not installed|error=2\b|enoent|cannot find)"
LAUNCHERS = r"(?:env|exec|make|nice|nohup|sudo|time|timeout|xargs|\w*sh)"
# What the libraries of several languages, shells and launchers say where a program is not on the path.
NOT_RUN = [
    re.compile(pattern)
    for pattern in (
        rf"{NAME}: executable file not found",  # Go
        rf"\bfork/exec {PROGRAM}: no such file",
        rf"\bno such file or directory(?:: | - ){PROGRAM}",  # Python, Ruby
        rf"\bspawn(?:sync)? {PROGRAM} enoent",  # node
        # Java, git, python-gnupg, Rust
        rf"\b{CANNOT} (?:run|exec(?:ute)?|spawn|start|launch)(?: the| program| command)* {PROGRAM}.{{0,20}}{ABSENT}",
        rf"\b{CANNOT} (?:find|locate)(?: the| program| command)* {PROGRAM} (?:executable|binary|program|in )",
        rf"(?:^|[\s/]){LAUNCHERS}(?:\[\d+\])?: (?:line )?(?:\d+: )?{PROGRAM}: no such file",
        rf"(?:^|: ){PROGRAM}: (?:command )?not found$",
        rf"\b(?:command|program|executable|binary) {PROGRAM} (?:was )?not found",
        rf"\b(?:unknown command|command not found): {PROGRAM}",
        rf"{NAME} is not recognized as ",  # Windows
        rf"\bwhich: no {PROGRAM} in ",
    )
]
OF_A_MISSING_PROGRAM, OF_MISSING_SCDAEMON = ("GD307",), ("GD306",)

# A context is how every program begins with PC/SC; that it has none says only that pcscd does not serve it.
NO_CONTEXT = re.compile(
    r"\b(?:can(?:no|')t|can not|could ?n[o']t|unable to|fail(?:s|ed|ure)? to|not) establish (?:an? |the )?"
    r"(?:new )?(?:pc/?sc |scard |(?:smart ?)?card )?context\b(?! of)"
    r"|\bpcsc_establish_context failed\b"
)
OF_OTHER_CONTEXTS = re.compile(r"\b(?:ssl|tls|security|gssapi|kerberos|opengl|vulkan|audio|media|bluetooth)\b")
OF_NO_CONTEXT = ("GD301", "GD302", "GD401")


def in_line(said: Line) -> list[tuple[Page, str]]:
    """The pages that a line leads to by a sign, and the words that did."""
    whole = said.whole
    found = []
    if OF_GNUPG.search(whole):
        found = [(page, number) for number in TICKET.findall(whole) for page in _by_ticket().get(number, ())]
    return [*found, *((page, words) for ids, words in _by_kind(said) for page in pages() if page.id in ids)]


def _by_kind(said: Line) -> list[tuple[tuple[str, ...], str]]:
    """The ids of the pages for each kind of failure that a line tells, and the words that tell it."""
    whole = said.whole
    found: list[tuple[tuple[str, ...], str]] = []
    if crashed := CRASHED.search(whole):
        found.append(((OF_A_CRASH,), crashed[0]))
    if not_run := next(filter(None, (pattern.search(whole) for pattern in NOT_RUN)), None):
        found.append((OF_MISSING_SCDAEMON if not_run[1] == "scdaemon" else OF_A_MISSING_PROGRAM, not_run[0]))
    no_context = NO_CONTEXT.search(whole)
    is_foreign = OF_OTHER_CONTEXTS.search(whole) or symptoms.FOREIGN.search(whole)
    if no_context and ((said.speaker is not Speaker.OTHER and not is_foreign) or OUR_PARTS.search(whole)):
        found.append((OF_NO_CONTEXT, no_context[0]))
    return found


@cache
def _by_ticket() -> dict[str, list[Page]]:
    """The pages that name a ticket."""
    named: dict[str, list[Page]] = {}
    for page in pages():
        for number in dict.fromkeys(TICKET.findall(page.text.lower())):
            named.setdefault(number, []).append(page)
    return named
