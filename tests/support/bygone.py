"""A scdaemon from before pcsc-shared, for the one snapshot that needs it: Debian 11's, as long as mirrors have it."""

from __future__ import annotations

import hashlib
import tempfile
import urllib.request
from pathlib import Path

from gpgdoctor.lab.catalogue.common import SHARED_OPTIONS
from gpgdoctor.lab.debian import unpack
from gpgdoctor.lab.scenario import File, Scenario, Step
from tests.support import roots

PACKAGE = "pool/main/g/gnupg2/scdaemon_2.2.27-2+deb11u2_amd64.deb"
SHA256 = "0615e0ee30638195a68ff09606f4595c595f7bca690229d4ec337b622baeef03"
FETCH_DEADLINE_S = 60
IN_PLACE = """
set -e
chmod 755 /tmp/scdaemon
mount --bind /tmp/scdaemon "$(gpgconf --list-components | sed -n 's/^scdaemon:.*://p')"
"""


def scenario() -> Scenario:
    """pcsc-shared is set, and the scdaemon is 2.2.27; OSError where the package is not to be had any more."""
    return Scenario(
        name="too-old-for-pcsc-shared",
        about="pcsc-shared is set, and this scdaemon does not know it.",
        files=(SHARED_OPTIONS, File(path="/tmp/scdaemon", content=_scdaemon(), mode=0o755)),
        steps=(Step(argv=("sh", "-c", IN_PLACE)),),
        expect=("GD103",),
        gpg="works",
    )


def _scdaemon() -> bytes:
    with urllib.request.urlopen(f"{roots.mirror().rstrip('/')}/{PACKAGE}", timeout=FETCH_DEADLINE_S) as answer:
        package = answer.read()
    if hashlib.sha256(package).hexdigest() != SHA256:
        raise OSError(f"{PACKAGE} is not the package it was")
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "scdaemon.deb")
        archive.write_bytes(package)
        unpack([archive], Path(scratch))
        return Path(scratch, "usr/lib/gnupg/scdaemon").read_bytes()
