"""What several scenarios are made of."""

from __future__ import annotations

from gpgdoctor.lab.scenario import File, Reader, Step

CARD_STATUS = Step(argv=("gpg", "--card-status"))
CARD_STATUS_FAILS = Step(argv=("gpg", "--card-status"), code=2)

ANOTHER_READER = Reader(name="Gemalto PC Twin Reader")


def scdaemon_conf(*lines: str, only_since_2_3: bool = False) -> File:
    content = "".join(f"{line}\n" for line in lines)
    return File(path=".gnupg/scdaemon.conf", content=content, only_since_2_3=only_since_2_3)


SHARED_OPTIONS = scdaemon_conf("disable-ccid", "pcsc-shared")
DISABLE_CCID = scdaemon_conf("disable-ccid")
# For what is not about this line: later versions do not get to PC/SC without it, 2.2 does.
ON_PCSC = scdaemon_conf("disable-ccid", only_since_2_3=True)
