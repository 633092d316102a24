"""A home is asked for as it is spelt: GnuPG takes its socket directory from the spelling."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from gpgdoctor.lab.catalogue import BY_NAME
from gpgdoctor.lab.lab import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("spelling", ["{home}//.gnupg", "{home}/./.gnupg", "{home}/x/../.gnupg"])
def test_another_spelling_is_another_scdaemon(spelling: str, open_lab: Callable[..., Lab]) -> None:
    lab = open_lab(BY_NAME["shared-holder"])
    lab.run(["mkdir", f"{lab.home}/x"])
    spelt = {"GNUPGHOME": spelling.format(home=lab.home)}
    assert lab.run(["gpg", "--card-status"], env=spelt).returncode == 2
    document = json.loads(lab.gpgdoctor("check", "--json", env=spelt).stdout)
    assert document["facts"]["gnupg"]["running"]["cards"] == []
    fixed = lab.gpgdoctor("fix", "--yes", env=spelt)
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert lab.run(["gpg", "--card-status"], env=spelt).returncode == 0
