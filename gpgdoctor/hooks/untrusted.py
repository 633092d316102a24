"""What a program with a user's rights says, before root believes that it is at least shaped like an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gpgdoctor.report.escape import printable
from gpgdoctor.snapshot import BadSnapshot, decode_as

if TYPE_CHECKING:
    from gpgdoctor.collect.user import UserFacts

ANSWER_BYTES = 256 << 10
LIST_LIMIT = 400  # no configuration needs as many lines; rules compare findings with each other
TEXT_LIMIT = 500
NUMBER_LIMIT = 1 << 63


class NotPlausible(Exception):
    """No answer that could be used; the message says why, in words of our own."""


def user_facts(text: str) -> UserFacts:
    """The facts in a child's answer: of the right types, of bounded size, without a control character."""
    from gpgdoctor.collect.user import UserFacts

    if len(text) > ANSWER_BYTES:
        raise NotPlausible("it is too long")
    try:
        facts = decode_as(UserFacts, _clean(json.loads(text, parse_constant=_refuse)))
    except (ValueError, RecursionError) as error:
        raise NotPlausible("it is not JSON") from error
    except BadSnapshot as error:
        raise NotPlausible("it does not have the form of an answer") from error
    return facts


def _refuse(word: str) -> None:
    raise ValueError(word)


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) > LIST_LIMIT:
            raise NotPlausible("a list in it is too long")
        return [_clean(item) for item in value]
    if isinstance(value, str):
        return printable(value, TEXT_LIMIT)
    if isinstance(value, int | float) and not abs(value) < NUMBER_LIMIT:  # nor is one that is no number
        raise NotPlausible("a number in it is out of range")
    return value
