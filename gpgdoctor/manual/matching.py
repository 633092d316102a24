"""What one pasted line leads to: a text that a page has, the reason at its end, a number, or a part of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import IntEnum

from gpgdoctor.manual import codes, phrases, signs
from gpgdoctor.manual.pages import Page
from gpgdoctor.manual.phrases import Phrase
from gpgdoctor.manual.speakers import Line, Speaker, words
from gpgdoctor.system.record import Record

SHORTEST_FRAGMENT = 8
MISSING = ("command not found", "not found")
GNUPG_SOURCES = ("scd", "gpg agent", "gpg-agent", "gpgsm", "gnupg", "gpg", "pinentry")
# The reason at the end of a message of GnuPG: after the last colon, or in an answer of a daemon.
REASON = re.compile(r"(?:.*: |err \d+ )(.+?)(?: <[^<>]*>)?")
SOURCE = re.compile(r" <([^<>]*)>$")
# What a line of GnuPG or ssh mentions where a card may be involved.
CARD_MATTER = re.compile(
    r"card|\bscd\b|scdaemon|selecting|signing failed|failed to sign|decryption failed|\bapdu|\bpcsc|pc/sc|\bccid|"
    r"reader|serialno|\bpk(?:sign|decrypt|auth)\b|learn|keyinfo|the agent|gpg-agent|the daemon|homedir|\bchv\d|"
    r"configuration file|\.conf\b|binding socket|yubikey|nitrokey|smart|libusb|usb_|0x80100|\bpin\b|pinentry|publickey|"
    r"\bapp_\w+ failed|agent_\w+ failed|unprotect|secret key"
)
# Words that only programs for cards use: a text with one of these is about cards, whichever program prints it.
CARD_WORDS = re.compile(
    r"scard|0x80100|smart ?card|\bpcsc|pc/sc|\bccid|libusb|usb_|pcscd|scdaemon|openpgp|yubikey|reader|\bcard\b|"
    r"gpg|polkit|pcsclite|org\.debian|secure?ity violation|authorized|hijacked|pinentry|keyboxd|agent|ckr_|\bicc\b|"
    r"\batr\b|apdu|\bsw=|\bchv\d|homedir|keyblock|ctapi|keypad|usbguard|usbfs|\bcards\b|pinpad|"
    r"\bpin\b.*(?:block|lock|fail|retry|tries|incorrect)|(?:bad|wrong|invalid) pin|(?:client|server) protocol is|"
    r"protocol mismatch|slot with a token|scard|establishcontext|rpc transport|too many context|sk-ssh|sk-ecdsa|"
    r"o_excl|non-existent transaction|other connections outstanding|gnupghome|no pgp keys|usb_|overrun error|"
    r"usbbyname|readusb|writeusb|interruptread|powerup|hpregister|createchannel|getdaemonpid|open port 0x|"
    r"cardnotpresent|"
    r"no (?:default )?(?:secret|public) key|conditions of use|debug-allow-pin|pin entry|can't switch|lingering|"
    r"(?:_|-)sk$|ions are available|(?:permissions|ownership) on conf|card reader|retry counter|err 100|max\. pin|"
    r"no slots|\bpuk\b|pn533|security status not"
)
# What must be named somewhere in a text before what any program may print is about cards.
OURS = re.compile(
    r"scard|0x80100|smart ?card|pcsc|pc/sc|ccid|scdaemon|gpg|gnupg|openpgp|yubi|nitrokey|ykman|card reader|"
    r"ifdhandler|winscard|readerfactory|hotplug_lib|keyboxd|pinentry"
)
# What reads cards or drives tokens beside GnuPG, with PINs and readers of its own: it makes nothing certain.
NEARBY = re.compile(r"\bfido2?\b|libnfc")
# Reasons that say nothing without what failed.
# fmt: off
BARE_REASONS = frozenset({
    "argument not expected", "bad passphrase", "bad pin", "broken pipe", "card error", "connection refused",
    "end of file", "file name too long", "forbidden", "general error", "input output error", "invalid argument",
    "invalid option", "is a directory", "keyword too long", "missing argument", "no public key", "no secret key",
    "no such device", "no such file or directory", "not supported", "operation cancelled", "permission denied",
    "permission error", "no smartcard daemon", "read error", "timeout", "access denied", "shared mode",
    "exclusive mode", "service not available", "hardware problem", "no agent running",
})
# Those of them that only GnuPG has: they say something in any sentence.
OF_CARDS = ("no smartcard daemon", "card error", "bad pin", "no pinentry", "pin blocked", "card removed")
IN_PROSE = (*OF_CARDS, "no such device", "hardware problem", "card not present", "service is not running")
OF_THE_MESSAGE = frozenset({"no such file or directory", "permission denied", "is a directory", "end of file"})
# What programs of all kinds print.
OF_ANY_PROGRAM = frozenset({
    "invalid meta command", "unknown meta command", "unexpected meta command", "cant connect to the daemon",
    "failed to open driver", "cannot open shared object file", "blocked for more than 120 seconds",
    "state stop-sigterm timed out killing", "libusb_error_busy", "libusb_error_access", "libusb_error_io",
    "libusb_error_no_device", "libusb_error_not_found", "libusb_error_timeout", "cant claim interface",
    "failed to create temporary file", "error opening log file", "is already used", "security violation",
    "access denied insufficient permissions", "service was stopped", "transaction failed", "active inactive dead",
    "init failed", "reader is unavailable", "status unavailable", "re-selected",
    "but expecting 0", "referenced but unset environment variable", "device is not authorized",
    "inappropriate ioctl for device", "permission denied publickey", "usb_open failed permission denied",
    "cant get config descriptor", "unable to enumerate usb device",
    "device descriptor read 64 error", "xhci host controller not responding", "hc died cleaning up",
    "usb disconnect device number", "invalid handle", "subsystem not ready", "command timeout",
    "it may have been disconnected", "device not accepting address", "cant set config 1", "attempt power cycle",
    "device not responding to setup address", "device descriptor read all error", "device descriptor read 8 error",
    "cannot enable maybe the usb cable is bad", "disabled by hub emi", "reset full-speed usb device",
    "not enough memory", "not enough memory available to complete this command",
    "an error occurred on the device",
    "the device was removed or unplugged", "the device is not present or unplugged",
    "could not open a connection to your authentication agent",
    "dev hidraw permission denied", "unable to claim usb interface", "unable to claim usb interface permission denied",
})
# fmt: on
# What the system says of a failed call, whoever made it: it never tells which cause it was, whatever stands before it.
# fmt: off
OF_THE_SYSTEM = (
    "address already in use", "broken pipe", "cannot open shared object file", "connection refused",
    "connection reset by peer", "connection timed out", "device or resource busy", "end of file",
    "file name too long", "i o error", "inappropriate ioctl for device", "input output error", "invalid argument",
    "is a directory", "no space left on device", "no such device", "no such file or directory", "no such process",
    "operation cancelled", "operation not permitted", "operation timed out", "permission denied", "read error",
    "read-only file system", "resource temporarily unavailable", "timeout", "write error",
)
# What also stands there where all is well, or where another cause is: a hint, never the answer.
HINTS = frozenset({
    "admin commands are not allowed", "card is not supported", "cannot open dev tty", "cannot open tty",
    "conditions of use not satisfied", "received signal 15", "direct suicide", "reader disconnected",
    "error changing the pin", "error setting the reset code", "reset of the pin failed", "failed to use default pin",
    "a gpg-agent is already running not starting a new one", "trying to steal socket from running",
    "is older than us null", "unsupported card 0x80100065", "0x80100065", "invalid structure of openpgp card",
    "invalid atr", "no terminal at all requested", "sorry we are in batchmode cant get input",
    "sign_and_send_pubkey signing failed", "agent failed to sign challenge", "unable to sign the tag",
    "s gpg-agent does not exist", "no auth sock variable", "problem setting the gpg-agent options",
    "pcsc_transmit failed invalid handle", "is too short minimum length is", "firmware is bogus",
    "authentication method blocked", "stopped pc sc smart card daemon", "stopping pc sc smart card daemon",
    "sigterm received shutting down", "cancelled by user",
    "cant check signature no public key", "skipped no public key",
    "cant query passphrase in batch mode", "rfloadreader failed", "dyn_loadlibrary",
    "public key not found", "agent admitted failure to sign using the key", "no authentication methods available",
    "gpg gnupg 2 3 7", "keybox root gnupg pubring kbx created", "directory root gnupg created", "max pin lengths 3 2 0",
    "no ccid", "not an openpgp card", "pcscd service main process exited", "pinentry probably not installed",
    "re-selected", "uid 65534", "user 65534", "card serial no", "card-no", "selecting card failed bad session key",
    "gpg-agent probably not installed", "scdaemon-program", "gnupg-pkcs11-scd", "command fetch failed", "unblock-pin",
    "factory-reset", "there is no guarantee that the card supports", "change-pin", "change-puk",
    "puk retries", "puk blocked", "puk is blocked", "puk code is blocked", "pin puk must be", "pn533_usb",
    "module pn533", "nfc nxp now attached", "unable to load external module", "security status not satisfied",
})
# fmt: on
# pcscd refuses greeters and services too: which user's refusal it is decides.
OF_A_SERVICE = re.compile(r"\(user: [1-9]\d{0,2}\)")
QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)|\S*/\S*""")
NO_CARD_PROGRAMS = ("warning", "error", "usage", "step")  # beginnings that programs of all kinds share
ENOUGH_OF_A_LINE = 0.5  # of its words, for what any program may print
DAEMONS = ("scdaemon", "gpg-agent")
OF_DAEMONS = ("pcsc_", "usb_", "apdu_", "ccid ")  # how lines of scdaemon begin


