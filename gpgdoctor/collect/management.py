"""Which tool or user manages a configuration file, if any: such a file must not be edited directly."""

from __future__ import annotations

import os
import re

from gpgdoctor.facts import Manager
from gpgdoctor.system.regular import NotRegular, read_regular

_STORES = (("/nix/store/", "Nix (home-manager)"), ("/gnu/store/", "Guix"))
# Directories where the originals of dotfiles are kept, by name without a leading dot.
_TREES = {
    "chezmoi": "chezmoi",
    "yadm": "yadm",
    "dotdrop": "dotdrop",
    "stow": "stow",
    "ansible": "Ansible",
    "home-manager": "home-manager",
    "mackup": "Mackup",
    "dotfiles": "a dotfile tree",
}
ROOT_NAME_BYTES = 4096
HEADER_BYTES, HEADER_LINES = 2048, 15
# As the managers' manuals put it: "managed by chezmoi", "This dotfile is managed using dotdrop", "Ansible managed".
_MANAGERS = rb"chezmoi|dotdrop|yadm|ansible|home-manager"
_HEADER = (
    rb"(?i)\s*#.*?(?:\b(?:managed|generated|deployed|created)\s+(?:by|with|using|via)\s+(%(m)s)\b|\b(%(m)s)[ -]managed)"
    % {b"m": _MANAGERS}
)
# chezmoi's, in the order in which it writes them.
_ATTRIBUTES = ("exact_", "create_", "modify_", "private_", "readonly_", "empty_", "executable_")
_MARKERS = ((".stow-local-ignore", "stow"), (".chezmoiroot", "chezmoi"), (".git", "a git work tree"))


def manager(path: str, link: os.stat_result, status: os.stat_result) -> str | None:
    """The name of what manages ``path``; None where its owner edits it.

    A symbolic link, of the file or of a directory above it, counts if it leads into a store or a tree of dotfiles.
    """
    target = os.path.realpath(path)
    if target != os.path.abspath(path):
        found = _store(target) or _tree(target)
        if found:
            return found
    if _is_copied_by_chezmoi(path):
        return "chezmoi"
    if status.st_uid not in (os.geteuid(), link.st_uid):
        return Manager.ANOTHER_USER
    return None


def _is_copied_by_chezmoi(path: str) -> bool:
    """Whether chezmoi has a source for this file: of ~/.gnupg/x it is private_dot_gnupg/x."""
    directory, name = os.path.split(path)
    data = os.environ.get("XDG_DATA_HOME") or f"{os.path.dirname(directory)}/.local/share"
    try:
        with os.scandir(_root_of_chezmoi(f"{data}/chezmoi")) as entries:
            folders = [it.path for it in entries if _is_source_of(it.name, os.path.basename(directory))]
        return any(_is_source_of(source, name) for folder in folders for source in os.listdir(folder))
    except OSError:
        return False


def _root_of_chezmoi(tree: str) -> str:
    """The directory of its sources: the tree itself, or what .chezmoiroot names."""
    try:
        named = read_regular(f"{tree}/.chezmoiroot", ROOT_NAME_BYTES).decode(errors="surrogateescape").strip()
    except (OSError, NotRegular):
        return tree
    inside = os.path.normpath(os.path.join(tree, named.lstrip("/")))
    return inside if inside.startswith(f"{tree}/") else tree


def named_in(content: bytes) -> str | None:
    """The manager that the comment at the top of a file names."""
    for line in content[:HEADER_BYTES].splitlines()[:HEADER_LINES]:
        found = re.match(_HEADER, line)  # compiled only here: most homes have no such file
        if found:
            name = (found[1] or found[2]).decode("ascii").lower()
            return _TREES[name]
    return None


def _is_source_of(source: str, target: str) -> bool:
    """As chezmoi names its sources: attributes as prefixes, "dot_" for a dot, ".tmpl" as a suffix."""
    plain = source.removesuffix(".tmpl")
    for attribute in _ATTRIBUTES:
        plain = plain.removeprefix(attribute)
    return plain == (f"dot_{target[1:]}" if target.startswith(".") else target)


def _store(target: str) -> str | None:
    return next((name for store, name in _STORES if target.startswith(store)), None)


def _tree(target: str) -> str | None:
    parts = target.split("/")[1:-1]
    named = next((_TREES[part.lstrip(".").lower()] for part in parts if part.lstrip(".").lower() in _TREES), None)
    return named or _marked(os.path.dirname(target))


def _marked(directory: str) -> str | None:
    """The marker of version control in this directory or above it, if there is one."""
    while directory != os.path.dirname(directory):
        for marker, name in _MARKERS:
            if os.path.lexists(f"{directory}/{marker}"):
                return name
        directory = os.path.dirname(directory)
    return None
