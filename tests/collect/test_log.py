"""What pcscd's log tells: lines as pcscd, libccid and systemd write them, into typed events."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gpgdoctor.collect import log
from gpgdoctor.facts import LogEvent, Reason, Unknown
from gpgdoctor.system.deadline import Deadline

NOW = 1_700_000_000.0
REFUSED = "winscard.c:281:SCardConnect() Error Reader Exclusive"
POLKIT = "auth.c:164:IsClientAuthorized() Process 4242 (user: 1000) is NOT authorized for action: access_card"
HIDDEN = (
    "auth.c:143:IsClientAuthorized() polkit_authority_check_authorization_sync failed: "
    "GDBus.Error:org.freedesktop.PolicyKit1.Error.Failed: Error in authorization: open /proc/4242/status failed"
)
CLIENT = "winscard_svc.c:406:ContextThread() Client protocol is 4:5"
SERVER = "winscard_svc.c:408:ContextThread() Server protocol is 4:4"
BUSY = "ccid_usb.c:667:OpenUSBByName() Can't claim interface 3/15: LIBUSB_ERROR_BUSY"
ACCESS = "ccid_usb.c:519:OpenUSBByName() Can't libusb_open(1/7): LIBUSB_ERROR_ACCESS"
PORT = (
    "readerfactory.c:1106:RFInitializeReader() Open Port 0x200000 Failed (usb:1050/0407:libudev:2:/dev/bus/usb/001/007)"
)
NO_DRIVERS = "hotplug_libudev.c:139:HPReadBundleValues() Cannot open PC/SC drivers directory: /usr/lib/pcsc/drivers"
FAILED = "pcscd.service: Failed with result 'exit-code'."
ANOTHER = (
    "pcscdaemon.c:478:main() file /run/pcscd/pcscd.comm already exists. Another pcscd (pid: 7) seems to be running."
)
CLEAN = "pcscd.service: Deactivated successfully."


def kinds(*texts: str, age: float = 60.0) -> list[str]:
    return [event.kind for event in log.events([(NOW - age, text) for text in texts], NOW)]


@pytest.mark.parametrize(
    ("texts", "event"),
    [
        ((REFUSED,), LogEvent(kind="refused-exclusive", age=60.0)),
        ((POLKIT,), LogEvent(kind="not-authorised", age=60.0, uid=1000, pid=4242, action="access_card")),
        ((HIDDEN,), LogEvent(kind="caller-hidden", age=60.0)),
        ((CLIENT, SERVER), LogEvent(kind="protocol-mismatch", age=60.0, client="4:5", server="4:4")),
        ((BUSY, PORT), LogEvent(kind="open-failed", age=60.0, code="BUSY", vendor="1050", product="0407")),
        ((ACCESS,), LogEvent(kind="open-failed", age=60.0, code="ACCESS")),
        ((NO_DRIVERS,), LogEvent(kind="no-drivers", age=60.0)),
        ((FAILED,), LogEvent(kind="start-failed", age=60.0, code="exit-code")),
        ((ANOTHER,), LogEvent(kind="start-failed", age=60.0, code="another-pcscd")),
    ],
)
def test_lines_become_events(texts: tuple[str, ...], event: LogEvent) -> None:
    assert log.events([(NOW - 60, text) for text in texts], NOW) == (event,)


@pytest.mark.parametrize("text", [CLEAN, "", "\0" * 5000, "A" * 100_000, "pcsc-lite 2.3.3 daemon ready."])
def test_other_lines_say_nothing(text: str) -> None:
    assert kinds(text) == []


def test_refusals_count_for_a_quarter_of_an_hour_and_errors_since_boot() -> None:
    assert kinds(REFUSED, POLKIT, BUSY, age=16 * 60) == ["open-failed"]
    assert kinds(REFUSED, POLKIT, BUSY, age=14 * 60) == ["refused-exclusive", "not-authorised", "open-failed"]


def test_a_flood_is_bounded() -> None:
    assert len(kinds(*[POLKIT] * 5000)) == log.EVENT_LIMIT


# -- where they come from ------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with systemd, a journal that may be read, and journalctl."""
    journal = tmp_path / "journal" / "0123456789abcdef"
    journal.mkdir(parents=True)
    (journal / "system.journal").touch()
    (tmp_path / "machine-id").write_text("0123456789abcdef\n")
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(log, "JOURNALS", (str(journal.parent),))
    monkeypatch.setattr(log, "MACHINE_ID", str(tmp_path / "machine-id"))
    monkeypatch.setattr(log, "SYSTEMD", str(tmp_path))
    monkeypatch.setattr(log, "SYSLOGS", (str(tmp_path / "syslog"),))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def journalctl(machine: Path, script: str) -> None:
    path = machine / "bin" / "journalctl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def entry(text: object, age: float = 60.0) -> str:
    return json.dumps({"MESSAGE": text, "__REALTIME_TIMESTAMP": str(int((NOW - age) * 1e6))})


def test_the_journal(machine: Path) -> None:
    lines = [entry(REFUSED), "no json", "{}", "[]", "7", entry(None), entry([300]), entry(list(BUSY.encode()))]
    (machine / "out").write_text("\n".join(lines))
    journalctl(machine, f'echo "$*" >{machine}/asked; cat {machine}/out')
    found = log.pcscds_log(NOW, Deadline(5))
    assert not isinstance(found, Unknown)
    assert [(event.kind, event.age) for event in found] == [("refused-exclusive", 60.0), ("open-failed", 60.0)]
    assert "-b -o json -n 2000" in (machine / "asked").read_text()


def test_a_journal_that_is_closed_to_me_is_not_an_empty_one(machine: Path) -> None:
    journalctl(machine, "exit 0")
    assert log.pcscds_log(NOW, Deadline(5)) == ()
    (machine / "journal" / "0123456789abcdef" / "system.journal").unlink()
    found = log.pcscds_log(NOW, Deadline(5))
    assert isinstance(found, Unknown) and found.reason is Reason.NOT_PERMITTED


def test_one_that_does_not_answer_is_not_waited_for(machine: Path) -> None:
    journalctl(machine, "sleep 60")
    found = log.pcscds_log(NOW, Deadline(5))
    assert isinstance(found, Unknown) and "journalctl did not answer" in found.detail


def test_syslog_elsewhere(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SYSTEMD", str(machine / "none"))
    found = log.pcscds_log(NOW, Deadline(5))
    assert isinstance(found, Unknown) and found.reason is Reason.OTHER, "there is none"
    (machine / "syslog").write_text(
        f"2023-11-14T22:12:20 host pcscd[7]: {BUSY}\n2023-11-14T22:12:20 host gdm[8]: {NO_DRIVERS}\nnonsense\n"
    )
    found = log.pcscds_log(NOW, Deadline(5))
    assert not isinstance(found, Unknown)
    assert [event.kind for event in found] == ["open-failed"]


def test_a_fifo_in_its_place_is_not_opened(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "SYSTEMD", str(machine / "none"))
    os.mkfifo(machine / "syslog")
    assert isinstance(log.pcscds_log(NOW, Deadline(5)), Unknown)
