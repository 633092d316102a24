"""Pages for a pasted error, a whole log or plain words: every line by who said it, the deciding one first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from gpgdoctor.manual import matching, merge, ranking, sentences, settings, symptoms
from gpgdoctor.manual.matching import Match, Weight
from gpgdoctor.manual.pages import pages
from gpgdoctor.manual.speakers import Line, Speaker, line
from gpgdoctor.manual.symptoms import Fit
from gpgdoctor.system.record import Record

LIMIT_CHARACTERS, LIMIT_LINES, LIMIT_LINE = 1 << 20, 20_000, 2_000
AT_LEAST_OF_WORDS = 3  # pages, where words alone led to them
AT_MOST_LINES_OF_WORDS, AT_MOST_LINES_OF_A_LOG, AT_MOST_LINES_WRAPPED = 3, 12, 40
# A cause that alone explains every failure printed beside it.
SUFFICIENT = frozenset({"GD315"})
# pcscd was told to end; with some versions it then ends with status 1, which is no failure.
TOLD_TO_END = (" received signal 15 ", " stopping pc sc smart card daemon ")
HARMLESS, VERSIONS = "other-harmless", "other-known-versions"
# ENODEV of macOS, where a version with a fault is rarer than the causes that all systems have.
OF_MACOS, PLACE_OF_VERSIONS = "operation not supported by device", 4
AT_MOST_OPTIONS = 2  # of the pages that are shown, those on options
READER = re.compile(r"detected reader '([^']+)'")
OTHER_READER = "GD506"
# A page that is not certain, and what looks the same.
COMPANIONS = {
    "GD111": ("other-wrong-home",),
    "GD501": ("GD505", "GD502"),
    "GD505": ("GD501", "other-suspend"),
    "GD506": ("GD105",),
    "GD601": ("GD602",),
    "GD306": ("GD101",),
    "other-no-public-key": ("other-wrong-home",),
    "other-ssh-auth-sock": ("GD308",),
    "other-wrong-pin": ("GD602",),
}
MOST_OF_A_LINE = 0.5  # of its words: with less, the rest of a sentence counts too, and no page is certain


class Answer(Record):
    """What was found for a text: the pages, the best first, and the line that decided; none for plain words."""

    matches: tuple[Match, ...]
    deciding: Line | None
    in_doubt: bool = False  # no whole message that only programs for cards print: one page alone is not certain
    of_any_program: bool = False  # it may be about another device, or no card at all
    is_single: bool = False  # one page has it; what looks the same stands beside it
    by_likeness: bool = False  # no page has the text or a symptom in it: a guess by its words
    leading: frozenset[str] = frozenset()  # ids of pages that may come first where this machine has their cause


def answer(text: str) -> Answer:
    """The pages that go with a pasted text of one line or many, or with plain words; bounded in size."""
    lines = [line(part[:LIMIT_LINE], foreign=True) for part in text[:LIMIT_CHARACTERS].splitlines()[:LIMIT_LINES]]
    lines = [part for part in lines if part.text]
    wrapped, lines = _wrapped(lines), list(dict.fromkeys(lines))
    ours = matching.is_ours(lines)
    named = [*_of_options(lines), *_of_two_readers(lines)]
    found = _found(lines, wrapped, ours) or ([] if named else _by_line([*lines, *wrapped], matching.fragments))
    texts = sentences.told(_not_known(lines, found))
    is_ours = ours or symptoms.is_of_cards(text[:LIMIT_LINE])
    told = [_matches(fits, lines) for fits in sentences.pages_in(texts, is_ours=is_ours)]
    found = _without(symptoms.excluded([*sentences.told(lines), " ".join(texts)]), found)
    fits = _of_words(text, lines)
    if not found or (told and all(map(ranking.is_listing, found))):
        voices = [*told, _matches(fits, lines) or _matches(_of_a_message(lines), lines), *found]
        return _of_words_alone(texts or _typed(lines), lines, voices, named, fits)
    found = _sorted(found, lines)
    matches = _with_what_is_told(found, _matches(fits, lines), told, fits)
    of_any_program = matching.is_of_any_program(matches[0]) and not ours
    in_doubt = of_any_program or not _is_certain(matches[0], lines)
    best = _with_options(_with_versions(merge.best(matches), lines), named)
    is_single = not best[1:]
    return Answer(
        matches=(*best, *_matches(_beside(best[0]), lines)) if is_single and in_doubt else best,
        deciding=found[0][0].line,
        in_doubt=in_doubt,
        of_any_program=of_any_program,
        is_single=is_single,
        leading=frozenset(match.page.id for match in found[0]),
    )


def _found(lines: Sequence[Line], wrapped: Sequence[Line], ours: bool) -> list[list[Match]]:
    """The pages that have what the lines say, for each line its own."""
    found = _by_line(lines, lambda said: _whole_or_reason(said, (), ours))
    if found:
        # The reason at the end of all lines is that of the last one, which may have led somewhere by itself.
        return [*found, *_by_line(wrapped, lambda said: matching.whole(said, lines, ours=ours))]
    return _by_line(wrapped, lambda said: _whole_or_reason(said, lines, ours))


def _sorted(found: list[list[Match]], lines: Sequence[Line]) -> list[list[Match]]:
    """The line that decides first."""
    found = sorted(found, key=ranking.decides)
    if _has_two_readers(lines):
        found[0].sort(key=lambda match: match.page.id != OTHER_READER)
    if any(end in said.words for said in lines for end in TOLD_TO_END):
        found.sort(key=lambda group: group[0].page.id != HARMLESS)
    return found


def _with_what_is_told(
    found: list[list[Match]], in_words: list[Match], told: list[list[Match]], fits: Sequence[Fit]
) -> list[Match]:
    """The pages of all lines in turn, and those for what a person tells beside them."""
    if found[0][0].page.id in SUFFICIENT:
        return found[0]
    matches = list(merge.in_turn(found))
    if in_words and _is_prose(matches):
        return _with_words(matches, in_words, fits)
    beside = merge.in_turn(told, merge.OF_THE_FIRST_TOLD)
    return list(merge.with_places_for(matches, beside, merge.AT_MOST_TOLD))


def _beside(match: Match) -> list[Fit]:
    """What prints the same as a cause that is not certain."""
    return [Fit(id=id, by_subject=False) for id in COMPANIONS.get(match.page.id, ())]


def _without(excluded: frozenset[str], found: list[list[Match]]) -> list[list[Match]]:
    """The same without pages that the text rules out."""
    kept = [[match for match in group if match.page.id not in excluded] for group in found]
    return [group for group in kept if group]


def _of_words_alone(
    texts: Sequence[str], lines: Sequence[Line], voices: Sequence[list[Match]], named: Sequence[Match], fits: list[Fit]
) -> Answer:
    """What was told in words alone; where no symptom fits, what is likest to it. It is never one page alone.

    Only a word that names what a page is about may lead to one page.
    """
    matches = merge.in_turn(voices, merge.OF_THE_FIRST_TOLD)
    by_likeness = not matches and not named
    if len(matches) + len(named) < AT_LEAST_OF_WORDS and not any(fit.by_subject for fit in fits):
        likest = _matches(symptoms.likest(" ".join(texts)[:LIMIT_LINE]), lines)
        matches = merge.best([*matches, *likest[: None if by_likeness else AT_LEAST_OF_WORDS]])
    return Answer(
        matches=_with_options(matches, named),
        deciding=None,
        in_doubt=True,
        by_likeness=by_likeness,
        leading=_leading(fits),
    )


def _typed(lines: Sequence[Line]) -> list[str]:
    """The few words of somebody who tries a word or two."""
    is_short = len(lines) == 1 and lines[0].speaker is Speaker.NOBODY
    return [said.text for said in lines if is_short]


def _not_known(lines: Iterable[Line], found: Iterable[Sequence[Match]]) -> list[Line]:
    """The lines of which no page has the greater part, and of programs those of which no page has any."""
    heads = [group[0] for group in found]
    known = {
        head.line for head in heads if head.line.speaker is not Speaker.NOBODY or matching.share(head) >= MOST_OF_A_LINE
    }
    return [said for said in lines if said not in known]


def _whole_or_reason(said: Line, joined: Sequence[Line], ours: bool) -> list[Match]:
    """What only one page has may still end in a reason that many causes share."""
    whole = matching.whole(said, joined, ours=ours)
    if not whole:
        return matching.of_signs(said) or matching.reasons(said)
    return whole if whole[1:] else [*whole, *matching.shared_reasons(said)]


def _by_line(lines: Iterable[Line], leads_to: Callable[[Line], list[Match]]) -> list[list[Match]]:
    """The pages for each line that leads somewhere, the best first."""
    return [ranking.ranked(matches) for matches in map(leads_to, lines) if matches]


def _of_two_readers(lines: Sequence[Line]) -> list[Match]:
    """scdaemon may have taken the wrong one of the readers that its log names."""
    return _matches([Fit(id=OTHER_READER, by_subject=False)], lines) if _has_two_readers(lines) else []


def _has_two_readers(lines: Iterable[Line]) -> bool:
    """Whether scdaemon's log names more than one reader, of which it may have taken the wrong one."""
    return len({name for said in lines for name in READER.findall(said.message)}) > 1


