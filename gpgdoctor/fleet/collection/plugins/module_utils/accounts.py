# Copyright (c) The gpgdoctor authors
# SPDX-License-Identifier: MIT
"""Runs the gpgdoctor of a host, for the account of the task or, as root, for others.

Root hands gpgdoctor the number of an account as sudo would; gpgdoctor then looks and writes with that account's
rights. What comes back may be the word of that account: it is bounded in time and size, and decoded once.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import pwd
import signal
import stat
import subprocess
import tempfile

OUTPUT_LIMIT_BYTES = 4 << 20
TEXT_LIMIT = 500
ACCOUNTS_LIMIT = 50
PATIENCE_S = 10
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLACES = ["/usr/local/bin", "/usr/bin", "/opt/gpgdoctor/bin"]
NO_LOGIN = ("nologin", "false", "sync", "halt", "shutdown")
UID_RANGE = {"UID_MIN": 1000, "UID_MAX": 60000}
DAEMONS = ("gpg-agent", "scdaemon")

ARGUMENTS = {
    "users": {"type": "list", "elements": "str"},
    "executable": {"type": "path"},
}


class CannotRun(Exception):
    """Why gpgdoctor gave no answer for an account."""


class Doctor:
    """The gpgdoctor of this host."""

    def __init__(self, module):
        """Ends the module where there is none, or none that root may run."""
        found = module.params["executable"] or module.get_bin_path("gpgdoctor", opt_dirs=PLACES)
        if not found or not os.access(found, os.X_OK):
            module.fail_json(
                msg="gpgdoctor is not on this host; the role gpgdoctor.fleet.gpgdoctor installs it", missing=True
            )
        objection = next(objections_to_program(found), None) if os.geteuid() == 0 else None
        if objection:
            module.fail_json(msg="gpgdoctor is not run as root: %s" % objection)
        self._path = found

    def ask(self, account, arguments, deadline_s):
        """The exit code, stdout and stderr of one command; raises CannotRun."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                # Not run_command, which bounds neither time nor size.
                process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                    [self._path] + arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    cwd="/",
                    env=environment_for(account),
                    start_new_session=True,
                )
            except OSError as error:
                raise CannotRun("%s cannot be run: %s" % (self._path, error.strerror))
            code = _wait(process, deadline_s)
            return code, _read(out), _read(err)

    def document(self, account, arguments, deadline_s):
        """The exit code and the JSON of one command; raises CannotRun."""
        code, out, err = self.ask(account, arguments, deadline_s)
        return code, decoded(out, "exit code %d, %s" % (code, first_line(err)))


def decoded(text, otherwise):
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CannotRun("gpgdoctor gave no document: %s" % otherwise)
    return document


def first_line(text):
    lines = text.strip().splitlines() or ["nothing was said"]
    return printable(lines[-1])


def printable(text):
    """On one line, whatever it holds."""
    return "".join(it if it.isprintable() else "\\x%02x" % ord(it) for it in text[:TEXT_LIMIT])


def environment_for(account):
    """Nothing of the caller's, but for the task's own account where its GnuPG is."""
    own = account.pw_uid == os.geteuid()
    kept = ("GNUPGHOME", "XDG_RUNTIME_DIR") if own and account.pw_uid != 0 else ()
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment.update(PATH=SEARCH_PATH, LC_ALL="C.UTF-8", PYTHONSAFEPATH="1")
    mine = pwd.getpwuid(os.geteuid())
    environment.update(HOME=mine.pw_dir, USER=mine.pw_name, LOGNAME=mine.pw_name)
    if not own:
        environment.update(SUDO_UID=str(account.pw_uid), SUDO_USER=account.pw_name)
    return environment


def _wait(process, deadline_s):
    try:
        return process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        pass
    # A fix that is interrupted puts back what it has done so far.
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(PATIENCE_S)
            break
        except (OSError, subprocess.TimeoutExpired):
            continue
    raise CannotRun("gpgdoctor did not end within %g s" % deadline_s)