# A reason that without what failed is mostly about no card: a wrong passphrase has it too.
OF_OTHER_MATTERS = frozenset({"bad session key"})
# What every listing of keys on cards has: it explains no other line.
OF_LISTINGS = frozenset({"card serial no", "card-no", "signature pin forced"})


class Weight(IntEnum):
    """How much a match says."""

    FRAGMENT = 1  # a part of what a page has: a guess
    REASON = 2  # the reason at a message's end, which many causes share
    MESSAGE = 3  # what programs print to their user
    LOG = 4  # what a daemon writes when it happens


class Match(Record):
    """A page, the pasted line that leads to it, and how much that line says."""

    page: Page
    line: Line
    phrase: str  # the page's
    weight: Weight
    reason: str = ""  # what was looked for in the pages' phrases; "" where the line has the phrase


def is_ours(lines: Iterable[Line]) -> bool:
    """Whether a text names something of cards, tokens or GnuPG."""
    return any(OURS.search(said.whole) or NEARBY.search(said.whole) for said in lines)


def whole(said: Line, joined: Sequence[Line], *, ours: bool) -> list[Match]:
    """The pages that have all of what a line says; of lines that were joined, what none of them says alone."""
    found = [phrase for phrase in phrases.in_line(said) if _counts(phrase, said, ours)]
    found = [phrase for phrase in found if not any(phrases.is_in(phrase, part) for part in joined)]
    return _longest(found, said, _weight(said))


