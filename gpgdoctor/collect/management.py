"""Who manages a configuration file, where somebody does: such a file is not edited behind their back."""

from __future__ import annotations

import os

_STORES = (("/nix/store/", "Nix (home-manager)"), ("/gnu/store/", "Guix"))
# Directories that keep the originals of dotfiles, by their names without a leading dot.
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
_MARKERS = ((".stow-local-ignore", "stow"), (".chezmoiroot", "chezmoi"), (".git", "a git work tree"))


def manager(path: str, link: os.stat_result, status: os.stat_result) -> str | None:
    """A name for the one who manages ``path``; None where the file is its owner's to edit.

    A link counts, of the file or of a directory above it, that leads into a store or a tree of dotfiles.
    """
    target = os.path.realpath(path)
    if target != os.path.abspath(path):
        found = _store(target) or _tree(target)
        if found:
            return found
    if status.st_uid not in (os.geteuid(), link.st_uid):
        return "another user"
    return None


def _store(target: str) -> str | None:
    return next((name for store, name in _STORES if target.startswith(store)), None)


def _tree(target: str) -> str | None:
    parts = target.split("/")[1:-1]
    named = next((_TREES[part.lstrip(".").lower()] for part in parts if part.lstrip(".").lower() in _TREES), None)
    return named or _marked(os.path.dirname(target))


def _marked(directory: str) -> str | None:
    """Whether a directory from here up is the top of a tree that is kept under version control."""
    while directory != os.path.dirname(directory):
        for marker, name in _MARKERS:
            if os.path.lexists(f"{directory}/{marker}"):
                return name
        directory = os.path.dirname(directory)
    return None
