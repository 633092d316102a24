"""Which of two programs keeps which from the card: "X open stops gpg" is not "gpg stops X", whatever X is called."""

from __future__ import annotations

import re

GPG = r"(?:gpg2?|gnupgp?|gpg-agent|scdaemon)"
# What a program does to another one; without the -s it may be what a person did.
HINDERS = r"(?:stops|breaks|blocks|prevents|disables|locks|hinders|denies|disturbs|interrupts|keeps|kills|disconnects)"
FAILS = r"(?:stops|stopped|fails|failed|breaks|broken|broke|not|cannot|hangs|dies|loses|error|errors|unusable|blocked)"
WHILE = r"(?:when|whenever|while|whilst|as long as|if|once|with|having)"
OPEN = r"(?:open|opened|opens|running|runs|launched|started|starts|active)"
HOLDS = r"(?:holds|keeps|grabs|locks|occupies|hogs|takes|claims)"
HOLDING = r"(?:grabbing|holding|locking|keeping|taking|blocking|claiming|hogging|occupying)\b"
CARD = r"(?:card|smartcard|reader|token|yubikey|nitrokey|device)"
# What runs for gpg's own sake, or is no program.
NO_OTHER = r"(?:pcscd|pcsc|agent|daemon|service|session|system|laptop|computer|terminal|ssh|tmux|shell|pinentry)"
# "gpg stops working" and "gpg breaks after ..." have no object.
NO_OBJECT = (
    rf"(?:\w+ing|when|while|whenever|after|as|if|once|because|to|with|and|until|every"
    rf"|each|again|for|on|at|in|pins?|{GPG})"
)

# "each time I run ..."
USING = (
    r"(?:(?:each|every|any|the|time|i|we|you|have|a|one|first)\s+){0,3}"
    r"(?:use of|using|use|used|running|run|ran|calling|perform\w*|do|doing|sign\w*)\s+"
)

GPG_IS_KEPT_OUT = [
    re.compile(rf"\b{HINDERS}\s+(?:(?:out|with|my|the|off)\s+)*{GPG}\b"),
    re.compile(rf"\b(?:stop|block|keep|prevent)\w*\s+(?:(?:my|the)\s+)?{GPG}\b.*\bfrom\b(?!\s+{HOLDING})"),
    re.compile(rf"\b{GPG}\b.*\b{FAILS}\b.*\b{WHILE}\b(?!.*\b{NO_OTHER}\b).*\b{OPEN}\b"),
    re.compile(rf"^(?:(?!{GPG}\b).)*\b{HOLDS}\s+(?:\w+\s+){{0,3}}{CARD}\b.*\b{GPG}\b"),
    re.compile(rf"\b{WHILE}\b(?!.*\b{NO_OTHER}\b).*\b{OPEN}\b[^.]*\b{GPG}\b[^.]*\b{FAILS}\b"),
]
GPG_KEEPS_OUT = [
    re.compile(rf"\b{GPG}\s+from\s+{HOLDING}"),
    re.compile(rf"\b{GPG}\s+(?:\w+\s+)?{HOLDS}\s+(?:\w+\s+){{0,3}}{CARD}\b"),
    re.compile(rf"\b{GPG}\b[^,;.]{{0,30}}?\b{HINDERS}\s+(?:(?:out|my|the|off)\s+)*(?!{NO_OBJECT}\b)\w+"),
    re.compile(rf"\b{FAILS}\b.*\b(?:{WHILE}|after)\b[^.]*\b{GPG}\b[^.]*\b{OPEN}\b"),
    re.compile(
        rf"\bafter\s+{USING}(?:\w+\W+){{0,3}}{GPG}\b.{{0,80}}\b(?:no longer|not|fails?|failed|unusable|stops?)\b"
    ),
]

# pcscd out of the way is what makes it work: scdaemon's own driver then has the reader.
STOPPED = r"(?:not running|stopped|off|disabled|killed|down|dead|masked|inactive|uninstalled|removed|gone)"
STOPPING = (
    r"(?:stopp?ing|killing|disabling|masking|removing|uninstalling"
    r"|stop|kill|disable|mask|disabled|stopped|killed|masked|uninstalled)"
)
PCSCD = r"(?:the\s+)?pcscd?(?:-lite)?(?:[. ](?:service|socket|daemon))?"
HELPS = (
    r"(?:can (?:only )?(?:use|access|read|see|sign)|works?|worked|working|helps?|helped|fix(?:es|ed)?|solve[sd]?"
    r"|cure[sd]?|access|able|fine|ok|again|finds?|sees?)"
)
BY = r"(?:after|by|when|if|until|unless|once)"
NO_PCSCD_NO_TROUBLE = [
    re.compile(rf"\b{HELPS}\b[^.]*\b(?:when|if|while|once|as long as|unless)\b[^.]*\b{PCSCD}\b[^.]*\b{STOPPED}\b"),
    re.compile(rf"\b{HELPS}\b[^.]*\bby\b[^.]*\bmaking sure\b[^.]*\b{PCSCD}\s+(?:is\s+)?{STOPPED}\b"),
    re.compile(rf"\b{HELPS}\b[^.]*\bwithout\s+{PCSCD}\b"),
    re.compile(rf"\b{HELPS}\b[^.]*\b{BY}\b[^.]{{0,20}}\b{STOPPING}\s+{PCSCD}(?!\W)(?!.*\brestart)"),
    re.compile(rf"\b{STOPPING}\s+{PCSCD}\b[^.]*\b{HELPS}\b"),
    re.compile(rf"\b(?:when|if|while|once|as long as)\b[^.]*\b{PCSCD}\s+(?:is\s+)?{STOPPED}\b[^.]*\b{HELPS}\b"),
]
HELPS_NOT = re.compile(r"\b(?:not|no|never|neither|nothing)\b[^.]{0,12}\b(?:works?|help|fix|solve|worked|helped)")
OF_A_MISSING_PCSCD = frozenset({"GD301", "GD302", "GD309", "GD313"})

LONGEST = 240  # characters: a sentence says it at its beginning, and the patterns try every place


def pages_for(plain: str) -> tuple[str, ...]:
    """The pages by who keeps whom out, from a text in lower case without contractions; none where it does not say."""
    plain = plain[:LONGEST]
    if _works_without_pcscd(plain):
        return ("GD205", "GD208")
    if any(pattern.search(plain) for pattern in GPG_IS_KEPT_OUT):
        return ("GD202", "GD203", "GD205")
    if any(pattern.search(plain) for pattern in GPG_KEEPS_OUT):
        return ("GD201", "GD208")
    return ()


def excluded(plain: str) -> frozenset[str]:
    """The pages that such a text rules out: where gpg works without pcscd, no pcscd is missing."""
    return OF_A_MISSING_PCSCD if _works_without_pcscd(plain[:LONGEST]) else frozenset()


def _works_without_pcscd(plain: str) -> bool:
    return not HELPS_NOT.search(plain) and any(pattern.search(plain) for pattern in NO_PCSCD_NO_TROUBLE)
