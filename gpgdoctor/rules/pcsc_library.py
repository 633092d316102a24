"""GD305: whether the PC/SC library can be loaded, by every program or by scdaemon alone."""

from __future__ import annotations

from gpgdoctor.facts import Facts, PcscDriver, Unknown, known
from gpgdoctor.rules.rule import Cure, Found, Stretch, by_hand, refuses, rule
from gpgdoctor.rules.services import AGENT_ELSEWHERE, install, severity_for_pcsc
from gpgdoctor.wording import free, path, text

OF_MUSL = "libpcsclite.so"  # scd/scdaemon.c, DEFAULT_PCSC_DRIVER where it is not built with glibc


@rule(
    "GD305",
    "pcsc-library-missing",
    "The PC/SC library can be loaded.",
    worst="error",
    causes=AGENT_ELSEWHERE,
    breaks=refuses(Stretch.PCSCD, "the PC/SC library is missing"),
)
def pcsc_library_missing(facts: Facts) -> Found | None:
    library = known(facts.pcscd.library)
    if library.usable:
        return None
    if library.name == OF_MUSL:
        return _only_scdaemons(facts, library)
    return Found(
        severity=severity_for_pcsc(facts, of_library=True),
        summary=text(
            "{library} cannot be loaded: {reason}.", library=path(library.name), reason=free(str(library.reason))
        ),
        effect=text("No program reaches a card through PC/SC."),
        because=("pcscd.library",),
        cure=get(facts),
    )


def is_missing(facts: Facts) -> bool:
    """Whether it is known that the library cannot be loaded."""
    library = facts.pcscd.library
    return not isinstance(library, Unknown) and not library.usable


def get(facts: Facts) -> Cure:
    """How to get the library."""
    return install(facts, "the PC/SC library", {"debian": "libpcsclite1", "fedora": "pcsc-lite-libs"})


def _only_scdaemons(facts: Facts, library: PcscDriver) -> Found:
    """A scdaemon that is built with musl takes another name of the library than all other programs do."""
    return Found(
        severity=severity_for_pcsc(facts, of_library=True),
        summary=text(
            "scdaemon loads {library}, the name that comes with pcsc-lite's headers: {reason}.",
            library=path(library.name),
            reason=free(str(library.reason)),
        ),
        effect=text("scdaemon reaches no card through PC/SC; other programs do."),
        because=("pcscd.library", "gnupg.scdaemon"),
        cure=by_hand(
            "Add the line `pcsc-driver libpcsclite.so.1` to scdaemon.conf and restart scdaemon, or install the package "
            "with pcsc-lite's headers (pcsc-lite-dev, pcsclite-devel).",
            ("gpgconf", "--kill", "scdaemon"),
        ),
    )
