"""A process of our own is limited in time and size, and whatever it tells, nobody is harmed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpgdoctor.system.child import Child
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.inside import MEMORY_BYTES

pytestmark = pytest.mark.machine_dependent

ANSWER_BYTES = 1 << 16
BEGIN = "from gpgdoctor.system.inside import Parent\nparent = Parent()\n"
# What a process says that is traced and rewritten by its user, by what then comes of it.
SPEECHES = {
    "flood": BEGIN + "while True: parent._out.write(b'{}\\n' * 1000)",
    "a line without end": BEGIN + "while True: parent._out.write(b'[' * 1000)",
    "very deep": BEGIN + "parent._out.write(b'[' * 20000 + b'\\n')",
    "a number without end": BEGIN + "parent._out.write(b'9' * 50000 + b'\\n')",
    "no number": BEGIN + "parent._out.write(b'NaN\\n')",
    "no text": BEGIN + "parent._out.write(b'\\xff\\xfe\\n')",
    "nothing": BEGIN,
    "its end": "import os; os.abort()",
    "its own limits": BEGIN + "bytearray(4 << 30)\nparent.tell(large=True)",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield tmp_path


def child(folder: Path, source: str, limit_s: float = 30.0) -> Child:
    (folder / "speaker.py").write_text(source)
    return Child("speaker", limit_s=limit_s, answer_bytes=ANSWER_BYTES)


@pytest.mark.parametrize("kind", SPEECHES)
def test_whatever_it_says_costs_no_more_than_is_read(kind: str, folder: Path) -> None:
    speaker = child(folder, SPEECHES[kind])
    try:
        read = 0
        while facts := speaker.read(Deadline(20.0)):
            read += len(facts)
        assert read <= ANSWER_BYTES
        assert speaker.error
    finally:
        speaker.close()


def test_it_takes_orders_and_tells(folder: Path) -> None:
    speaker = child(folder, BEGIN + "order = parent.next_order()\nparent.tell(doubled=order['number'] * 2)")
    try:
        speaker.order(number=21)
        assert speaker.read(Deadline(20.0)) == [{"doubled": 42}]
    finally:
        speaker.close()


def test_it_may_write_no_file_and_use_no_more_memory_than_a_look_needs(folder: Path) -> None:
    limits = "[resource.getrlimit(it)[1] for it in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)]"
    speaker = child(folder, f"import resource\n{BEGIN}parent.tell(limits={limits})")
    try:
        assert speaker.read(Deadline(20.0)) == [{"limits": [MEMORY_BYTES, 0, 0]}]
    finally:
        speaker.close()


def test_it_ends_by_itself_where_nobody_ends_it(folder: Path) -> None:
    speaker = child(folder, f"{BEGIN}import time\nparent.tell(ready=True)\ntime.sleep(600)", limit_s=1.0)
    try:
        speaker.read(Deadline(20.0))
        assert speaker.read(Deadline(20.0)) == []
        assert speaker.ended
    finally:
        speaker.close()


def test_nothing_of_it_is_left(folder: Path) -> None:
    script = "import subprocess, time\nparent.tell(pid=subprocess.Popen(['sleep', '600']).pid)\ntime.sleep(600)"
    speaker = child(folder, BEGIN + script)
    try:
        ((pid,),) = (list(fact.values()) for fact in speaker.read(Deadline(20.0)))
    finally:
        speaker.close()
    deadline = Deadline(20.0)
    while os.path.exists(f"/proc/{pid}/exe") and deadline.left():
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{pid}/exe")
