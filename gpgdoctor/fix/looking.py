"""The machine as it is now; with sudo as root sees it, if the caller's own home is meant."""

from __future__ import annotations

from collections.abc import Mapping

from gpgdoctor.collect import configuration, root_look
from gpgdoctor.collect.configuration import Source
from gpgdoctor.collect.machine import Look, LookOptions
from gpgdoctor.diagnosis import Diagnosis, diagnose
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix.files import Drifted

LOOK_DEADLINE_S = 5.0


def look(homedir: str | None, timeout_s: float = LOOK_DEADLINE_S, *, wake: bool = False) -> Diagnosis:
    """With ``wake`` a sleeping pcscd is started, by the one whom it is about."""
    facts = None if wake else _roots_look(homedir)
    return diagnose(facts or Look(LookOptions(homedir=homedir, timeout_s=timeout_s, wake=wake)).facts())


def look_with_files(homedir: str | None, timeout_s: float) -> tuple[Diagnosis, Mapping[str, Source]]:
    """The same, and the configuration files that were read for it, by path; raises Drifted."""
    facts, sources = _roots_look(homedir), None
    if facts is None:
        mine = Look(LookOptions(homedir=homedir, timeout_s=timeout_s))
        facts, sources = mine.facts(), mine.sources
    if sources is None:
        sources = configuration.read_again(known_or(facts.configuration.files, ()))
    if sources is None:
        raise Drifted("a configuration file changed while it was looked at")
    return diagnose(facts), sources


def _roots_look(homedir: str | None) -> Facts | None:
    if root_look.current is None:
        return None
    try:
        facts = root_look.current.facts()
    except root_look.NoLook:
        return None
    return facts if homedir in (None, known_or(facts.gnupg.homedir, None)) else None
