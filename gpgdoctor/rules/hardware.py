"""GD5xx: is there a reader, is there a card, does either answer?"""

from __future__ import annotations

from gpgdoctor.facts import Facts, NotKnown, UsbInterface, known, known_or
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.access import name_of
from gpgdoctor.rules.contention import NO_PCSCD, NO_READER, UNSEEN
from gpgdoctor.rules.rule import Advice, Cure, Found, NotApplicable, Severity, Subject, rule
from gpgdoctor.rules.rule import readers as each_reader
from gpgdoctor.rules.services import severity_for_pcsc


@rule(
    "GD501",
    "no-reader",
    "There is a reader.",
    worst="warning",
    needs=tuple(id for id in NO_PCSCD if id != "GD301"),
    not_behind_info=UNSEEN,
)
def no_reader(facts: Facts) -> Found | None:
    if known(facts.usb):
        return None
    if known(facts.readers):
        return None
    if known(facts.pcscd.listener) is None and scdaemon.path(facts) is scdaemon.Path.PCSC:
        raise NotApplicable("folded under GD301")
    return Found(
        severity="warning",
        summary="Neither USB nor PC/SC knows a reader.",
        effect='gpg says "No such device".',
        because=("readers", "usb"),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Plug the reader or token in, straight into the computer. In a virtual machine or a "
                    "container, hand the USB device through.",
                ),
            ),
        ),
    )


def _devices(facts: Facts) -> list[Subject]:
    """One subject for each USB device: whoever has one of its interfaces has them all."""
    found: dict[str, Subject] = {}
    for number, interface in sorted(enumerate(known(facts.usb)), key=lambda item: not item[1].ccid):
        found.setdefault(_device(interface), Subject(name=name_of(interface), index=number))
    return list(found.values())


def _device(interface: UsbInterface) -> str:
    return interface.name.partition(":")[0]


@rule(
    "GD502",
    "reader-unknown-to-pcscd",
    "pcscd knows every card reader on USB.",
    worst="error",
    each=_devices,
    needs=NO_PCSCD,
    nothing="no card reader is on USB",
)
def reader_unknown_to_pcscd(facts: Facts, index: int) -> Found | None:
    interface = known(facts.usb)[index]
    if not interface.ccid and known_or(interface.in_libccid, False) is not True:
        return _switched_off(facts, index)
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable("pcscd does not run")
    why = _why_not_listed(facts, interface)
    if why is None:
        return None
    return Found(
        severity=_severity(facts),
        summary=f"{name_of(interface)} is on USB, and pcscd does not list it: {why}.",
        because=(*(f"usb[{index}].{fact}" for fact in ("vendor", "product", "in_libccid")), "readers"),
        cure=Cure(applicability="manual", advice=(_have_it_listed(interface),)),
    )


def _why_not_listed(facts: Facts, interface: UsbInterface) -> str | None:
    drivers = {known(it.driver) for it in known(facts.usb) if _device(it) == _device(interface)}
    if "usbfs" in drivers:
        return _why_not_pcscds(facts, interface)
    if known_or(interface.in_libccid, True) is False:
        return f"its drivers do not know the product {interface.vendor}:{interface.product}"
    kernel = next((driver for driver in sorted(filter(None, drivers))), None)
    if kernel is not None:
        return f"the kernel's driver {kernel} has it"
    return "it could not be opened when pcscd saw it first, and pcscd does not try again"


def _why_not_pcscds(facts: Facts, interface: UsbInterface) -> str | None:
    """Of a device that a program has claimed: pcscd, as far as it lists enough readers for all of them."""
    if holding.holds_by_own_driver(facts):
        return None
    names = [reader.name for reader in known(facts.readers)]
    claimed = {_device(it): known_or(it.title, "") for it in known(facts.usb) if known(it.driver) == "usbfs"}
    unnamed = [name for name in names if not any(title and title in name for title in claimed.values())]
    unlisted = [device for device, title in claimed.items() if not any(title and title in name for name in names)]
    if _device(interface) not in unlisted or len(unlisted) <= len(unnamed):
        return None
    if unnamed:
        raise NotKnown(
            "pcscd lists fewer readers than programs have claimed, and which of them is missing is not clear"
        )
    return "another program has claimed it on USB"


def _severity(facts: Facts) -> Severity:
    """No harm is done where scdaemon finds a card in a reader that is listed."""
    if any("PRESENT" in known_or(reader.state, ()) for reader in known(facts.readers)):
        return "info"
    return severity_for_pcsc(facts)


