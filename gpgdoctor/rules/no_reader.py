"""GD501: is there a reader?"""

from __future__ import annotations

from gpgdoctor.facts import Facts, Unknown, known, known_or
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.competition import UNSEEN
from gpgdoctor.rules.rule import (
    Advice,
    Found,
    NotApplicable,
    Stretch,
    Verdicts,
    advice,
    advise,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.services import PCSCD_DOES_NOT_RUN, SCDAEMON_STARTS, scdaemon_would_answer
from gpgdoctor.rules.usb_names import of_readers
from gpgdoctor.wording import Text, text

ASLEEP = "activator"


@rule(
    "GD501",
    "no-reader",
    "There is a reader.",
    worst="warning",
    causes=(*hidden_by("GD302", *UNSEEN, at_least="warning"), *hidden_by("GD404", "GD308")),
    earlier=SCDAEMON_STARTS,
    breaks=refuses(Stretch.READER, "no reader is plugged in"),
)
def no_reader(facts: Facts, verdicts: Verdicts) -> Found | None:
    if of_readers(facts):
        return None
    untold = _tells_nothing(facts)
    if not untold and known(facts.readers):
        return None
    if known(facts.pcscd.listener) is None and scdaemon.path(facts) is scdaemon.Path.PCSC:
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    return Found(
        severity="warning",
        summary=_where_none_is(facts, untold),
        effect=text('gpg says "No such device".') if scdaemon_would_answer(verdicts) else None,
        because=("readers", "usb"),
        note=text("A security key is on USB: it is for FIDO alone, and has no card.") if known(facts.usb) else None,
        cure=advise(_plug_in(facts)),
    )


def _where_none_is(facts: Facts, untold: bool) -> Text:
    if not untold:
        return text("Neither USB nor PC/SC knows a reader.")
    if known_or(facts.pcscd.listener, None) == ASLEEP:
        return text("No reader is on USB; pcscd, which may know one elsewhere, is asleep and was not asked.")
    return text("No reader is on USB, and PC/SC cannot tell of any.")


def _tells_nothing(facts: Facts) -> bool:
    """Whether PC/SC cannot be asked for readers, by a scdaemon that looks on USB first.

    From 2.3 on a pcscd that runs unseen may still be what has the reader (GD205): then it stays unknown.
    """
    if not isinstance(facts.readers, Unknown):
        return False
    way = scdaemon.path(facts)
    if way is scdaemon.Path.PCSC:
        return False
    if facts.pcscd.listener == ASLEEP:
        return way is scdaemon.Path.OWN_DRIVER  # 2.2 would wake it, and may find one elsewhere
    if not isinstance(facts.pcscd.library, Unknown) and not facts.pcscd.library.usable:
        return True
    is_mute = facts.pcscd.listener == "pcscd" and known_or(facts.pcscd.answer, "ok") != "ok"
    return is_mute and way is scdaemon.Path.OWN_DRIVER_THEN_PCSC


def _plug_in(facts: Facts) -> Advice:
    if known_or(facts.host.container, None) == "wsl":
        return advice(
            "In WSL2 Windows has the device: attach it from there with usbipd, after usbipd bind, once.",
            ("usbipd.exe", "list"),
            ("usbipd.exe", "attach", "--wsl", "--busid", "BUSID"),
        )
    return advice(
        "Plug the reader or token in, straight into the computer. In a virtual machine or a container, hand the "
        "USB device through. One that is plugged in and not seen may be blocked: see GD404."
    )
