"""The root directory of the machine: Debian's packages unpacked, and what their maintainer scripts would have written.

The scripts do not run, because that takes root. What they do here, beside starting services, is little: users come from
sysusers.d and files from tmpfiles.d, PAM's common files and the enabled units are written below.
"""

from __future__ import annotations

import os
from pathlib import Path

from gpgdoctor.lab.machine.packages import foreign, remove, run_foreign

PROGRAM_DEADLINE_S = 120.0
ALICE, BOB = 1000, 1001  # uids: alice sits at the machine, bob only comes by ssh
ADDRESS = "192.0.2.1"  # RFC 5737; the machine has no network, but a session from 127.0.0.1 would not count as remote
GUEST_FILES = Path(__file__).parent / "guest"

DROPPED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/lib/klibc")

LOCAL_MASKED = (
    *("e2scrub_reap.service", "getty-static.service", "ldconfig.service", "systemd-binfmt.service"),
    *("systemd-firstboot.service", "systemd-hwdb-update.service", "systemd-journal-catalog-update.service"),
    *("systemd-pstore.service", "systemd-random-seed.service", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("dev-hugepages.mount", "proc-sys-fs-binfmt_misc.automount", "systemd-tmpfiles-clean.timer"),
    *("serial-getty@ttyS0.service", "serial-getty@hvc0.service"),
)
# As deb-systemd-helper enables them: link -> unit.
ENABLED = {
    "system/default.target": "system/multi-user.target",
    "system/getty.target.wants/getty@tty1.service": "system/getty@.service",
    "system/sockets.target.wants/pcscd.socket": "system/pcscd.socket",
    "system/multi-user.target.wants/ssh.service": "system/ssh.service",
    **{
        f"user/sockets.target.wants/{socket}": f"user/{socket}"
        for socket in ("gpg-agent.socket", "gpg-agent-ssh.socket", "gpg-agent-extra.socket", "gpg-agent-browser.socket")
    },
}
FILES = {
    "etc/hostname": "lab\n",
    "etc/hosts": f"127.0.0.1 localhost\n{ADDRESS} lab\n",
    "etc/fstab": "",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nshadow: files\nhosts: files\n",
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/environment": "",
    "etc/pam.d/common-auth": "auth sufficient pam_unix.so\nauth required pam_deny.so\n",
    "etc/pam.d/common-account": "account required pam_unix.so\n",
    "etc/pam.d/common-password": "password required pam_unix.so\n",
    "etc/pam.d/common-session": "session required pam_unix.so\nsession optional pam_systemd.so\n",
    "etc/pam.d/common-session-noninteractive": "session required pam_unix.so\n",
    "etc/sudoers.d/lab": "alice ALL=(ALL) NOPASSWD: ALL\nbob ALL=(ALL) NOPASSWD: ALL\n",
    "etc/ssh/sshd_config.d/lab.conf": "AuthorizedKeysFile /etc/ssh/lab_key.pub\nUseDNS no\n",
    "etc/sysusers.d/lab.conf": (
        f"u alice {ALICE} - /home/alice /bin/bash\nu bob {BOB} - /home/bob /bin/bash\n"
        "u pcscd - - /run/pcscd /usr/sbin/nologin\n"
    ),
    "etc/tmpfiles.d/lab.conf": (
        "d /home/alice 0700 alice alice\nd /home/bob 0700 bob bob\nd /opt/gpgdoctor 0755 root root\n"
    ),
    # Only the seat's agent may use its port, and the port is there before anybody logs in.
    "etc/udev/rules.d/99-lab.rules": 'SUBSYSTEM=="virtio-ports", ATTR{name}=="lab.seat", OWNER="alice", MODE="0600"\n'
    'KERNEL=="hvc0", OWNER="alice", MODE="0600"\n',
    "etc/systemd/system/getty@tty1.service.d/lab.conf": (
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty -a alice --noclear %I linux\nType=simple\n"
    ),
    "etc/profile.d/lab.sh": (
        '[ "$(tty)" = /dev/tty1 ] && exec python3 /usr/local/lib/lab/agent.py /dev/virtio-ports/lab.seat\n'
    ),
    "etc/systemd/system/lab-root.service": (
        "[Unit]\nDescription=Runs the lab's commands as root\nAfter=systemd-user-sessions.service\n"
        f"[Service]\nExecStartPre=/sbin/ip link set lo up\nExecStartPre=/sbin/ip address add {ADDRESS}/32 dev lo\n"
        "ExecStart=/usr/bin/python3 /usr/local/lib/lab/agent.py /dev/virtio-ports/lab.root\n"
        "Environment=HOME=/root\nKillMode=process\n"
    ),
    "usr/local/bin/gpgdoctor": (
        '#!/bin/sh\nPYTHONPATH=/opt/gpgdoctor PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 -m gpgdoctor "$@"\n'
    ),
}
# What maintainer scripts copy: file -> where from.
COPIES = {"etc/profile": "usr/share/base-files/profile", "etc/ssh/sshd_config": "usr/share/openssh/sshd_config"}
MODES = {"etc/sudoers.d/lab": 0o440, "usr/local/bin/gpgdoctor": 0o755}
LINKS = {
    "etc/systemd/system/multi-user.target.wants/lab-root.service": "/etc/systemd/system/lab-root.service",
    "usr/bin/pinentry": "pinentry-curses",
    "usr/bin/awk": "mawk",
    "etc/mtab": "../proc/self/mounts",
    "etc/localtime": "/usr/share/zoneinfo/Etc/UTC",
    "var/run": "/run",
    "var/lock": "/run/lock",
}


def configure(root: Path) -> None:
    """Make an unpacked tree a system that boots into its lab sessions."""
    remove(root, *DROPPED)
    for path, content in FILES.items():
        write(root / path, content, MODES.get(path, 0o644))
    for path, origin in COPIES.items():
        write(root / path, (root / origin).read_text(), 0o644)
    for path, target in LINKS.items():
        link(root / path, target)
    for path, unit in ENABLED.items():
        link(root / "etc" / "systemd" / path, f"/usr/lib/systemd/{unit}")
    for unit in LOCAL_MASKED:
        link(root / "etc" / "systemd" / "system" / unit, "/dev/null")
    write(root / "usr/local/lib/lab/agent.py", (GUEST_FILES / "agent.py").read_text(), 0o644)
    _users_and_keys(root)
    _compile(root)


def _users_and_keys(root: Path) -> None:
    base = root / "usr" / "share" / "base-passwd"
    write(root / "etc/passwd", (base / "passwd.master").read_text(), 0o644)
    write(root / "etc/group", (base / "group.master").read_text(), 0o644)
    write(root / "etc/shadow", "root:*:20000:0:99999:7:::\n", 0o640)
    for name, options in (("etc/ssh/ssh_host_ed25519_key", ()), ("etc/ssh/lab_key", ("-C", "lab"))):
        arguments = ("-q", "-t", "ed25519", "-N", "", *options, "-f", str(root / name))
        run_foreign(root, "bin/ssh-keygen", *arguments, deadline_s=PROGRAM_DEADLINE_S)


def _compile(root: Path) -> None:
    """What the packages' triggers compile: Python's modules, and the loader's cache."""
    python = {"PYTHONHOME": str(root / "usr")}
    modules = [str(root / "usr/lib" / directory) for directory in ("python3", "python3.13")]
    arguments = ("-m", "compileall", "-q", "-s", str(root), "--invalidation-mode", "unchecked-hash", *modules)
    run_foreign(root, "bin/python3.13", *arguments, deadline_s=PROGRAM_DEADLINE_S, env=python)


def compile_source(root: Path, source: Path) -> None:
    """Compile Python modules for the machine's Python, wherever they will lie there."""
    arguments = ("-m", "compileall", "-q", "-s", str(source), "--invalidation-mode", "unchecked-hash", str(source))
    env = {"PYTHONHOME": str(root / "usr")}
    run_foreign(root, "bin/python3.13", *arguments, deadline_s=PROGRAM_DEADLINE_S, env=env)


def write(path: Path, content: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()  # where it has anything in it, that is news
    path.unlink(missing_ok=True)
    os.symlink(target, path)


__all__ = ["compile_source", "configure", "foreign"]
