"""Where things are inside a room."""

from __future__ import annotations

# A room has its own of these; what it needs of the machine's is bound back in. /root, so that a Python in it can be run
# by the room's other users too, who could not enter the machine's.
CHANGED_DIRECTORIES = ("/tmp", "/run", "/home", "/root")

LAB_DIRECTORY = "/tmp/lab"
PROGRAMS = f"{LAB_DIRECTORY}/bin"
PCSCD_CONFIGURATION = f"{LAB_DIRECTORY}/reader.conf.d"
PCSCD_LOG = f"{LAB_DIRECTORY}/pcscd.log"
PCSCD_SOCKET = "/run/pcscd/pcscd.comm"
OWN_LIBRARIES = f"{LAB_DIRECTORY}/own"
CARDS = f"{LAB_DIRECTORY}/cards"

HOME = "/home/alice"
PATH = f"/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin:{PROGRAMS}"
