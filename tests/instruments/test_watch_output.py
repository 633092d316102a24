"""What a watch prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gpgdoctor.lab.scenario import Client, Reader
from tests.support.labs import OpenLab
from tests.support.watching import Watching, idle, scenario

pytestmark = pytest.mark.lab


def test_a_summary_at_the_end(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(Client(kind="shared", program="firefox")))
    watch = Watching(lab)
    watch.until("the holder", lambda: "firefox" in "".join(watch.lines))
    other = lab.start_client(Client(kind="shared", program="ykman"))
    watch.until("the other one", lambda: "ykman" in "".join(watch.lines))
    other.stop()
    assert watch.interrupt() == 0
    heading = next(number for number, line in enumerate(watch.lines) if line.startswith("program "))
    rows = [line.split()[0] for line in watch.lines[heading + 1 :]]
    assert rows == ["firefox", "ykman"]
    assert max(map(len, watch.lines)) <= 80
    assert watch.complaints == ""


def test_for_a_time(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    watch = Watching(lab, "--for", "1")
    assert watch.wait() == 0
    assert watch.lines[-1] == "In 1.0 s nobody took a card."


def test_it_ends_when_nobody_reads_any_more(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(idle()))
    done = lab.run(["sh", "-c", f"{lab.python} -m gpgdoctor watch --json | head -n 1"], timeout=30)
    assert json.loads(done.stdout)["event"] == "pcscd"
    assert done.stderr == ""


def test_names_are_printed_escaped_and_within_80_columns(open_lab: OpenLab) -> None:
    evil = "Evil \x1b[2J\x07 " + "wide " * 16
    lab = open_lab(scenario(idle(), readers=(Reader(name=evil[:110].strip()),)))
    text, lines = Watching(lab, "--for", "2"), Watching(lab, "--json", "--for", "2")
    assert (text.wait(), lines.wait()) == (0, 0)
    printed = "\n".join(text.lines)
    assert "Evil \\x1b[2J" in printed
    assert printed.replace("\n", "").isprintable()
    assert max(map(len, text.lines)) <= 80
    assert all(line.isascii() and line.isprintable() for line in lines.lines)


@pytest.mark.parametrize("arguments", [("--rate", "0"), ("--rate", "nan"), ("--for", "-1"), ("--for", "x"), ("more",)])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", "gpgdoctor", "watch", *arguments], capture_output=True, timeout=60)
    assert done.returncode == 2, done.stderr
