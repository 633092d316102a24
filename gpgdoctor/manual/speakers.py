"""Who said a line: gpg, scdaemon, pcscd, the kernel, ssh, another program. An errno means little without it."""

from __future__ import annotations

import re
from enum import Enum

from gpgdoctor.manual import translations
from gpgdoctor.manual.codes import with_numbers_of_pcsc
from gpgdoctor.system.record import Record


class Speaker(Enum):
    """The kinds of programs that matter for what a line may mean."""

    GNUPG = "gnupg"  # gpg, gpg-agent, scdaemon, gpg-connect-agent
    PCSC = "pcsc"  # pcscd and its drivers
    SSH = "ssh"
    GIT = "git"
    KERNEL = "kernel"
    TOOL = "tool"  # a program for cards and tokens: ykman, opensc-tool
    OTHER = "other"  # any other program that gives its name
    NOBODY = "nobody"  # the line does not say


class Line(Record):
    """One line of what was pasted, taken apart."""

    text: str  # as pasted, without colours and the log's own prefix
    speaker: Speaker
    program: str  # its name, in lower case; "" where the line does not say
    message: str  # what it said, normalized
    whole: str  # the same with the names of who said it
    words: str  # of the whole


COLOURS = re.compile(r"\x1b\[[0-9:;<=>?]*[ -/]*[@-~]")
PROMPT = re.compile(r"^\s*(?:[\w.@~/:-]*[$#%>\u276f\u279c\u25b6\u03bb]\s+)+")
# What a log puts before a line: a date and a time in several forms, perhaps a host, the kernel's seconds.
CLOCK = r"\d{2}:\d{2}(?::\d{2})?(?:[.,]\d+)?"
# Months are written in the reader's language: "sep 17", "12\u6708 04".
MONTH = r"(?:[^\W\d_]{3,5}\.?|\d{1,2}\u6708)"
DATE = rf"(?:{MONTH}\s+\d{{1,2}}|\d{{1,2}}\.?\s+{MONTH}|\d{{4}}[-/]\d\d[-/]\d\d|\d\d\.\d\d(?:\.(?:\d{{4}})?)?)"
# dmesg: "[ 3935.77]", "[  +0.54]", "[Apr11 19:22]", and what is left of it where the bracket was not copied.
UPTIME = r"\[?\s*\+?\d+\.\d{3,}\]|\[[A-Z][a-z]{2}\s?\d{1,2} \d\d:\d\d\]"
STAMP = re.compile(rf"^\s*(?:(?:{UPTIME})\s*|(?:{DATE}[T ]\s*)?{CLOCK}(?:Z|[+-]\d\d:?\d\d)?\s+)")
HOST = re.compile(r"^(?!usb\s|hub\s)[\w.-]+\s+(?=[\w.@/-]+(?:\[\d+\])?:\s)")
# pcscd: "00000045 ccid_usb.c:598:OpenUSBByName() text"
SOURCE_LINE = re.compile(r"^(?:\d{8} )?(?:\[\d+\] )?(?:[\w./-]*/)?([\w-]+\.[cl]):\d+:(\w+)\(\)\s*")
NAMED = re.compile(r"^(?:\([^()]*\) )?(?P<program>[A-Za-z_][\w.+-]*?)(?:\[\d+\](?:: | )|: +)")
SHELLS = re.compile(r"^(?:-?(?:ba|z|k|da|fi)?sh|/bin/\w*sh): (?:line )?(?:\d+: )?")
# A line of a script, wherever its output went: "/opt/ask-pin: line 58: echo: write error", dash without "line".
SHELL = "sh"
SCRIPT = re.compile(r"^(?=[^\s:]*/)[^\s:]+: (?:line )?\d+: |^[^\s:]+: line \d+: ")
ZSH = re.compile(r"^zsh: command not found: (\S+)$")
KERNEL = re.compile(
    rf"^(?:kernel: )?(?:(?:{UPTIME})\s*)?"
    r"((?:usb(?:usb)? )?usb\d+-port\d+|usb(?:usb)? \d[\d.-]*|usbhid|usbfs|usb|hub \d[\d.:-]*|xhci_hcd [\w:.]+): "
)

