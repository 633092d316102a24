"""Why a configuration file must not be written, and what its owner should do instead."""

from __future__ import annotations

from gpgdoctor.facts import ConfigFile, Facts, Manager, known_or
from gpgdoctor.plan.edits import Lines
from gpgdoctor.plan.steps import Advise

OWNER_MAY_WRITE = 0o200
HOME_MANAGER = (Manager.NIX, Manager.HOME_MANAGER)
# In words, by the statuses of ConfigFile.
KINDS = {
    "unreadable": "it cannot be read",
    "not-regular": "it is no regular file",
    "binary": "it is not a text file",
    "utf-16": "it is written in UTF-16",
    "encrypted": "it is encrypted",
    "template": "it is a template",
    "too-large": "it is too large",
}


def obstacle(facts: Facts, file: ConfigFile) -> str | None:
    """The reason, as half a sentence about the file; None where the facts show none."""
    if file.scope == "global":
        return "it is the configuration of the whole system"
    if isinstance(file.manager, str):
        return f"{file.manager} manages it" if file.manager != Manager.ANOTHER_USER else "it belongs to another user"
    if file.status == "absent":
        return f"it is {file.detail}" if file.detail else None
    if file.status != "regular":
        kind = KINDS.get(file.status, f"it is {file.status}")
        return f"{kind} ({file.detail})" if file.detail else kind
    return _foreign(facts, file)


def _foreign(facts: Facts, file: ConfigFile) -> str | None:
    owner = known_or(file.owner, None)
    if owner is not None and owner != known_or(facts.host.uid, owner):
        return "it belongs to another user"
    mode = known_or(file.mode, None)
    if mode is not None and not mode & OWNER_MAY_WRITE:
        return "it is read-only"
    target = known_or(file.target, None)
    if target is not None and not target.startswith(_own_directories(facts)):
        return f"it is a symbolic link out of your home, to {target}"
    return None


def _own_directories(facts: Facts) -> tuple[str, ...]:
    homedir, user = known_or(facts.gnupg.homedir, ""), known_or(facts.host.user, "")
    home = homedir.rpartition("/")[0] if homedir.endswith("/.gnupg") else ""
    return tuple(f"{place}/" for place in (homedir, home, f"/home/{user}" if user else "") if place)


def advice(facts: Facts, file: ConfigFile, wanted: Lines, reason: str, restart: tuple[str, ...] | None) -> Advise:
    """What to write, in the form of the tool that manages the file, and the command that puts it in force."""
    commands = _commands(file, wanted) if isinstance(file.manager, str) else ()
    return Advise(
        text=f"{wanted.path} is not changed, for {reason}. {_instruction(file, wanted)}",
        commands=(*commands, *((restart,) if restart else ())),
    )


def _instruction(file: ConfigFile, wanted: Lines) -> str:
    if file.manager in HOME_MANAGER and wanted.options and file.program == "scdaemon":
        settings = " ".join(_nix(option) for option in wanted.options)
        return f"Put into your home-manager configuration: programs.gpg.scdaemonSettings = {{ {settings} }};"
    where = "its source" if file.manager == Manager.CHEZMOI else "it"
    parts = [f'add to {where} the line "{option}"' for option in wanted.options]
    parts += [
        f"comment out line {change.line}" if change.text is None else _rewriting(change.line, change.text)
        for change in wanted.changes
    ]
    text = ", and ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


def _rewriting(line: int, text: str) -> str:
    lines = text.split("\n")
    made = "say" if len(lines) == 1 else f"{len(lines)} lines:"
    return f"make line {line} {made} " + " and ".join(f'"{it}"' for it in lines)


def _nix(option: str) -> str:
    name, _, value = option.partition(" ")
    return f'{name} = "{value}";' if value else f"{name} = true;"


def _commands(file: ConfigFile, wanted: Lines) -> tuple[tuple[str, ...], ...]:
    if file.manager in HOME_MANAGER:
        return (("home-manager", "switch"),)
    if file.manager == Manager.CHEZMOI:
        return (("chezmoi", "edit", wanted.path), ("chezmoi", "apply", wanted.path))
    return ()
