"""How many connections pcscd counts on a reader, asked in a protocol that it takes without a complaint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, ClientKind, Scenario

pytestmark = pytest.mark.lab


def scenario(*kinds: ClientKind) -> Scenario:
    clients = tuple(Client(kind=kind, program=f"program{number}") for number, kind in enumerate(kinds))
    return Scenario(name="handles", about="", files=(ON_PCSC,), clients=clients)


def handles(lab: Lab) -> object:
    readers = json.loads(lab.gpgdoctor("check", "--json").stdout)["facts"]["readers"]
    return readers[0]["handles"]


@pytest.mark.parametrize(
    ("kinds", "count"), [(("shared", "direct", "idle"), 2), (("exclusive",), -1), (("transaction",), 1)]
)
@pytest.mark.parametrize("newer", [False, True], ids=["here", "debian13"])
def test_connections_are_counted(
    kinds: tuple[ClientKind, ...], count: int, newer: bool, open_lab: Callable[..., Lab], request: pytest.FixtureRequest
) -> None:
    root: Path | None = request.getfixturevalue("trixie_root") if newer else None
    lab = open_lab(scenario(*kinds), root=root)
    assert handles(lab) == count
    assert "protocol" not in lab.pcscd_log().lower()
