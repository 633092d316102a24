"""GD502 to GD505: does pcscd know the reader, is there a card, does either answer?"""

from __future__ import annotations

from gpgdoctor.facts import Facts, NotKnown, UsbInterface, known, known_or
from gpgdoctor.rules import cures, holding, kernel, own_reader, scdaemon, second_pcscd, usb_access
from gpgdoctor.rules.contention import NO_PCSCD, NO_READER
from gpgdoctor.rules.reader_state import Card, card
from gpgdoctor.rules.rule import (
    Advice,
    Cure,
    Explained,
    Found,
    Holds,
    NotApplicable,
    Severity,
    Stretch,
    Subject,
    Subjects,
    Verdicts,
    advice,
    advise,
    by_hand,
    hidden_by,
    refuses,
    rule,
)
from gpgdoctor.rules.rule import readers as each_reader
from gpgdoctor.rules.services import (
    PCSCD_DOES_NOT_RUN,
    SCDAEMON_STARTS,
    is_without_scdaemon,
    scdaemon_would_answer,
    severity_for_pcsc,
)
from gpgdoctor.rules.usb_names import device_of, name_of, of_readers
from gpgdoctor.wording import Text, public, text

# What keeps pcscd from listing any reader; and what explains that it lists this one not.
KEEP_PCSCD = ("GD301", "GD302", "GD303", "GD304", "GD305", "GD311", "GD401", "GD314")
# libusb's codes for a device that is asleep, or that left in between.
SAID_OF_WHAT_WENT = ("IO", "NO_DEVICE", "NOT_FOUND", "PIPE", "TIMEOUT")


def _devices(facts: Facts) -> Subjects:
    """One subject for each USB device: a program that has one of its interfaces has the whole device."""
    if holding.is_served_unseen(facts):
        return Holds(why=holding.SERVED)
    found: dict[str, Subject] = {}
    for number, interface in sorted(of_readers(facts), key=lambda item: not item[1].ccid):
        found.setdefault(device_of(interface), Subject(name=name_of(interface), index=number))
    return list(found.values())


@rule(
    "GD502",
    "reader-unknown-to-pcscd",
    "pcscd knows every card reader on USB.",
    worst="error",
    each=_devices,
    causes=hidden_by("GD308", "GD206", "GD208"),
    earlier=(*KEEP_PCSCD, "GD402"),
    no_subject=usb_access.NONE_ON_USB,
    breaks=refuses(Stretch.READER, "pcscd does not see the reader"),
)
def reader_unknown_to_pcscd(facts: Facts, index: int, verdicts: Verdicts) -> Found | None:
    interface = known(facts.usb)[index]
    if not interface.ccid and known_or(interface.in_libccid, False) is not True:
        return _switched_off(facts, index)
    served = known_or(facts.pcscd.listener, None) == "pcscd" and not any(map(verdicts.found, KEEP_PCSCD))
    if not served and not is_without_scdaemon(facts) and kernel.keeps_all_out(facts, interface):
        return kernel.has_it(facts, index)
    for id in KEEP_PCSCD:
        if verdicts.found(id):
            raise Explained(id)
    if known_or(interface.in_libccid, True) and usb_access.keeps_unlisted(facts, index, verdicts):
        raise Explained("GD402")
    if known(facts.pcscd.listener) != "pcscd":
        raise NotApplicable(PCSCD_DOES_NOT_RUN)
    why = _why_not_listed(facts, interface)
    if why is None:
        return None
    rivals = second_pcscd.rivals(facts) if _is_taken(facts, interface) else []
    first = second_pcscd.stop(rivals) if rivals else kernel.take_off(facts, interface)
    return Found(
        severity=_severity(facts, interface),
        summary=text(
            "{reader} is on USB, and pcscd does not list it: {why}.",
            reader=name_of(interface),
            why=second_pcscd.has_it(rivals) if rivals else why,
        ),
        because=(
            *(f"usb[{index}].{fact}" for fact in ("vendor", "product", "in_libccid")),
            "readers",
            *holding.places(facts, rivals),
        ),
        culprits=second_pcscd.culprits(facts, rivals),
        cure=_have_it_listed(facts, interface, first),
    )


def _is_taken(facts: Facts, interface: UsbInterface) -> bool:
    """Whether another program has the device, or had it when pcscd tried."""
    if any(known(it.driver) == "usbfs" for it in known(facts.usb) if device_of(it) == device_of(interface)):
        return True
    return known_or(interface.in_libccid, True) and _code(facts) == "BUSY"


def _why_not_listed(facts: Facts, interface: UsbInterface) -> Text | None:
    if "usbfs" in {known(it.driver) for it in known(facts.usb) if device_of(it) == device_of(interface)}:
        return _why_not_pcscds(facts, interface)
    if known_or(interface.in_libccid, True) is False:
        product = public(f"{interface.vendor}:{interface.product}")
        return text("its drivers do not know the product {product}", product=product)
    driver = kernel.driver_of_device(facts, interface)
    if driver is not None:
        return text("the kernel's driver {driver} has it", driver=public(driver))
    if _is_listed_after_all(facts, interface):
        return None
    return _as_logged(facts)


