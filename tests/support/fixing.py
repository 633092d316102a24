"""What the tests of `fix` and `undo` share: the commands, and what they left behind."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Scenario, Step

SCDAEMON_CONF = ".gnupg/scdaemon.conf"
STATE = ".local/state/gpgdoctor"
OPTIONS = ("disable-ccid", "pcsc-shared")
CARD_STATUS = ["gpg", "--card-status"]

Done = subprocess.CompletedProcess[str]


def fix(lab: Lab, *arguments: str, **how: Any) -> Done:
    return lab.gpgdoctor("fix", *arguments, **how)


def undo(lab: Lab, *arguments: str, **how: Any) -> Done:
    return lab.gpgdoctor("undo", *arguments, **how)


def check(lab: Lab) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(lab.gpgdoctor("check", "--json").stdout)
    return document


def ills(lab: Lab) -> list[str]:
    """What check finds at warning or above, save for the cost that every plan with pcsc-shared announces."""
    return [it["id"] for it in check(lab)["findings"] if it["severity"] != "info" and it["id"] != "GD602"]


def read(lab: Lab, path: str = SCDAEMON_CONF) -> bytes | None:
    """The bytes of a file below the home, or None where it is not there."""
    try:
        return lab.room.read(lab._absolute(path))
    except FileNotFoundError:
        return None


def entries(lab: Lab) -> list[dict[str, Any]]:
    """The entries of the journal, oldest first."""
    listing = lab.run(["ls", f"{lab.home}/{STATE}"]).stdout.split()
    names = sorted(name for name in listing if name.startswith("fix-"))
    return [json.loads(lab.read(f"{STATE}/{name}")) for name in names]


def succeeds(done: Done, code: int = 0) -> Done:
    """The same, with its output in the failure if the code is another one."""
    assert done.returncode == code, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def gpg_works(lab: Lab) -> bool:
    return lab.run(CARD_STATUS, timeout=20).returncode == 0


def running(lab: Lab, name: str) -> list[int]:
    return [process["pid"] for process in lab.processes() if process["name"] == name and not process["zombie"]]


def shared_holder(**parts: Any) -> Scenario:
    """Another program shares the reader, and scdaemon was refused; later versions do not even ask pcscd."""
    parts = {"files": (), "steps": (Step(argv=tuple(CARD_STATUS), code=2),), **parts}
    return Scenario(name="shared-holder-variant", about="", clients=(Client(kind="shared"),), **parts)


def shared_holder_on_pcsc(**parts: Any) -> Scenario:
    """The same where every version asks pcscd."""
    return shared_holder(files=(ON_PCSC,), **parts)


def configured(content: str | bytes, **parts: Any) -> Scenario:
    return shared_holder(files=(File(path=SCDAEMON_CONF, content=content, **parts),))


STUBBORN = """\
#!/bin/sh
case $* in *--multi-server*) grep -q ^pcsc-shared "$HOME/.gnupg/scdaemon.conf" && exit 1;; esac
exec /tmp/real/scdaemon "$@"
"""


def make_stubborn(lab: Lab) -> None:
    """Have gpg-agent's scdaemon refuse to start with the cure, which a trial does not see."""
    lab.write("/tmp/scdaemon", STUBBORN, mode=0o755)
    scdaemon = "/usr/lib/gnupg/scdaemon"
    move = f"mkdir /tmp/real && cp {scdaemon} /tmp/real && mount --bind /tmp/scdaemon {scdaemon}"
    assert lab.run(["sh", "-c", move], user=0).returncode == 0
