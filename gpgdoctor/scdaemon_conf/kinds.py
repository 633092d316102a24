"""Recognises files that are in the place of a configuration, but are something else."""

from __future__ import annotations

import re

ENCRYPTED_BEGINNINGS = (
    b"age-encryption.org/",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"\0GITCRYPT",
    b"$ANSIBLE_VAULT;",
)
# RFC 9580: packets that an OpenPGP message begins with (1 and 3: a session key) in the old and in the new format.
OPENPGP_MESSAGE = re.compile(rb"[\x84\x85\x86\x8c\x8d\x8e\xc1\xc3]")
SOPS = re.compile(rb"ENC\[AES256_GCM,data:|^sops_version=", re.MULTILINE)
TEMPLATE = re.compile(rb"\{\{.{0,400}?\}\}|\{%.{0,400}?%\}|<%.{0,400}?%>", re.DOTALL)
TEMPLATE_MARKS = (b"{{", b"{%", b"<%")
UTF_16_BEGINNINGS = (b"\xff\xfe", b"\xfe\xff")
FEWEST_ODD_BYTES = 4
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def classify(content: bytes) -> str | None:
    """binary, encrypted, template or utf-16; None: a configuration, however malformed."""
    beginning = content.lstrip(b"\xef\xbb\xbf \t\r\n")
    if beginning.startswith(ENCRYPTED_BEGINNINGS) or SOPS.search(content):
        return "encrypted"
    if content.startswith(UTF_16_BEGINNINGS) or _is_utf_16_without_mark(content):
        return "utf-16"
    if any(mark in content for mark in TEMPLATE_MARKS) and TEMPLATE.search(_without_comments(content)):
        return "template"
    if _is_binary(content):
        return "encrypted" if OPENPGP_MESSAGE.match(content) else "binary"
    return None


def _is_utf_16_without_mark(content: bytes) -> bool:
    """Every other byte a NUL, as ASCII is in UTF-16."""
    return len(content) >= 4 and any(
        not content[start::2].strip(b"\0") and b"\0" not in content[1 - start :: 2] for start in (0, 1)
    )


def _without_comments(content: bytes) -> bytes:
    return b"\n".join(line for line in content.split(b"\n") if not line.lstrip().startswith(b"#"))


def _is_binary(content: bytes) -> bool:
    """A stray NUL or control character makes a malformed line; one in ten bytes is no text."""
    odd = len(CONTROL.findall(content))
    try:
        content.decode()
    except UnicodeDecodeError:
        # Text of another encoding has some of these, random bytes are half of them.
        odd += sum(byte >= 0x80 for byte in content) // 2
    return odd >= FEWEST_ODD_BYTES and odd * 10 > len(content)