def _with_versions(matches: tuple[Match, ...], lines: Iterable[Line]) -> tuple[Match, ...]:
    """Where macOS says that there is no device, the versions with faults are among the first five too."""
    if not any(OF_MACOS in said.text.lower() for said in lines):
        return matches
    versions = _matches([Fit(id=VERSIONS, by_subject=False)], [matches[0].line])
    others = [match for match in matches if match.page.id != VERSIONS]
    return (*others[:PLACE_OF_VERSIONS], *versions, *others[PLACE_OF_VERSIONS:])


def _with_options(matches: tuple[Match, ...], named: Sequence[Match]) -> tuple[Match, ...]:
    """The pages on options that the text names are among the first ones that are shown, behind what decides."""
    return merge.with_places_for(matches, named, AT_MOST_OPTIONS) if named else matches


def _of_options(lines: Sequence[Line]) -> list[Match]:
    ids = dict.fromkeys(id for said in lines for id in settings.pages_for(said.whole))
    return _matches([Fit(id=id, by_subject=False) for id in ids], lines)


def _wrapped(lines: Sequence[Line]) -> list[Line]:
    """All lines as one: a terminal may have broken one message into several; another program's are its own."""
    lines = [part for part in lines if part.speaker is not Speaker.OTHER]
    return (
        [line(" ".join(part.text for part in lines), foreign=True)] if 1 < len(lines) <= AT_MOST_LINES_WRAPPED else []
    )


