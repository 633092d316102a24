"""A whole Debian 13 in QEMU, with USB card readers made in Python: real udev, systemd, logind, polkit and pcscd.

Nothing is installed and nothing needs root: `root` unpacks Debian's packages into the cache and writes what their
maintainer scripts would have set up, `image` makes a disk of it, `build` boots it once and saves the running machine,
and every `Machine` is a copy of that one. The processor is emulated, so everything takes ten to twenty times longer.
"""

from __future__ import annotations