def _have_it_listed(interface: UsbInterface) -> Advice:
    if known_or(interface.in_libccid, True) is False:
        return Advice(text="Install a newer libccid, or the driver of its maker, then plug the reader in again.")
    return Advice(
        text="Plug it in again. If that does not help, pcscd's log says why.",
        commands=(("journalctl", "-u", "pcscd", "-n", "30"),),
    )


def _switched_off(facts: Facts, index: int) -> Found | None:
    """A token whose card function is not there. It is no matter as long as there is a reader."""
    interface = known(facts.usb)[index]
    if any(it.ccid or known_or(it.in_libccid, False) for it in known(facts.usb)) or known_or(facts.readers, ()):
        return None
    return Found(
        severity="error" if scdaemon.wanted(facts) else "warning",
        summary=f"{name_of(interface)} shows no card interface: its card function is switched off, or it has none.",
        effect="Neither scdaemon nor pcscd finds a card in it.",
        because=tuple(f"usb[{index}].{fact}" for fact in ("vendor", "product", "ccid")),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Switch it on, then plug the token in again:",
                    commands=(("ykman", "config", "usb", "--enable", "OPENPGP"),),
                ),
            ),
        ),
    )


def _listed(facts: Facts) -> list[Subject]:
    """A subject for each reader of PC/SC; none where scdaemon does without a pcscd that is asleep."""
    if known(facts.pcscd.listener) == "activator" and not scdaemon.reaches_through_pcsc(facts):
        raise NotApplicable("pcscd is asleep, and scdaemon does not use it")
    return each_reader(facts)


def _empty(facts: Facts) -> list[int]:
    """The readers in which a card is missing: all of them, or the one that scdaemon insists on."""
    readers = [known(reader.state) for reader in known(facts.readers)]
    if all("EMPTY" in state for state in readers):
        return list(range(len(readers)))
    if not any("EMPTY" in state for state in readers):
        return []
    if known_or(facts.gnupg.scdaemon_version, None) is None:
        return []
    taken = scdaemon.reader_taken(facts) if scdaemon.reaches_through_pcsc(facts) else None
    return [taken] if taken is not None and taken < len(readers) and "EMPTY" in readers[taken] else []


@rule("GD503", "no-card", "There is a card in a reader.", worst="info", needs=(*NO_PCSCD, "GD501"))
def no_card(facts: Facts) -> Found | None:
    readers = known(facts.readers) if _listed(facts) else ()
    if not readers:
        raise NotApplicable(NO_READER)
    empty = _empty(facts)
    if not empty:
        return None
    if len(empty) < len(readers):
        summary = f"scdaemon takes {readers[empty[0]].name}, and that reader is empty; a card is in another one."
        advice = Advice(text="Put the card there, or name the other reader with reader-port in scdaemon.conf.")
    else:
        summary = "All readers are empty." if len(readers) > 1 else "The reader is empty."
        advice = Advice(text="Put the card in, the chip first.")
    return Found(
        severity="info",
        summary=summary,
        effect='gpg says "No such device", as for everything else.',
        because=tuple(f"readers[{number}].state" for number in empty),
        cure=Cure(applicability="manual", advice=(advice,)),
    )


@rule(
    "GD504",
    "mute-card",
    "The card answers when it is powered.",
    worst="error",
    each=_listed,
    needs=NO_PCSCD,
    nothing=NO_READER,
)
def mute_card(facts: Facts, index: int) -> Found | None:
    if "MUTE" not in known(known(facts.readers)[index].state):
        return None
    return Found(
        severity="error",
        summary="A card is in this reader, and it does not answer.",
        effect="No program can use it.",
        because=(f"readers[{index}].state",),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(
                    text="Take the card out, see that its chip is clean and faces the right way, and put it in again."
                ),
            ),
        ),
    )


@rule(
    "GD505",
    "reader-unavailable",
    "pcscd can talk to the reader.",
    worst="error",
    each=_listed,
    needs=NO_PCSCD,
    nothing=NO_READER,
)
def reader_unavailable(facts: Facts, index: int) -> Found | None:
    if "UNAVAILABLE" not in known(known(facts.readers)[index].state):
        return None
    return Found(
        severity="error",
        summary="pcscd lists this reader, but cannot talk to it.",
        effect="No program can use it, until it is plugged in again.",
        because=(f"readers[{index}].state",),
        cure=Cure(
            applicability="manual",
            advice=(
                Advice(text="Unplug the reader, wait a moment, plug it in again; after a suspend this is common."),
            ),
        ),
    )