def _is_certain(match: Match, lines: Sequence[Line]) -> bool:
    """Whether the text is what led to the page and hardly more: of other lines nobody knows what they say."""
    at_most = AT_MOST_LINES_OF_A_LOG if match.weight is Weight.LOG else AT_MOST_LINES_OF_WORDS
    is_aside = match.page.id in ranking.ASIDE and len(lines) > 1
    return len(lines) <= at_most and not is_aside and matching.is_certain(match)


def _is_prose(matches: Sequence[Match]) -> bool:
    """Whether what was found is a small part of a sentence, such as the name of an option or a reason."""
    longest = max(matches, key=lambda match: len(match.phrase))
    by_a_program = matches[0].weight is Weight.LOG or longest.line.speaker is not Speaker.NOBODY
    return not by_a_program and matching.share(longest) < MOST_OF_A_LINE and "0x" not in longest.phrase


def _with_words(matches: list[Match], in_words: list[Match], fits: Sequence[Fit]) -> list[Match]:
    """A message of several words comes first; a reason or a name alone says less than the whole sentence."""
    said = {match.page.id for match in matches}
    if " " in matches[0].phrase and matches[0].weight is Weight.MESSAGE:
        return list(merge.with_places_for(merge.best(matches), in_words, merge.AT_MOST_TOLD))
    both = [match for match in in_words if match.page.id in said]
    if matches[0].weight is not Weight.REASON:
        return [*both, *in_words, *matches]
    subjects = {fit.id for fit in fits if fit.by_subject}
    named = [match for match in in_words if match.page.id in subjects]
    return [*named, *both, *merge.in_turn([matches, in_words])]


def _of_words(text: str, lines: Sequence[Line]) -> list[Fit]:
    """Pages for a symptom in a person's own words; none for a log, or where a program speaks."""
    if len(lines) > AT_MOST_LINES_OF_WORDS or any(said.speaker is not Speaker.NOBODY for said in lines[:1]):
        return []
    return symptoms.pages_for(text[:LIMIT_LINE])


def _of_a_message(lines: Sequence[Line]) -> list[Fit]:
    """The same for what GnuPG or a tool says itself of cards, in words that no page has."""
    if len(lines) != 1:
        return []
    (said,) = lines
    known = said.speaker in (Speaker.GNUPG, Speaker.PCSC) or (said.speaker is Speaker.TOOL and matching.is_ours(lines))
    return symptoms.pages_for(said.message[:LIMIT_LINE], is_ours=True) if known else []


def _matches(fits: Iterable[Fit], lines: Sequence[Line]) -> list[Match]:
    by_id = {page.id: page for page in pages()}
    return [Match(page=by_id[fit.id], line=lines[0], phrase="", weight=Weight.FRAGMENT) for fit in fits if lines]


def _leading(fits: Sequence[Fit]) -> frozenset[str]:
    """A word that names what a page is about puts it first, whatever this machine has."""
    named = [fit.id for fit in fits if fit.by_subject]
    return frozenset(named or [fit.id for fit in fits])
