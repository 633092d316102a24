"""scdaemon.conf, gpg-agent.conf and common.conf as the installed programs read them. No input, no output."""

from __future__ import annotations

from gpgdoctor.scdaemon_conf.edits import Add, Change, CommentOut, Replace, cure, diff, mend, rewrite
from gpgdoctor.scdaemon_conf.force import Complaint, Effective, Lock, Role, Setting, Voided, fatal_errors, stops
from gpgdoctor.scdaemon_conf.kinds import classify
from gpgdoctor.scdaemon_conf.lines import MESSAGES, Line
from gpgdoctor.scdaemon_conf.meaning import near
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, Option, OptionTable, parse_option_table
from gpgdoctor.scdaemon_conf.reading import in_force, parse, read

__all__ = [
    "COMMON_OPTIONS",
    "MESSAGES",
    "Add",
    "Change",
    "CommentOut",
    "Complaint",
    "Effective",
    "Line",
    "Lock",
    "Option",
    "OptionTable",
    "Replace",
    "Role",
    "Setting",
    "Voided",
    "classify",
    "cure",
    "diff",
    "fatal_errors",
    "in_force",
    "mend",
    "near",
    "parse",
    "parse_option_table",
    "read",
    "rewrite",
    "stops",
]
