"""Daemons and libraries that are missing, dead, asleep or somebody else's."""

from __future__ import annotations

from gpgdoctor.lab.catalogue.common import DISABLE_CCID, ON_PCSC
from gpgdoctor.lab.scenario import Listener, Scenario

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
)
