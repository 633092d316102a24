"""Every version of typer takes and refuses the same values, in the same words, and loads nothing for it."""

from __future__ import annotations

import pytest

from tests.support.civility import gpgdoctor

pytestmark = pytest.mark.machine_dependent


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("check --timeout soon --from x", "'soon' is not a valid float."),
        ("check --format xml --from x", "'xml' is not one of 'text', 'json', 'nagios'."),
        ("undo x", "'x' is not a valid int"),
    ],
)
def test_what_is_no_such_value_is_refused(command: str, said: str) -> None:
    done = gpgdoctor(*command.split())
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Invalid value for")
    assert said in done.stderr


@pytest.mark.parametrize(
    ("command", "usage"),
    [("fix", "[ID]..."), ("undo", "[N]"), ("demo", "[SCENARIO]"), ("hook run", "TARGET"), ("docs man", "DIR")],
)
def test_an_argument_is_shown_as_it_is_written(command: str, usage: str) -> None:
    helped = gpgdoctor(*command.split(), "--help").stdout.splitlines()
    assert helped[0] == f"Usage: gpgdoctor {command} [OPTIONS] {usage}"
    assert any(line.split()[:1] == [usage] for line in helped)


def test_a_default_is_shown_as_it_is_typed() -> None:
    assert "[default: text]" in " ".join(gpgdoctor("check", "--help").stdout.split())


@pytest.mark.parametrize(
    ("command", "meant"),
    [
        ("explain GD2O2", "GD"),
        ("fix shared-holder-blocks", "shared-holder-blocks-scdaemon"),
        ("check --from x --ignore GD20", "GD201 or GD202"),
        ("demo shared-holdr", "shared-holder"),
        ("hook run sosreport", "sos"),
        ("hook show nagois", "nagios"),
        ("check --from x --format jsno", "json"),
    ],
)
def test_what_was_probably_meant_is_said(command: str, meant: str) -> None:
    done = gpgdoctor(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"id you mean {meant}" in " ".join(done.stderr.split())


def test_nothing_is_said_to_be_meant_by_what_is_like_nothing() -> None:
    for command in ("explain xyzzy", "demo xyzzy", "fix xyzzy"):
        assert "did you mean" not in gpgdoctor(*command.split()).stderr.lower()