def of_signs(said: Line) -> list[Match]:
    """The pages that a line leads to by what is no fixed text; never certain."""
    weight = _weight(said)
    return [Match(page=page, line=said, phrase=sign, weight=weight, reason=sign) for page, sign in signs.in_line(said)]


def reasons(said: Line) -> list[Match]:
    """The pages that have the reason at the end of a message about a card, or in a number."""
    if said.speaker is Speaker.KERNEL:
        return []
    known = said.speaker is not Speaker.OTHER
    found = [_reason_at_the_end(said), *codes.reasons(said.whole)] if known else []
    if said.speaker in (Speaker.OTHER, Speaker.TOOL, Speaker.NOBODY):
        in_prose = IN_PROSE if said.speaker is Speaker.NOBODY else OF_CARDS
        # "smart card error 6a82" is a status word that another program shows.
        prose = said.words.replace(" smart card error ", " ")
        found += [reason for reason in in_prose if f" {reason} " in prose and is_ours([said])]
    if said.speaker is Speaker.PCSC:
        found = [reason for reason in found if reason not in OF_THE_MESSAGE]
    return [match for reason in dict.fromkeys(found) if reason for match in _holding(reason, said, Weight.REASON)]


def shared_reasons(said: Line) -> list[Match]:
    """The same for a message that a page has as a whole; what a missing file means depends on the message alone."""
    return [match for match in reasons(said) if match.reason in BARE_REASONS - OF_THE_MESSAGE]


def fragments(said: Line) -> list[Match]:
    """The pages that have a short line as a part of theirs, as somebody types who remembers a part of it."""
    return _holding(said.message, said, Weight.FRAGMENT) if said.speaker is not Speaker.OTHER else []


