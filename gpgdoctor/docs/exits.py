"""What the exit codes of each command mean, as its man page has them."""

from __future__ import annotations

Exits = tuple[tuple[str, str], ...]

_USAGE = ("2", "The command line is wrong.")
_COMMON: Exits = (
    ("3", "A Python package that gpgdoctor needs is missing."),
    ("70", "A defect of gpgdoctor itself; standard error says where the details are."),
    ("130", "Interrupted."),
)
_FIX: Exits = (
    ("0", "What was planned is applied and verified, or nothing was to be done."),
    ("1", "An error is left, or a step was refused or not confirmed."),
    ("2", "The command line is wrong, or an id is unknown."),
    ("4", "The cure did not hold: everything is put back."),
)
_OTHERS: Exits = (("0", "Done."), ("1", "It was refused, or the result could not be written."), _USAGE)

_EXITS: dict[tuple[str, ...], Exits] = {
    ("check",): (
        ("0", "No cause was found."),
        ("1", "Something was found."),
        ("2", "The command line is wrong, or a snapshot cannot be read."),
        ("3", "Something could not be looked at that could matter."),
    ),
    ("fix",): _FIX,
    ("undo",): (("0", "Put back."), ("1", "Refused, or nothing to undo."), ("2", "There is no such number.")),
    ("explain",): (("0", "Explained."), ("1", "It could not be written."), ("2", "There is no such page.")),
    ("demo",): (
        ("0", "Shown."),
        ("1", "The lab did not show what it should, or the page could not be written."),
        ("2", "There is no such scenario."),
        ("3", "The lab cannot run here; standard error says why."),
    ),
    ("trace",): (
        ("0", "scdaemon got the card; with a command the code is that command's own."),
        ("1", "scdaemon was refused, or the plan of --gpg was not confirmed."),
        ("2", "The command line is wrong, or FILE cannot be opened."),
        ("3", "Nothing can be traced here, or the trace could not be written whole; standard error says why."),
    ),
    ("watch",): (
        ("0", "It ended, or was ended with Ctrl-C."),
        ("1", "--until-conflict saw a conflict, or the page could not be written."),
        _USAGE,
        ("3", "Nothing can be watched here; standard error says why."),
    ),
    ("fleet", "report"): (
        ("0", "Reported."),
        ("1", "The report could not be printed."),
        ("2", "The command line is wrong, nothing that could be read was given, or the page could not be written."),
    ),
    ("hook", "run"): (("0", "As the host wants it; monitoring gets 0 to 3."), _USAGE),
}


def exits(path: tuple[str, ...]) -> Exits:
    """Codes and their meanings, in order."""
    own = _EXITS.get(path, _OTHERS)
    codes = {code for code, _ in own}
    return (*own, *(each for each in _COMMON if each[0] not in codes))
