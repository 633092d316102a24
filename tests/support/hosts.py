"""Hosts of a fleet: each a lab of its own, with its own pcscd and scdaemon, reached by a real ssh."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.plan import SOURCE_TREE
from gpgdoctor.lab.room import Process
from gpgdoctor.lab.scenario import File, Scenario
from tests.support.unpacked import Unpacked

ALICE = 1001
PORT = 22
FOLDER = "/run/fleet"
DOCTOR = f"{FOLDER}/bin/gpgdoctor"
ACCOUNTS = f"""\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sshd:x:105:65534::/run/sshd:/usr/sbin/nologin
alice:x:{ALICE}:{ALICE}::/home/alice:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
SSHD_CONFIGURATION = f"""\
ListenAddress 127.0.0.1:{PORT}
HostKey {FOLDER}/host_key
AuthorizedKeysFile {FOLDER}/authorized_keys
PermitRootLogin yes
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
"""
# Carries bytes between ssh and the host's network namespace, in which nsenter starts it.
RELAY = """
import os, socket, sys, threading
there = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def pour(read, write):
    while chunk := read(65536):
        write(chunk)
def back():
    pour(there.recv, lambda chunk: os.write(1, chunk))
    os._exit(0)
threading.Thread(target=back, daemon=True).start()
pour(lambda size: os.read(0, size), there.sendall)
there.shutdown(socket.SHUT_WR)
threading.Event().wait()
"""


def for_ssh(scenario: Scenario, *others: str) -> Scenario:
    """The scenario on a machine that knows sshd's account, alice, and other lines of /etc/passwd."""
    accounts = File(path="/etc/passwd", content=ACCOUNTS + "".join(f"{line}\n" for line in others), mode=0o644)
    shadow = File(path="/etc/shadow", content="root:*:19000:0:99999:7:::\nalice:*:19000:0:99999:7:::\n")
    return replace(scenario, user=ALICE, files=(*scenario.files, accounts, shadow))


@dataclass(frozen=True, slots=True)
class Keys:
    """One pair for everybody, and a host's key, made for this test."""

    private: Path
    public: str
    host: Path

    @classmethod
    def made(cls, ssh: Unpacked, folder: Path) -> Keys:
        keygen = ssh.launcher("ssh-keygen", folder / "bin")
        for name in ("client", "host"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True, timeout=60)
        return cls(folder / "client", (folder / "client.pub").read_text(), folder / "host")


class Host:
    """A lab with an sshd in it."""

    def __init__(self, name: str, lab: Lab, ssh: Unpacked, keys: Keys, *, gpgdoctor: bool = True) -> None:
        self.name = name
        self.lab = lab
        self._put_ssh(ssh, keys)
        if gpgdoctor:
            self._put_gpgdoctor()
        self.sshd = self._start_sshd()

    def _put_ssh(self, ssh: Unpacked, keys: Keys) -> None:
        room = self.lab.room
        room.write(f"{FOLDER}/sshd", ssh.program("sshd").read_bytes(), mode=0o755, owner=0)
        for library in ssh.libraries:
            room.write(f"{FOLDER}/lib/{library.name}", library.read_bytes(), mode=0o644, owner=0)
        room.write(f"{FOLDER}/host_key", keys.host.read_bytes(), mode=0o600, owner=0)
        room.write(f"{FOLDER}/authorized_keys", keys.public.encode(), mode=0o644, owner=0)
        room.write(f"{FOLDER}/sshd_config", SSHD_CONFIGURATION.encode(), mode=0o644, owner=0)
        room.write("/run/sshd/.keep", b"", mode=0o644, owner=0)

    def _put_gpgdoctor(self) -> None:
        launcher = f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(SOURCE_TREE))} exec {shlex.quote(self.lab.python)} "
        content = f'{launcher}-B -m gpgdoctor "$@"\n'
        self.lab.room.write(DOCTOR, content.encode(), mode=0o755, owner=0)

    def _start_sshd(self) -> Process:
        argv = [f"{FOLDER}/sshd", "-D", "-e", "-f", f"{FOLDER}/sshd_config"]
        command = ["sh", "-c", f'exec "$0" "$@" 2>{FOLDER}/sshd.log', *argv]
        sshd = self.lab.room.popen(
            command, environment={"PATH": "/usr/bin:/usr/sbin", "LD_LIBRARY_PATH": f"{FOLDER}/lib"}
        )
        self.lab.wait_until(lambda: "listening on" in self.log(), f"sshd did not start: {self.log()}")
        return sshd

    def log(self) -> str:
        try:
            return self.lab.read(f"{FOLDER}/sshd.log")
        except FileNotFoundError:
            return ""

    def hang(self) -> None:
        """The network is there and sshd takes connections, but nobody speaks any more."""
        self.lab.signal(self.sshd.pid, signal.SIGSTOP)

    def line(self, folder: Path) -> str:
        """Its line in an inventory."""
        relay = folder / "relay.py"
        relay.write_text(RELAY)
        network = f"/proc/{self.lab.room.outside_pid}/ns/net"
        proxy = shlex.join(["nsenter", f"--net={network}", sys.executable, "-I", "-S", str(relay), str(PORT)])
        return f"{self.name} ansible_ssh_common_args={shlex.quote(f'-o ProxyCommand={shlex.quote(proxy)}')}"


def ssh_options(keys: Keys, sockets: Path) -> str:
    """No host key is known, none is kept, and a connection serves several tasks."""
    return shlex.join(
        [
            *("-F", os.devnull, "-i", str(keys.private)),
            *("-o", "UserKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR"),
            *("-o", "ControlMaster=auto", "-o", "ControlPersist=5", "-o", f"ControlPath={sockets}/%C"),
            *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
        ]
    )
