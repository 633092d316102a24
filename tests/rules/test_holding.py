"""Who may hold a reader."""

from __future__ import annotations

from gpgdoctor.rules import holding
from gpgdoctor.system.record import replace
from tests.support.build import client


def test_who_started_within_a_tenth_of_a_second_is_in_no_order_of_time() -> None:
    """Redacted facts have times to a tenth."""
    later, earlier = client("firefox", 801, started=5.58), client("firefox-esr", 802, started=5.52)
    assert [process.pid for process in holding.oldest_first([earlier, later])] == [801, 802]
    assert [process.pid for process in holding.oldest_first([later, replace(earlier, started=5.4)])] == [802, 801]
