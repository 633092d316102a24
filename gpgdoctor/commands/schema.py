"""`gpgdoctor schema`: the JSON Schema of `check --json`."""

from __future__ import annotations


def schema() -> int:
    """Print it; always 0."""
    from gpgdoctor.report.json import dump
    from gpgdoctor.report.schema import schema as schema_of_check

    print(dump(schema_of_check()))
    return 0