def _is_listed_after_all(facts: Facts, interface: UsbInterface) -> bool:
    """A claim may be given back while nobody uses the reader: its name is in PC/SC's list then."""
    title = known_or(interface.title, "")
    return bool(title) and any(title in reader.name for reader in known(facts.readers))


def _as_logged(facts: Facts) -> Text:
    """The reason that pcscd's log gives; else what it may be, and no more."""
    code = _code(facts)
    if code:
        return text("it could not be opened (LIBUSB_ERROR_{code}, says its log)", code=public(code))
    return text("it may have been in use or closed to pcscd when it was seen first, or pcscd is older than the plug")


def _code(facts: Facts) -> str | None:
    """What libusb said when pcscd last failed to open a reader, by its log."""
    codes = [event.code for event in known_or(facts.pcscd.log, ()) if event.kind == "open-failed" and event.code]
    return codes[-1] if codes else None


def _why_not_pcscds(facts: Facts, interface: UsbInterface) -> Text | None:
    """Of a device that a program has claimed: pcscd, as far as it lists enough readers for all of them."""
    if holding.holds_by_own_driver(facts):
        return None
    names = [reader.name for reader in known(facts.readers)]
    claimed = {device_of(it): known_or(it.title, "") for it in known(facts.usb) if known(it.driver) == "usbfs"}
    unnamed = [name for name in names if not any(title and title in name for title in claimed.values())]
    unlisted = [device for device, title in claimed.items() if not any(title and title in name for name in names)]
    if device_of(interface) not in unlisted or len(unlisted) <= len(unnamed):
        return None
    if unnamed:
        raise NotKnown(
            text("pcscd lists fewer readers than programs have claimed, and which of them is missing is not clear")
        )
    return text("another program has claimed it on USB")


def _severity(facts: Facts, interface: UsbInterface) -> Severity:
    """No harm is done where scdaemon finds a card in a reader that is listed."""
    if any("PRESENT" in known_or(reader.state, ()) for reader in known(facts.readers)):
        return "info"
    return severity_for_pcsc(facts, unlisted=interface)


def _have_it_listed(facts: Facts, interface: UsbInterface, first: tuple[Advice, ...]) -> Cure:
    if known_or(interface.in_libccid, True) is False:
        newer = advice("Install a newer libccid, or the driver of its maker, then let pcscd look again.")
        return cures.without_disable_ccid(facts, interface, newer)
    systemd = known_or(facts.host.init, "") == "systemd"
    restart = advice(
        "Let pcscd look again; a restart cuts its other programs off from their cards:",
        *((("sudo", "systemctl", "restart", "pcscd.service"),) if systemd else (("sudo", "pcscd", "--hotplug"),)),
    )
    may_do_without = bool(cures.without_disable_ccid(facts, interface, restart).changes)
    without = (advice("Or take disable-ccid out of scdaemon.conf: scdaemon's own driver could open it now."),)
    see = advice("Its log says why it was not opened:", ("journalctl", "-b", "-u", "pcscd", "-n", "30"))
    if first:
        return advise(*first, restart)
    replug = () if interface.removable == "fixed" else (advice("Or plug it in again."),)
    return advise(restart, *(without if may_do_without else ()), *replug, *_keep_awake(facts, interface), see)


def _keep_awake(facts: Facts, interface: UsbInterface) -> tuple[Advice, ...]:
    """Where the reader may have been put to sleep: nobody has it, and libusb says what it says of one that went."""
    if known(interface.driver) is not None or _code(facts) not in (None, *SAID_OF_WHAT_WENT):
        return ()
    control = text("/sys/bus/usb/devices/{device}/power/control", device=public(device_of(interface)))
    return (
        advice(
            "If it was there and went, USB may have put it to sleep (autosuspend), which `auto` here allows. With "
            "`on` written there it stays awake; the explanation has how.",
            ("cat", control),
        ),
    )


def _switched_off(facts: Facts, index: int) -> Found | None:
    """A token whose card function is not there. It is no matter as long as there may be a card elsewhere."""
    severity = _severity_of_a_token(facts)
    if severity is None:
        return None
    return Found(
        severity=severity,
        summary=text(
            "{token} shows no card interface: its card function is switched off, or it has none.",
            token=name_of(known(facts.usb)[index]),
        ),
        effect=text("Neither scdaemon nor pcscd finds a card in it."),
        because=tuple(f"usb[{index}].{fact}" for fact in ("vendor", "product", "ccid")),
        cure=by_hand("Switch it on, then plug the token in again:", ("ykman", "config", "usb", "--enable", "OPENPGP")),
        headline=text("the token shows no card interface"),
    )


