"""Pages for a symptom in a person's own words, by the table in symptoms.txt.

Words are compared by their stems, American spelling counts as British, and one wrong letter does no harm.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources

from gpgdoctor.manual import direction, languages
from gpgdoctor.system.record import Record

AT_MOST = 5
NEARLY_ALL = 0.75  # of a symptom's words
FEW_WORDS = 2  # said by somebody who tries a word: any symptom that has it
ALIKE, ALIKE_AT_FIRST = 0.82, 2  # the second: letters
SHORTEST_STEM = 3
WORD = re.compile(r"[a-z0-9+]+(?:[-._][a-z0-9+]+)*")
PARTS = re.compile(r"[-._]")
ENDINGS = ("ings", "ing", "edly", "ed", "ions", "ion", "es", "s", "ly", "e")
SUBJECT = "!"  # before a line of the table
OF_ITS_SUBJECT, OF_ALL_WORDS, OF_A_LATER_PLACE = 3.0, 0.5, 0.25  # in a symptom's score
OF_A_COMMON_WORD, OF_A_DIRECTION = 0.5, 4.0
COMMON = frozenset(["card", "gpg", "gnupg", "key", "not", "reader", "token", "work", "works", "yubikey"])
SPLIT_NAMES = re.compile(r"\b(sc|gpg|pcsc|vs|command)[ -](daemon|d|code|line)\b")  # sc-daemon, VS Code
NEGATION = re.compile(r"(?:ca|wo|do|does|did|is|are|was|were|has|have|could|would|should)n'?t\b|\bcannot\b")
# Cards, tokens and devices of other kinds.
FOREIGN = re.compile(
    r"\b(?:sd|micro ?sd|sim|graphics?|video|sound|audio|network|wi-?fi|wlan|lan|memory|credit|debit|bank|capture|gpu)"
    r"[ -]cards?\b"
    r"|\b(?:printer|keyboard|mouse|webcam|headset|bluetooth|scanner|alsa|router|wi-?fi|phone|snd|nvidia)\b"
)
OURS = re.compile(r"gpg|gnupg|pgp|smart|yubi|nitrokey|token|pcsc|scdaemon|ccid|ykman|usbguard|pinentry")
# What a longer sentence has if it is about what the table is about.
TOPIC = re.compile(
    r"\b(?:cards?|usb|readers?|keys?|pins?|puks?|trezor|agent|ssh|sign(?:s|ed|ing)?|signatures?|decrypt\w*|"
    r"polkit|piv|oath|opensc|age|scdaemon|authenticator|keybox\w*|libusb|udev|keepassxc|stubs?|touch|contexts|applet|reader-port|gsd\S*|"
    r"resource manager)\b"
)
# What gpg says of matters that no page is about: key servers, and what a card or gpg cannot do.
OF_OTHER_MATTERS = re.compile(
    r"key ?server|dirmngr|not implemented|\buif\b|kdf-setup|bad session key|"
    r"unsupported algorithm|elliptic curve|key attribute|attest"
)
A_LONGER_SENTENCE = 6  # words
# What only cards and their programs are called; "card" and "key" alone may be anything.
OF_CARDS = re.compile(
    r"smart ?cards?\b|yubi|nitrokey|\bcard ?readers?\b|\breaders?\b.*\bcards?\b|\bcards?\b.*\breaders?\b|"
    r"\bcards? (?:is |was )?(?:not|removed|inserted)\b|pcsc|pc/sc|scdaemon|\bccid\b|pkcs ?#?11|"
    r"openpgp card|gnuk|opensc|ykman|gpg-agent|ssh-agent|pinentry|"
    r"\bgpg\b.*\b(?:cards?|pin)\b|\b(?:cards?|pin)\b.*\bgpg\b"
)
HALF, AT_LEAST_IN_COMMON = 0.5, 1.5
# What it mostly is, by what is named, where nothing else is said.
USUAL = (
    (re.compile(r"\bpins?\b|\bpuk\b"), ("other-wrong-pin", "GD601", "GD113")),
    (re.compile(r"\bssh\b|ssh-agent|\bagent\b"), ("other-agent-refused", "other-ssh-auth-sock", "GD308")),
    (re.compile(r"pcsc|pc/sc|\breaders?\b|opensc|pkcs|ccid"), ("GD301", "GD502", "GD401")),
    (re.compile(r"."), ("GD205", "GD202", "GD301", "GD401", "GD502")),
)

TABLE = "symptoms.txt"


class Symptom(Record):
    """One line of the table."""

    groups: tuple[frozenset[str], ...]  # for each word its forms, as stems
    weights: tuple[float, ...]
    ids: tuple[str, ...]
    is_subject: bool  # its words name what its first page is about


class Fit(Record):
    """A page that fits a symptom in words."""

    id: str
    by_subject: bool  # a word names what the page is about
    score: float = 0.0  # how many words of the symptom are there, and how early the page stands in its line

    def less(self, score: float) -> Fit:
        """The same with less of a score."""
        return Fit(id=self.id, by_subject=self.by_subject, score=self.score - score)


def pages_for(text: str, *, is_ours: bool = False) -> list[Fit]:
    """Pages for a symptom said in plain words, the best first, at most five; empty where nothing fits.

    With is_ours=True it is known that the text is about cards, which a part of it need not say again.
    """
    plain = _plain(text)
    if _is_foreign(plain, is_ours):
        return []
    said = {_stem(part) for word in WORD.findall(plain) for part in (word, *PARTS.split(word)) if part}
    known = {word: _nearest(word) for word in said}
    given = {form for form in known.values() if form is not None}
    if len(said) <= FEW_WORDS and None not in known.values():
        one_word = [symptom for symptom in _symptoms() if any(given <= forms for forms in symptom.groups)]
        return _scored(given, _symptoms(), NEARLY_ALL) or _scored(given, one_word, 0)
    return _by_direction(plain, _scored(given, _symptoms(), NEARLY_ALL))


def excluded(texts: Iterable[str]) -> frozenset[str]:
    """The pages that one of these texts rules out."""
    return frozenset(id for text in texts for id in direction.excluded(_plain(text)))


def is_of_cards(text: str) -> bool:
    """Whether it names cards, their readers or their programs, in any of the languages."""
    return OF_CARDS.search(_plain(text)) is not None


def likest(text: str) -> list[Fit]:
    """The pages whose symptoms share most words with a text that fits none of them well; a guess."""
    plain = _plain(text)
    if OF_OTHER_MATTERS.search(plain) or FOREIGN.search(plain) or not OF_CARDS.search(plain):
        return []
    given = {form for word in WORD.findall(plain) if (form := _nearest(_stem(word))) is not None}
    fits = [fit for fit in _scored(given, _symptoms(), HALF) if fit.score >= AT_LEAST_IN_COMMON]
    known = {fit.id for fit in fits}
    usual = [Fit(id=id, by_subject=False) for words, ids in USUAL if words.search(plain) for id in ids]
    return [*fits, *(fit for fit in usual if fit.id not in known)][:AT_MOST]


def _by_direction(plain: str, fits: list[Fit]) -> list[Fit]:
    """Who keeps whom from the card comes first, but behind what a word names."""
    named = [fit for fit in fits if fit.by_subject]
    by_direction = [Fit(id=id, by_subject=False, score=OF_A_DIRECTION) for id in direction.pages_for(plain)]
    first = {fit.id for fit in named}
    best = [*named, *(fit for fit in by_direction if fit.id not in first)]
    known = {fit.id for fit in best}
    excluded = direction.excluded(plain)
    return [*best, *(fit for fit in fits if fit.id not in known | excluded)][:AT_MOST]


def _is_foreign(plain: str, is_ours: bool) -> bool:
    """Whether it is about cards of another kind, or a sentence that names nothing of ours."""
    if OF_OTHER_MATTERS.search(plain):
        return True
    if OURS.search(plain):
        return False
    if FOREIGN.search(plain):
        return True
    return not is_ours and len(plain.split()) >= A_LONGER_SENTENCE and TOPIC.search(plain) is None


def _scored(given: set[str], symptoms: Iterable[Symptom], share: float) -> list[Fit]:
    """The pages of those symptoms of whose words at least this share is there."""
    scored: dict[str, float] = {}
    subjects = set()
    for symptom in symptoms:
        present = [weight for forms, weight in zip(symptom.groups, symptom.weights, strict=True) if forms & given]
        if not present or len(present) < len(symptom.groups) * share:
            continue
        whole = OF_ALL_WORDS if len(present) == len(symptom.groups) else 0
        for place, id in enumerate(symptom.ids):
            score = sum(present) + whole - place * OF_A_LATER_PLACE
            if symptom.is_subject and place == 0:
                score += OF_ITS_SUBJECT
                subjects.add(id)
            scored[id] = max(scored.get(id, 0), score)
    best = sorted(scored, key=lambda id: -scored[id])[:AT_MOST]
    return [Fit(id=id, by_subject=id in subjects, score=scored[id]) for id in best]


def _plain(text: str) -> str:
    """In lower case, without contractions, and in English what is known of other languages."""
    plain = languages.in_english(text.lower().replace("\u2019", "'"))
    return NEGATION.sub(" not", SPLIT_NAMES.sub(r"\1\2", plain))


def _stem(word: str) -> str:
    """The beginning that forms of a word share: works, working, worked."""
    word = word.replace("isation", "ization").replace("ise", "ize").replace("isi", "izi").replace("our", "or")
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word.removesuffix(ending)
    return word


@cache
def _symptoms() -> tuple[Symptom, ...]:
    lines = (resources.files("gpgdoctor.manual") / TABLE).read_text("ascii").splitlines()
    return tuple(_symptom(line) for line in lines if line and not line.startswith("#"))


def _symptom(line: str) -> Symptom:
    words, _, ids = line.removeprefix(SUBJECT).rpartition(":")
    groups = words.split()
    return Symptom(
        groups=tuple(map(_stems, groups)),
        weights=tuple(OF_A_COMMON_WORD if COMMON & set(group.split("|")) else 1.0 for group in groups),
        ids=tuple(ids.split()),
        is_subject=line.startswith(SUBJECT),
    )


def _stems(forms: str) -> frozenset[str]:
    return frozenset(_stem(word) for form in forms.split("|") for word in WORD.findall(form.lower()))


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(form for symptom in _symptoms() for forms in symptom.groups for form in forms)


@lru_cache(maxsize=4096)
def _nearest(stem: str) -> str | None:
    """The word of the table that is meant, one wrong letter allowed in a longer one."""
    if stem in _vocabulary():
        return stem
    if len(stem) <= SHORTEST_STEM:
        return None
    begun_alike = [word for word in _vocabulary() if word[:ALIKE_AT_FIRST] == stem[:ALIKE_AT_FIRST]]
    near = difflib.get_close_matches(stem, sorted(begun_alike), n=1, cutoff=ALIKE)
    return near[0] if near else None
