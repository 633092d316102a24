"""The same on a Debian 13, where scdaemon does not turn to pcscd by itself and one bad line stops it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gpgdoctor.lab.catalogue import BY_NAME, SCENARIOS
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import File, Scenario, Step, as_of
from gpgdoctor.rules import with_name
from tests.support.fixing import (
    CARD_STATUS,
    SCDAEMON_CONF,
    entries,
    fix,
    gpg_works,
    ills,
    read,
    running,
    shared_holder,
    succeeds,
    undo,
)

pytestmark = pytest.mark.lab
OpenLab = Callable[..., Lab]


def test_scdaemon_is_sent_to_pcscd(open_lab: OpenLab, trixie_root: Path) -> None:
    lab = open_lab(BY_NAME["ccid-driver-against-pcscd"], root=trixie_root)
    assert not gpg_works(lab)

    done = succeeds(fix(lab, "--yes"))

    assert "GD205" in done.stdout
    assert read(lab) == b"disable-ccid\n"
    assert gpg_works(lab)

    succeeds(undo(lab))
    assert read(lab) is None
    assert "No such device" in lab.run(CARD_STATUS).stderr


@pytest.mark.parametrize("keep_agent", [(), ("--keep-agent",)], ids=["agent", "scdaemon"])
def test_a_shared_holder(keep_agent: tuple[str, ...], open_lab: OpenLab, trixie_root: Path) -> None:
    files = (File(path=SCDAEMON_CONF, content="disable-ccid\n"),)
    lab = open_lab(shared_holder(files=files, steps=(Step(argv=tuple(CARD_STATUS), code=2),)), root=trixie_root)
    agents = running(lab, "gpg-agent")

    done = succeeds(fix(lab, "--yes", *keep_agent))

    said = " ".join(done.stdout.split())
    assert "the PIN is asked for every operation" in said
    assert re.search(r" Left: GD601 pin-asked-every-time[^.]*, the price of sharing\. ", said)
    assert read(lab) == b"disable-ccid\npcsc-shared\n"
    assert (running(lab, "gpg-agent") == agents) is bool(keep_agent)
    assert gpg_works(lab)
    assert ills(lab) == []

    succeeds(undo(lab))
    assert read(lab) == b"disable-ccid\n"
    assert "No such device" in lab.run(CARD_STATUS).stderr


@pytest.mark.parametrize("agent", [(), (Step(argv=("gpgconf", "--launch", "gpg-agent")),)], ids=["none", "runs"])
@pytest.mark.parametrize(
    ("before", "after", "cured"),
    [
        (b"disable-ccid # note\n", b"# note\ndisable-ccid\npcsc-shared\n", "GD102, GD202"),
        (b"pcsc-sharedd\n", b"pcsc-shared\ndisable-ccid\n", "GD101, GD205, GD104"),
    ],
)
def test_a_line_that_stops_scdaemon_and_what_it_hides(
    before: bytes, after: bytes, cured: str, agent: tuple[Step, ...], open_lab: OpenLab, trixie_root: Path
) -> None:
    files = (File(path=SCDAEMON_CONF, content=before),)
    lab = open_lab(shared_holder(files=files, steps=agent), root=trixie_root)

    done = succeeds(fix(lab, "--yes"))

    assert f"Fixed and verified: {', '.join(map(with_name, cured.split(', ')))}." in " ".join(done.stdout.split())
    assert read(lab) == after
    assert gpg_works(lab)
    assert ills(lab) == []
    (entry,) = entries(lab)
    assert done.stdout.endswith(f"To take it back: gpgdoctor undo {entry['number']}\n")
    succeeds(undo(lab, str(entry["number"])))
    assert read(lab) == before


@pytest.mark.parametrize("scenario", [it for it in SCENARIOS if it.cure], ids=lambda it: it.name)
def test_every_promised_cure_cures(scenario: Scenario, open_lab: OpenLab, trixie_root: Path) -> None:
    lab = open_lab(scenario, root=trixie_root)
    if not as_of(scenario, lab.gnupg_version).expect:
        pytest.skip(f"no illness with GnuPG {lab.gnupg_version}")
    succeeds(fix(lab, "--yes"))
    assert ills(lab) == []
    assert gpg_works(lab)
