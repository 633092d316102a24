"""Who manages a configuration file, where somebody does: such a file is not edited behind their back."""

from __future__ import annotations

import os
import stat

_STORES = (("/nix/store/", "Nix (home-manager)"), ("/gnu/store/", "Guix"))
_TREES = ("chezmoi", "yadm", "dotdrop", "stow", "ansible", "home-manager", "Mackup")


def manager(path: str, link: os.stat_result, status: os.stat_result) -> str | None:
    """A name for the one who manages ``path``; None where the file is its owner's to edit."""
    if stat.S_ISLNK(link.st_mode):
        target = os.path.realpath(path)
        for store, name in _STORES:
            if target.startswith(store):
                return name
        parts = target.split("/")
        for tree in _TREES:
            if any(tree.lower() in part.lower() for part in parts):
                return tree
    if status.st_uid not in (os.geteuid(), link.st_uid):
        return "another user"
    return None
