"""A user swaps what she owns for links while root works on her home: nothing of root's is read or written.

How often that was swapped in a run stands in its output: pytest tests/fix/test_fix_swaps.py -rA
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gpgdoctor.lab.handles import read_line
from gpgdoctor.lab.lab import Lab
from tests.support.fixing import configured, succeeds

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="it is root that is to be deceived")]
OpenLab = Callable[..., Lab]

ROUNDS, SHE = 5, 1001
SECRET = "planted-secret-of-root"
ROOTS_HOME, ENOUGH = "/tmp/roots", "/tmp/enough"
MAKE = f"""
umask 077; mkdir {ROOTS_HOME}
printf 'reader-port {SECRET}\\npcsc-sharde\\n' >{ROOTS_HOME}/scdaemon.conf
"""
# Each step is one rename, so that whoever looks meets the one or the other, and never nothing.
SWAPPER = """
import os, sys, time
home, roots, what = sys.argv[1:]
swaps = 0
place, target = (home, roots) if what == "home" else (home + "/scdaemon.conf", roots + "/scdaemon.conf")
print("begun", flush=True)
while not os.path.exists("ENOUGH"):
    if what == "home":
        os.rename(place, place + ".mine")
        os.symlink(target, place)
        time.sleep(0.002)
        os.unlink(place)
        os.rename(place + ".mine", place)
    else:
        os.symlink(target, place + ".link")
        os.rename(place + ".link", place)
        time.sleep(0.002)
        with open(place + ".file", "w") as file:
            file.write("pcsc-sharde\\n")
        os.rename(place + ".file", place)
    swaps += 1
    time.sleep(0.002)
print(swaps, flush=True)
""".replace("ENOUGH", ENOUGH)
COMMANDS = (
    ("check", "--no-redact", "-v"),
    ("fix", "--dry-run"),
    ("fix", "--yes", "--no-verify"),
    ("undo",),
)


@pytest.mark.parametrize("what", ["file", "home"])
def test_nothing_of_roots_is_read_or_written(what: str, open_lab: OpenLab) -> None:
    lab = open_lab(configured("pcsc-sharde\n"), user=SHE)
    assert lab.run(["sh", "-ec", MAKE], user=0).returncode == 0
    before = roots_files(lab)
    home = f"{lab.home}/.gnupg"
    swapper = lab.popen([lab.python, "-c", SWAPPER, home, ROOTS_HOME, what])
    assert read_line(swapper) == "begun"
    runs = [
        (words, lab.gpgdoctor(*words, *(() if words[0] == "undo" else ("--homedir", home)), user=0))
        for _ in range(ROUNDS)
        for words in COMMANDS
    ]
    lab.write(ENOUGH, "")
    swaps = int(read_line(swapper))
    defects = lab.run(["sh", "-c", "cat /tmp/gpgdoctor-*.log"], user=0).stdout
    assert not defects, defects
    for words, done in runs:
        assert SECRET not in done.stdout + done.stderr, words
        assert done.returncode in (0, 1, 2, 3, 4) and "Traceback" not in done.stderr, (words, done)
    assert roots_files(lab) == before
    print(f"{what}: {swaps} swaps while root ran {len(runs)} commands")
    assert swaps > len(runs)


def roots_files(lab: Lab) -> str:
    """What root's directory holds: names, modes, owners and bytes."""
    shown = lab.run(["sh", "-c", f"cd {ROOTS_HOME} && stat -c '%n %a %u %g %Y' . * && cat *"], user=0)
    return succeeds(shown).stdout
