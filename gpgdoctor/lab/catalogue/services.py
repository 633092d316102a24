"""Daemons and libraries that are missing, dead, asleep or somebody else's."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import CARD_STATUS, DISABLE_CCID, ON_PCSC
from gpgdoctor.lab.layout import HOME
from gpgdoctor.lab.scenario import File, Listener, Scenario, Step

# A GnuPG of its own, as Homebrew and Nix profiles have it, and its agent on the home of everybody's.
ANOTHER_GNUPG = f"""
set -e
prefix={HOME}/.linuxbrew
mkdir -p $prefix/bin $prefix/libexec
cp "$(command -v gpg-agent)" $prefix/bin/
cp "$(gpgconf --list-components | sed -n 's/^scdaemon:.*://p')" $prefix/libexec/scdaemon
$prefix/bin/gpg-agent --daemon --scdaemon-program $prefix/libexec/scdaemon
"""

SCENARIOS = (
    Scenario(
        name="pcscd-never-started",
        about="scdaemon is told to use pcscd, and no pcscd runs.",
        pcscd="never-started",
        files=(DISABLE_CCID,),
        expect=("GD301",),
        gpg="fails",
    ),
    Scenario(
        name="pcscd-not-installed",
        about="scdaemon is told to use pcscd, and there is none.",
        pcscd="never-started",
        hidden=("pcscd",),
        files=(DISABLE_CCID,),
        expect=("GD301",),
        gpg="fails",
    ),
    Scenario(
        name="stale-socket",
        about="pcscd was killed, and left its socket behind.",
        pcscd="killed",
        files=(ON_PCSC,),
        expect=("GD302",),
        gpg="fails",
    ),
    Scenario(
        name="pcscd-stopped",
        about="pcscd is there and does not answer: gpg hangs.",
        pcscd="stopped",
        files=(ON_PCSC,),
        expect=("GD303",),
        gpg="hangs",
    ),
    Scenario(
        name="pcscd-asleep",
        about="pcscd does not run, and the service manager will start it when somebody calls.",
        pcscd="never-started",
        listeners=(Listener(path="/run/pcscd/pcscd.comm", program="systemd"),),
        files=(DISABLE_CCID,),
        info=("GD309",),
    ),
    Scenario(
        name="no-libpcsclite",
        about="The library with which programs talk to pcscd is missing.",
        hidden=("libpcsclite",),
        files=(ON_PCSC,),
        expect=("GD305",),
        gpg="fails",
    ),
    Scenario(
        name="no-scdaemon",
        about="scdaemon is not installed.",
        hidden=("scdaemon",),
        expect=("GD306",),
        gpg="fails",
    ),
    Scenario(
        name="no-gnupg",
        about="GnuPG is not installed.",
        hidden=("gnupg",),
        expect=("GD307",),
    ),
    Scenario(
        name="empty-machine",
        about="Neither GnuPG nor pcscd nor its library is installed, as in an empty container.",
        readers=(),
        pcscd="never-started",
        hidden=("gnupg", "scdaemon", "pcscd", "libpcsclite"),
        expect=("GD307",),
    ),
    Scenario(
        name="agent-elsewhere",
        about="The agent's socket belongs to another program, as with a forwarded agent.",
        listeners=(Listener(path="{sockets}/S.gpg-agent", program="sshd"),),
        files=(ON_PCSC,),
        expect=("GD308",),
    ),
    Scenario(
        name="keyboxd-missing",
        about="GnuPG is told to keep its public keys with keyboxd, which is not there; 2.2 knows no such thing.",
        hidden=("keyboxd",),
        files=(ON_PCSC, File(path=".gnupg/common.conf", content="use-keyboxd\n")),
        expect_since_2_3=("GD315",),
    ),
    Scenario(
        name="two-gnupgs",
        about="The agent and the scdaemon of another installation serve this home.",
        files=(ON_PCSC,),
        steps=(Step(argv=("sh", "-c", ANOTHER_GNUPG)), CARD_STATUS),
        expect=("GD316",),
        gpg="works",
    ),
    Scenario(
        name="pcscd-without-drivers",
        about="pcscd runs, and no driver for any reader is installed.",
        readers=(),
        files=(ON_PCSC,),
        expect=("GD314", "GD501"),
        gpg="fails",
    ),
)
