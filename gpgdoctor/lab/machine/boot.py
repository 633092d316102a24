"""The machine's only boot: what it is left to do before it is saved."""

from __future__ import annotations

from gpgdoctor.lab.machine.channel import Channel
from gpgdoctor.lab.machine.patience import patient
from gpgdoctor.lab.machine.qemu import CHANNELS, Emulator

BOOT_DEADLINE_S = 300.0
SETTLE_DEADLINE_S = 300.0

# Programs whose files are then in its memory, and need not be read after every restore.
WARM_UP = "python3 -c 'import typer, psutil, smartcard.scard' && gpg --version && udevadm settle && sync"


def wait_until_up(emulator: Emulator) -> None:
    """Until all that starts at boot has started, alice is logged in, and both channels answer."""
    as_root, at_the_seat = (Channel(emulator.connect(name)) for name in CHANNELS)
    for channel in (as_root, at_the_seat):
        channel.wait_for_hello(patient(BOOT_DEADLINE_S))
    as_root.run(["systemctl", "is-system-running", "--wait"], deadline_s=patient(SETTLE_DEADLINE_S))
    as_root.run(["sh", "-c", WARM_UP], deadline_s=patient(SETTLE_DEADLINE_S))
    for channel in (as_root, at_the_seat):
        channel.close()