def _read(stream):
    stream.seek(0)
    content = stream.read(OUTPUT_LIMIT_BYTES + 1)
    if len(content) > OUTPUT_LIMIT_BYTES:
        raise CannotRun("gpgdoctor printed more than %d MiB" % (OUTPUT_LIMIT_BYTES >> 20))
    return content.decode("utf-8", "backslashreplace")


def chosen(module):
    """The accounts that ``users`` names, and how many were left out; ends the module where one cannot be had."""
    names = module.params["users"]
    mine = pwd.getpwuid(os.geteuid())
    if not names:
        return [mine], 0
    if names == ["all"]:
        return everybody() if mine.pw_uid == 0 else ([mine], 0)
    accounts = [_account(module, name) for name in dict.fromkeys(names)]
    if mine.pw_uid != 0 and any(account.pw_uid != mine.pw_uid for account in accounts):
        module.fail_json(msg="only root can act for other accounts: use become")
    return accounts, 0


def _account(module, name):
    try:
        return pwd.getpwnam(name)
    except (KeyError, ValueError):
        return module.fail_json(msg="there is no account %s on this host" % printable(name))


def everybody():
    """People of this machine, who has a session, and who runs a daemon of GnuPG; those with a daemon come first."""
    busy = _with_daemons()
    lowest, highest = _uid_range()
    found = {uid for uid in busy | _with_sessions() if uid != 0 or uid in busy}
    # Of /etc/passwd alone: a directory service is not asked for its list.
    for row in _rows("/etc/passwd", ":", 7):
        person = row[2].isdigit() and lowest <= int(row[2]) <= highest
        if person and os.path.basename(row[6]) not in NO_LOGIN:
            found.add(int(row[2]))
    accounts = []
    for uid in sorted(found, key=lambda it: (it not in busy, it)):
        try:
            accounts.append(pwd.getpwuid(uid))
        except (KeyError, OverflowError):
            continue
    return accounts[:ACCOUNTS_LIMIT], max(0, len(accounts) - ACCOUNTS_LIMIT)


def _with_daemons():
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % entry, "rb") as name:
                if name.read(64).strip().decode("latin-1") in DAEMONS:
                    found.add(os.stat("/proc/%s" % entry).st_uid)
        except OSError:
            continue
    return found


def _with_sessions():
    found = set()
    try:
        entries = os.listdir("/run/user")
    except OSError:
        return found
    for name in entries:
        try:
            status = os.lstat(os.path.join("/run/user", name))
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode) and name == str(status.st_uid):
            found.add(status.st_uid)
    return found


def _uid_range():
    found = dict(UID_RANGE)
    for row in _rows("/etc/login.defs", None, 2):
        if row[0] in found and row[1].isdigit():
            found[row[0]] = int(row[1])
    return found["UID_MIN"], found["UID_MAX"]


def _rows(path, separator, length):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as table:
            rows = [line.split(separator) for line in table.read(4 << 20).splitlines()]
    except OSError:
        return []
    return [row for row in rows if len(row) == length]


def objections_to_program(path):
    """The same of a program, and of what runs it where it is a script."""
    found = list(objections(path))
    with open(path, "rb") as program:
        first = program.readline(256)
    words = first[2:].decode("utf-8", "surrogateescape").split() if first.startswith(b"#!") else []
    return iter(found + (list(objections(words[0])) if words else []))


def objections(path):
    """Why others than root could change a program: every directory and every link on the way to it tells."""
    todo, here, links = os.path.abspath(path).split("/")[::-1], "/", 0
    while todo:
        step = todo.pop()
        here = os.path.dirname(here) if step == ".." else os.path.join(here, step)
        try:
            status = os.lstat(here)
            link = os.readlink(here) if stat.S_ISLNK(status.st_mode) else None
        except OSError as error:
            yield "%s: %s" % (here, error.strerror)
            return
        if status.st_uid != 0:
            yield "%s does not belong to root" % here
        elif link is None and status.st_mode & (stat.S_IWOTH if status.st_gid == 0 else stat.S_IWOTH | stat.S_IWGRP):
            yield "%s is writable by others than root" % here
        if link is not None:
            links += 1
            if links > 40:
                yield "%s: too many links" % path
                return
            here = "/" if os.path.isabs(link) else os.path.dirname(here)
            todo += link.split("/")[::-1]