def share(match: Match) -> float:
    """How much of a line's words a match has."""
    return len(match.phrase.split()) / max(len(match.line.words.split()), 1)


def is_of_any_program(match: Match) -> bool:
    """Whether a match rests on what any program may print."""
    return match.phrase in OF_ANY_PROGRAM


def is_certain(match: Match) -> bool:
    """Whether a match is a whole message that only programs for cards print, and none of what the system says.

    gpg-agent's log also has what its children print; of pcscd's and scdaemon's own logs a part of a line will do.
    """
    said, phrase = match.line, f" {match.phrase} "
    if match.reason or match.weight < Weight.MESSAGE or match.phrase in BARE_REASONS | OF_ANY_PROGRAM | HINTS:
        return False
    if said.message in MISSING or " dbg " in said.words or OF_A_SERVICE.search(said.whole):
        return False
    if any(f" {error} " in phrase for error in OF_THE_SYSTEM):
        return False
    if said.speaker is Speaker.PCSC or said.program == "scdaemon":
        return True
    by_a_card_program = said.speaker in (Speaker.GNUPG, Speaker.TOOL) and said.program not in NO_CARD_PROGRAMS
    return (by_a_card_program or OURS.search(said.whole) is not None) and _is_nearly_all(match)


def _is_nearly_all(match: Match) -> bool:
    """Whether a match has most of what a line says; names in quotes and paths are no words of the program's."""
    without = len(words(QUOTED.sub(" ", match.line.message)).split())
    return len(match.phrase.split()) >= ENOUGH_OF_A_LINE * without


def _weight(said: Line) -> Weight:
    """A daemon writes what happened; gpg and ssh print what came of it."""
    is_log = said.program in DAEMONS or said.speaker in (Speaker.PCSC, Speaker.KERNEL)
    return Weight.LOG if is_log or said.message.startswith(OF_DAEMONS) else Weight.MESSAGE


def _counts(phrase: Phrase, said: Line, ours: bool) -> bool:
    """Whether a phrase that a line contains says something there.

    A phrase that names a missing program is that program's alone. What another program says counts only
    where it speaks of cards. A bare reason says nothing here: it is looked for at a message's end.
    """
    own, bare = phrase.said, phrase.words.strip()
    if own.message in MISSING:
        return said.message in MISSING and said.program == own.program
    if bare in BARE_REASONS:
        return False
    if bare in OF_ANY_PROGRAM and not ours:
        spoken = words(said.message) if said.speaker is Speaker.KERNEL else said.words
        enough = len(bare.split()) >= ENOUGH_OF_A_LINE * len(spoken.split())
        return enough and said.speaker is not Speaker.OTHER
    is_of_cards = said.speaker is not Speaker.OTHER or own.program == said.program
    return is_of_cards or CARD_WORDS.search(own.whole) is not None


def _reason_at_the_end(said: Line) -> str | None:
    bare = words(said.message).strip()
    if bare in BARE_REASONS:
        return bare
    found = REASON.fullmatch(said.message)
    source = SOURCE.search(said.message)
    if found is None or (source and source[1] not in GNUPG_SOURCES):
        return None
    if not (CARD_MATTER.search(said.message) or said.message.startswith("err ")):
        return None
    return words(found[1]).strip()


def _holding(fragment: str, said: Line, weight: Weight) -> list[Match]:
    bare = words(fragment).strip()
    if bare in OF_OTHER_MATTERS:
        return []
    if len(bare) < SHORTEST_FRAGMENT and bare not in BARE_REASONS:
        return []
    shortest = sorted(phrases.holding(f" {bare} "), key=lambda phrase: len(phrase.words))
    return _first_of_each_page(shortest, said, weight, bare)


def _longest(found: list[Phrase], said: Line, weight: Weight) -> list[Match]:
    return _first_of_each_page(sorted(found, key=lambda phrase: -len(phrase.words)), said, weight)


def _first_of_each_page(found: list[Phrase], said: Line, weight: Weight, reason: str = "") -> list[Match]:
    by_page: dict[str, Match] = {}
    for phrase in found:
        match = Match(page=phrase.page, line=said, phrase=phrase.words.strip(), weight=weight, reason=reason)
        by_page.setdefault(phrase.page.id, match)
    return list(by_page.values())
