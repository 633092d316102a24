"""scdaemon.conf, gpg-agent.conf and common.conf as the installed programs read them. No input, no output."""

from __future__ import annotations

from gpgdoctor.scdaemon_conf.kinds import classify
from gpgdoctor.scdaemon_conf.lines import MESSAGES, Line
from gpgdoctor.scdaemon_conf.meaning import near
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, Option, OptionTable, parse_option_table
from gpgdoctor.scdaemon_conf.reading import (
    Complaint,
    Effective,
    Role,
    Setting,
    Voided,
    fatal_errors,
    in_force,
    parse,
    stops,
)

__all__ = [
    "COMMON_OPTIONS",
    "MESSAGES",
    "Complaint",
    "Effective",
    "Line",
    "Option",
    "OptionTable",
    "Role",
    "Setting",
    "Voided",
    "classify",
    "fatal_errors",
    "in_force",
    "near",
    "parse",
    "parse_option_table",
    "stops",
]
