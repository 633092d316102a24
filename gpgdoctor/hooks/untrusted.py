"""Facts from a process with a user's rights, made safe for a report that leaves the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gpgdoctor.snapshot import encode
from gpgdoctor.system.escape import printable

if TYPE_CHECKING:
    from gpgdoctor.collect.user import UserFacts

TEXT_LIMIT = 500


def cleaned(facts: UserFacts) -> UserFacts:
    """The same facts without control characters, and with texts of limited length."""
    from gpgdoctor.collect.user_child import decoded

    return decoded(_clean(encode(facts)))


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return printable(value, TEXT_LIMIT) if isinstance(value, str) else value
