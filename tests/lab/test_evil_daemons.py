"""Names that real daemons hand through: a reader's, a program's, a directory's."""

from __future__ import annotations

import json

import pytest

from gpgdoctor.lab.scenario import GNUPG_2_3, Client, File, Reader, Scenario
from tests.support.civility import assert_clear
from tests.support.labs import OpenLab

pytestmark = pytest.mark.lab

READER = "Evil \x1b[2J\x07 reader"  # in ASCII: the lab looks through pyscard, which takes no other name
PROGRAM = "fox\x1b[31m\u202e"  # the kernel keeps 15 bytes of it
HOME = ".gnupg\x1b]0;owned\x07 \u2066x"


def test_evil_names_on_real_daemons(open_lab: OpenLab) -> None:
    scenario = Scenario(
        name="evil",
        about="",
        readers=(Reader(name=READER),),
        clients=(Client(kind="shared", program=PROGRAM),),
        homes=(HOME,),
        files=(File(path=f"{HOME}/scdaemon.conf", content="disable-ccid\nno-such-option \x1b[31m\n"),),
    )
    lab = open_lab(scenario)
    for options in (["-v"], ["--format", "nagios"]):
        assert_clear(lab.gpgdoctor("check", *options), codes=(1, 2))
    done = lab.gpgdoctor("check", "--json")
    assert_clear(done, codes=(1,))
    assert done.stdout.isascii()
    document = json.loads(done.stdout)
    assert document["facts"]["gnupg"]["homedir"].endswith(HOME)
    assert document["facts"]["readers"][0]["name"].startswith("Evil \x1b[2J")
    if lab.gnupg_version >= GNUPG_2_3:  # it does not start with this line
        assert "GD101" in {finding["id"] for finding in document["findings"]}
        lab.write(f"{HOME}/scdaemon.conf", "disable-ccid\n")
        done = lab.gpgdoctor("check", "--json")
        assert_clear(done, codes=(1,))
        document = json.loads(done.stdout)
    (found,) = (finding for finding in document["findings"] if finding["id"] == "GD202")
    assert [culprit["program"][:8] for culprit in found["culprits"]] == [PROGRAM[:8]]