PROGRAMS = {
    Speaker.GNUPG: (
        *("gpg", "gpg2", "gpgsm", "gpgv", "gpgconf", "gpg-agent", "gpg-connect-agent", "scdaemon", "gpg-card"),
        *("gpgme", "gpgtar"),
    ),
    Speaker.PCSC: ("pcscd", "ccid", "libccid", "pcscd.service", "pcscd.socket"),
    Speaker.SSH: ("ssh", "ssh-add", "sign_and_send_pubkey", "ssh_askpass", "scp", "sftp", "ssh-keygen", "debug1"),
    Speaker.GIT: ("git", "error", "fatal"),
    Speaker.KERNEL: ("kernel",),
    Speaker.TOOL: (
        *("ykman", "yubico-piv-tool", "opensc-tool", "pkcs11-tool", "pkcs15-tool", "pcsc_scan", "age-plugin-yubikey"),
        *("yubikey-agent", "nitropy", "gnupg-pkcs11-scd", "openpgp-tool", "warning", "error", "usage", "step"),
        "opensc-explorer",
    ),
}
KINDS = {name: kind for kind, names in reversed(PROGRAMS.items()) for name in names}
PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u00a0\u202f\u2026", "''\"\"  .")
NO_QUOTES = str.maketrans("", "", "'\"`\u00ab\u00bb\u201e\u00b4")
# gpg says both, one below the other; which card application it wanted depends on its version.
NO_CARD, SELECTING = re.compile(r"openpgp card not available\b|selecting openpgp failed\b"), "selecting card failed"
WORD = re.compile(r"\w+(?:-\w+)*")
NUMBERED_NODE = re.compile(r"/dev/hidraw\d+")  # which one it is says nothing
# Parts of this system by name: a program that names one speaks of cards, whichever it is.
OUR_PARTS = re.compile(
    r"libpcsclite|\bpcsc\b|pcsc_|s\.gpg-agent|s\.scdaemon|scdaemon|\bpcscd\b|/run/user/\d+/gnupg|"
    r"\byubikey\b|\bnitrokey\b|smart ?card|"
    r"scard(?:_|[a-z]+(?:\(\)|:| failed| returned))|0x80100[0-9a-f]{3}\b|pc/sc|\bckr_|openpgp card",
    re.IGNORECASE,
)


def line(pasted: str, *, foreign: bool = False) -> Line:
    """One pasted line, with who said it and what; with foreign=True also of what is said in other languages.

    A later name counts: in "git: gpg: text" it is gpg that speaks.
    """
    pasted = COLOURS.sub("", pasted).strip()
    stamp = STAMP.match(pasted)
    pasted = HOST.sub("", pasted[stamp.end() :]) if stamp else PROMPT.sub("", pasted)
    text = ZSH.sub(r"\1: command not found", translations.in_english(pasted) if foreign else pasted)
    rest, kind, program = SHELLS.sub("", text), Speaker.NOBODY, ""
    while True:
        found = _speaker(rest)
        if found is None:
            break
        kind, program, rest = found
        if kind in (Speaker.KERNEL, Speaker.PCSC) or (kind is Speaker.OTHER and program != SHELL):
            break
    if kind is Speaker.OTHER and program != SHELL and OUR_PARTS.search(normalized(rest)):
        kind = Speaker.TOOL
    whole = normalized(text)
    return Line(text=pasted, speaker=kind, program=program, message=normalized(rest), whole=whole, words=words(whole))


def _speaker(text: str) -> tuple[Speaker, str, str] | None:
    """The speaker named first in a text, and the rest of it; None where there is none."""
    found = KERNEL.match(text)
    if found:
        return Speaker.KERNEL, "kernel", text[found.end() :]
    found = SCRIPT.match(text)
    if found:
        return Speaker.OTHER, SHELL, text[found.end() :]
    found = SOURCE_LINE.match(text)
    if found:
        return Speaker.PCSC, "pcscd", f"{found[2]}() {text[found.end() :]}"
    found = NAMED.match(text)
    if found is None:
        return None
    program = found["program"].lower()
    kind = KINDS.get(program)
    rest = text[found.end() :]
    if kind is None:
        # A function, a code or a message's first word is no program: SCardConnect: ..., ERR 100696144 ...
        is_program = program == found["program"] and "_" not in program
        return (Speaker.OTHER, program, rest) if is_program else None
    if kind is Speaker.PCSC:
        inner = SOURCE_LINE.match(rest)
        rest = f"{inner[2]}() {rest[inner.end() :]}" if inner else rest
    return kind, program, rest


def normalized(text: str) -> str:
    """Without what differs from one paste to the next: letter case, blanks, the form of a code."""
    joined = " ".join(text.translate(PLAIN).lower().split())
    return with_numbers_of_pcsc(NUMBERED_NODE.sub("/dev/hidraw", joined))


def words(normal: str) -> str:
    """The words of a normalized text alone, one blank around each: forums and terminals change the rest."""
    plain = normal.translate(NO_QUOTES)
    return f" {' '.join(WORD.findall(NO_CARD.sub(SELECTING, plain)))} "