def _severity_of_a_token(facts: Facts) -> Severity | None:
    if scdaemon.has_a_card(facts):
        return None
    drivable = {device_of(it) for it in known(facts.usb) if it.ccid or known_or(it.in_libccid, False)}
    readers = known_or(facts.readers, ())
    if not drivable and not readers:
        return "error" if scdaemon.wanted(facts) else "warning"
    if len(readers) < len(drivable) or any(card(reader) is not Card.ABSENT for reader in readers):
        return None
    return "warning" if known_or(facts.gnupg.card_keys, 0) > 0 else None  # the card may be at home as well


def _listed(facts: Facts) -> Subjects:
    """A subject for each reader of PC/SC; none where scdaemon does without a pcscd that is asleep."""
    if known(facts.pcscd.listener) == "activator" and not scdaemon.needs_pcsc(facts):
        raise NotApplicable(text("pcscd is asleep, and scdaemon does not use it"))
    if holding.has_nothing_to_wake_for(facts):
        raise NotApplicable(text("pcscd is asleep, and no reader is on USB"))
    return Holds(why=holding.SERVED) if holding.is_served_unseen(facts) else each_reader(facts)


@rule(
    "GD503",
    "no-card",
    "There is a card in a reader.",
    worst="info",
    causes=(*NO_PCSCD, *hidden_by("GD501")),
    earlier=SCDAEMON_STARTS,
    breaks=refuses(Stretch.CARD, "no card in the reader"),
)
def no_card(facts: Facts, verdicts: Verdicts) -> Found | None:
    if own_reader.claimed_without_card(facts):
        return _none_by_own_driver(facts, would_answer=scdaemon_would_answer(verdicts))
    subjects = _listed(facts)
    if isinstance(subjects, Holds):
        return None
    readers = known(facts.readers) if subjects else ()
    if not readers:
        raise NotApplicable(NO_READER)
    running = known_or(facts.gnupg.running, None)
    if running is not None and running.cards:
        return None  # by its own driver, in a reader that PC/SC does not list
    empty = [number for number, reader in enumerate(readers) if card(reader) is Card.ABSENT]
    if len(empty) < len(readers):
        return None
    return Found(
        severity="info",
        summary=text("All readers are empty.") if len(readers) > 1 else text("The reader is empty."),
        effect=text('gpg says "No such device", as for everything else.') if scdaemon_would_answer(verdicts) else None,
        because=tuple(f"readers[{number}].state" for number in empty),
        cure=by_hand("Put the card in, the chip first."),
    )


def _none_by_own_driver(facts: Facts, *, would_answer: bool) -> Found:
    """What scdaemon says of the readers that it alone has. They may be empty, or not understand its driver."""
    claimed = own_reader.claimed_without_card(facts)
    return Found(
        severity="info",
        summary=text("scdaemon has the reader by its own driver, and finds no card in it."),
        effect=text('gpg says "No such device", as for everything else.') if would_answer else None,
        because=("gnupg.running", *(f"usb[{number}].driver" for number in claimed)),
        cure=by_hand(
            "Put the card in, the chip first. If it is in, that driver may not get on with this reader: run pcscd, "
            "set disable-ccid in scdaemon.conf, and stop scdaemon, so that libccid drives it.",
            ("gpgconf", "--kill", "scdaemon"),
        ),
    )


@rule(
    "GD504",
    "mute-card",
    "The card answers when it is powered.",
    worst="error",
    each=_listed,
    causes=NO_PCSCD,
    no_subject=NO_READER,
    breaks=refuses(Stretch.CARD, "the card does not answer"),
)
def mute_card(facts: Facts, index: int) -> Found | None:
    if card(known(facts.readers)[index]) is not Card.MUTE:
        return None
    return Found(
        severity="error",
        summary=text("A card is in this reader, and it does not answer."),
        effect=text("No program can use it."),
        because=(f"readers[{index}].state",),
        cure=by_hand("Take the card out, see that its chip is clean and faces the right way, and put it in again."),
    )


@rule(
    "GD505",
    "reader-unavailable",
    "pcscd can talk to the reader.",
    worst="error",
    each=_listed,
    causes=NO_PCSCD,
    no_subject=NO_READER,
    breaks=refuses(Stretch.READER, "the reader does not answer"),
)
def reader_unavailable(facts: Facts, index: int) -> Found | None:
    if card(known(facts.readers)[index]) is not Card.UNREACHABLE:
        return None
    return Found(
        severity="error",
        summary=text("pcscd lists this reader, but cannot talk to it."),
        effect=text("No program can use it, until it is plugged in again."),
        because=(f"readers[{index}].state",),
        cure=by_hand("Unplug the reader, wait a moment, plug it in again; after a suspend this is common."),
    )
