"""The only code that judges: pure functions from facts to findings, one module for each family."""

from __future__ import annotations

from functools import cache

from gpgdoctor.rules.rule import Rule, registered


@cache
def catalogue() -> dict[str, Rule]:
    """Every rule by id, in the order of their numbers. Importing a family registers its rules."""
    import gpgdoctor.rules.access
    import gpgdoctor.rules.competition
    import gpgdoctor.rules.configuration
    import gpgdoctor.rules.contention
    import gpgdoctor.rules.hardware
    import gpgdoctor.rules.reader_port
    import gpgdoctor.rules.running
    import gpgdoctor.rules.services
    import gpgdoctor.rules.sharing
    import gpgdoctor.rules.startup  # noqa: F401

    return dict(sorted(registered().items()))
