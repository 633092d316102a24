"""Which of several lines decides, and which of the pages that a line leads to comes first."""

from __future__ import annotations

from collections.abc import Sequence

from gpgdoctor.manual import matching
from gpgdoctor.manual.matching import Match, Weight
from gpgdoctor.manual.speakers import Speaker

MOST = 0.5  # of the longest phrase: less of a line, such as its code alone, says less
ASIDE = frozenset({"other-harmless", "GD309", "GD110", "GD114", "GD115"})
BY_A_NAME = frozenset({"other-sk-keys"})  # pages that only the name of what they are about leads to
# What Java is told where to look: a setting, which says nothing of what failed.
OF_PROPERTIES = frozenset({"sun security smartcardio library", "dsun security smartcardio library"})
# What gpg says in the end, whatever kept it from the card before.
THAT_FOLLOW = (" no secret key ", " failed to sign the data ", " failed to start agent ")
# pcscd ends the first exchange: it refuses this session, or the protocol.
OF_A_COMM_ERROR = ("GD401", "GD304", "GD312")
# What a text is about first, however many causes may end in it.
LEADING = {
    "please insert the card with serial number": ("other-card-serial", "GD603"),
    "no smart card is currently in the device": ("GD503", "GD506"),
    "pcscd error while loading shared libraries": ("GD313",),
    "libccid so cannot open shared object file": ("GD314",),
    "smart card resource manager is not running": ("GD301", "GD401"),
    "sun security smartcardio library": ("GD305",),
    "dsun security smartcardio library": ("GD305",),
    "sc_op_failure 2": ("other-wrong-pin",),
    "unable to claim usb interface": ("GD502",),
    "gpg-agent probably not installed": ("GD307", "GD306"),
    "scardestablishcontext rpc transport error": OF_A_COMM_ERROR,
    "establish context rpc transport error": OF_A_COMM_ERROR,
    "pcsc_establish_context failed comm error": OF_A_COMM_ERROR,
    "scardestablishcontext 0x80100013": OF_A_COMM_ERROR,
    "scardestablishcontext communications error has been detected": OF_A_COMM_ERROR,
    "scardtransmit 0x80100013": ("GD505",),
    "transmit internal communications error has been detected": ("GD505",),
    "unable to load external module": ("GD305",),
    "cannot load module libpcsclite": ("GD305",),
    "failed to start gpg-agent no such file or directory": ("GD307",),
    "the agent has no identities": ("other-ssh-auth-sock",),
    "0x8010002e": ("GD501",),
}


def decides(matches: Sequence[Match]) -> tuple[bool, int, bool, bool, int, int]:
    """The line that says most decides: a daemon's own word, then one that few pages have.

    What stands there in peace, and an option that somebody shows, explains no other line.
    """
    weight, longest = matches[0].weight, max((match.phrase for match in matches), key=len)
    is_option = weight is Weight.MESSAGE and " " not in longest and "0x" not in longest
    is_option = is_option or longest in matching.OF_LISTINGS | OF_PROPERTIES
    is_aside = is_option or all(match.page.id in ASIDE for match in matches)
    follows = any(reason in matches[0].line.words for reason in THAT_FOLLOW) and matches[0].phrase not in LEADING
    is_of_any = matches[0].line.speaker not in (Speaker.PCSC, Speaker.KERNEL) and matching.is_of_any_program(matches[0])
    return is_aside, -weight, is_of_any, follows, len(matches), -len(longest)


def ranked(matches: list[Match]) -> list[Match]:
    """Those first that have most of the line, and of them those that the field had most often.

    Of a reason, those first that have it alone.
    """
    lengths = [len(match.phrase) for match in matches]
    if matches[0].weight > matches[-1].weight:
        return [matches[0], *ranked(matches[1:])]
    if matches[0].weight >= Weight.MESSAGE:
        leading = {id for match in matches for id in LEADING.get(match.phrase, ())}
        return sorted(
            matches,
            key=lambda match: (
                match.page.id not in leading,
                match.page.id not in BY_A_NAME,
                len(match.phrase) < max(lengths) * MOST,
                -match.page.threads,
            ),
        )
    reason = matches[0].reason
    return sorted(matches, key=lambda match: (match.phrase != reason, -match.page.threads))


def is_listing(matches: Sequence[Match]) -> bool:
    """Whether a line is one of a listing of a card or its keys, which stands there in peace too."""
    return max((match.phrase for match in matches), key=len) in matching.OF_LISTINGS
