"""The lab shows the illnesses for real: real pcscd, gpg and scdaemon against virtual cards and other programs."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC, SHARED_OPTIONS
from gpgdoctor.lab.lab import (
    SCARD_STATE_EMPTY,
    SCARD_STATE_EXCLUSIVE,
    SCARD_STATE_INUSE,
    SCARD_STATE_MUTE,
    SCARD_STATE_PRESENT,
    Lab,
    LabFailed,
)
from gpgdoctor.lab.scenario import Client, ClientKind, File, Listener, Package, Reader, Scenario, Step

pytestmark = pytest.mark.lab

OpenLab = Callable[..., Lab]

SECOND_READER = Reader(name="Gemalto PC Twin Reader")
GENERATE_ON_CARD = "admin\ngenerate\nn\n0\nAlice Lab\nalice@example.org\n\nquit\n"
HANGS_S = 2.0
QUIET_S = 1.0
SELECT_OPENPGP = "apdu 00a4040006d27600012401"


def scenario(*files: File, **parts: object) -> Scenario:
    return Scenario(name="test", about="made for a test", files=files or (ON_PCSC,), **parts)  # type: ignore[arg-type]


def one_client(kind: ClientKind, **how: object) -> Scenario:
    return scenario(clients=(Client(kind=kind, **how),))  # type: ignore[arg-type]


def card_status(lab: Lab) -> subprocess.CompletedProcess[str]:
    return lab.run(["gpg", "--card-status"])


def events(log: list[str]) -> list[str]:
    return [line.split(" ", 1)[1] for line in log]


def card_status_hangs(lab: Lab) -> bool:
    try:
        lab.run(["gpg", "--card-status"], timeout=HANGS_S)
    except subprocess.TimeoutExpired:
        return True
    return False


# -- the card ---------------------------------------------------------------------------------------------------------


def test_gpg_reads_the_card(open_lab: OpenLab) -> None:
    status = card_status(open_lab(scenario()))
    assert status.returncode == 0, status.stderr
    assert "Serial number ....: 00000001" in status.stdout


def test_a_key_made_on_the_card_signs(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    made = lab.run(["gpg", "--no-tty", "--status-fd", "2", "--command-fd", "0", "--card-edit"], input=GENERATE_ON_CARD)
    assert "[GNUPG:] KEY_CREATED B" in made.stderr
    signed = lab.run(["gpg", "--batch", "--clearsign"], input="a message\n")
    assert signed.returncode == 0, signed.stderr
    assert "Good signature" in lab.run(["gpg", "--batch", "--verify"], input=signed.stdout).stderr
    changed = signed.stdout.replace("a message", "another message")
    assert "BAD signature" in lab.run(["gpg", "--batch", "--verify"], input=changed).stderr
    assert any(event.startswith("apdu 002a9e9a") for event in events(lab.card_log())), "the card did not sign"


def test_the_cards_log_has_what_happens_to_it_and_nothing_else(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    asleep = events(lab.card_log())
    assert asleep[-1] == "power-off"
    time.sleep(QUIET_S)
    lab.reader_states()
    assert events(lab.card_log()) == asleep, "looking at the reader and vpcd's own polling are not in the log"
    card_status(lab)
    new = events(lab.card_log())[len(asleep) :]
    assert new[0] == "power-on"
    assert any(event.startswith(SELECT_OPENPGP) for event in new)


def test_a_holder_that_dies_in_a_transaction_has_the_card_reset(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("transaction"))
    assert "reset" not in events(lab.card_log())
    lab.client().kill()
    lab.wait_until(lambda: "reset" in events(lab.card_log()), "the card was not reset")


def test_a_card_can_be_taken_out_and_another_put_in(open_lab: OpenLab) -> None:
    lab = open_lab(scenario())
    lab.remove()
    assert lab.reader_states()[lab.readers[0]] & SCARD_STATE_EMPTY
    assert card_status(lab).returncode == 2
    lab.insert(kind="foreign")
    assert lab.reader_states()[lab.readers[0]] & SCARD_STATE_PRESENT
    assert card_status(lab).returncode == 2
    lab.remove()
    lab.insert(kind="openpgp")
    assert card_status(lab).returncode == 0


@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        ("absent", SCARD_STATE_EMPTY),
        ("mute", SCARD_STATE_PRESENT | SCARD_STATE_MUTE),
        ("foreign", SCARD_STATE_PRESENT),
    ],
)
def test_cards_that_gpg_cannot_use(kind: str, bits: int, open_lab: OpenLab) -> None:
    lab = open_lab(scenario(readers=(Reader(card=kind),)))  # type: ignore[arg-type]
    everything = SCARD_STATE_EMPTY | SCARD_STATE_PRESENT | SCARD_STATE_MUTE
    assert lab.reader_states()[lab.readers[0]] & everything == bits
    status = card_status(lab)
    assert status.returncode == 2
    assert "selecting card failed: No such device" in status.stderr


# -- other programs ---------------------------------------------------------------------------------------------------


def test_an_idle_client_is_in_nobodys_way(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("idle"))
    assert not lab.reader_states()[lab.readers[0]] & SCARD_STATE_INUSE
    assert card_status(lab).returncode == 0


@pytest.mark.parametrize(
    ("kind", "state"),
    [("shared", SCARD_STATE_INUSE), ("direct", SCARD_STATE_INUSE), ("exclusive", SCARD_STATE_EXCLUSIVE)],
)
def test_a_holder_makes_gpg_fail_until_it_ends(kind: ClientKind, state: int, open_lab: OpenLab) -> None:
    lab = open_lab(one_client(kind))
    assert lab.reader_states()[lab.readers[0]] & (SCARD_STATE_INUSE | SCARD_STATE_EXCLUSIVE) == state
    status = card_status(lab)
    assert status.returncode == 2
    assert "selecting card failed: No such device" in status.stderr
    assert lab.client().ask("status")["code"] == "0x00000000"
    lab.client().stop()
    assert card_status(lab).returncode == 0


def test_with_the_shared_options_gpg_works_beside_a_shared_holder(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS, clients=(Client(kind="shared"),)))
    assert card_status(lab).returncode == 0
    assert lab.client().ask("status")["code"] == "0x00000000"


def test_the_shared_options_do_not_help_against_an_exclusive_holder(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS, clients=(Client(kind="exclusive"),)))
    assert card_status(lab).returncode == 2


def test_a_transaction_makes_gpg_hang(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("transaction"))
    assert card_status_hangs(lab)
    assert lab.client().ask("end")["code"] == "0x00000000"
    assert not card_status_hangs(lab)


def test_a_client_in_another_network_is_not_seen_from_ours(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("shared", other_network=True))
    networks = lab.run(["readlink", "/proc/self/ns/net", f"/proc/{lab.client().pid}/ns/net"], user=0).stdout.split()
    assert len(set(networks)) == 2
    assert card_status(lab).returncode == 2


def test_a_client_of_another_user(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("shared", user=1002), user=1001)
    owners = lab.run(["stat", "-c", "%u", f"/proc/{lab.client().pid}", lab.gnupghome]).stdout.split()
    assert owners == ["1002", "1001"]
    assert card_status(lab).returncode == 2


def test_a_client_bears_its_programs_name(open_lab: OpenLab) -> None:
    lab = open_lab(one_client("idle", program="keepassxc"))
    assert lab.pid_of("keepassxc") == lab.client("keepassxc").pid


def test_a_holder_on_the_second_reader_is_in_nobodys_way(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(readers=(Reader(), SECOND_READER), clients=(Client(kind="shared", reader=1),)))
    states = lab.reader_states()
    assert states[lab.readers[1]] & SCARD_STATE_INUSE
    assert not states[lab.readers[0]] & SCARD_STATE_INUSE
    assert card_status(lab).returncode == 0


def test_readers_need_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="two readers of one name"):
        Lab(scenario(readers=(Reader(), Reader())))


def test_a_foreign_select_leaves_scdaemon_with_a_lasting_card_error(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(SHARED_OPTIONS))
    assert card_status(lab).returncode == 0
    client = lab.start_client(Client(kind="foreign-select"))
    lab.wait_until(lambda: "Card error" in card_status(lab).stderr, "scdaemon was not disturbed")
    client.stop()
    assert "Card error" in card_status(lab).stderr
    lab.run(["gpgconf", "--kill", "gpg-agent"])
    assert card_status(lab).returncode == 0


def test_a_crowd_leaves_no_room_for_gpg(open_lab: OpenLab) -> None:
    assert card_status(open_lab(one_client("crowd"))).returncode == 2


# -- daemons ----------------------------------------------------------------------------------------------------------


def test_a_killed_pcscd_leaves_its_socket(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="killed"))
    assert lab.pid_of("pcscd") is None
    assert "/run/pcscd/pcscd.comm" in lab.snapshot_files()
    assert card_status(lab).returncode == 2


def test_a_stopped_pcscd_makes_gpg_hang_until_it_goes_on(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="stopped"))
    assert card_status_hangs(lab)
    lab.signal_pcscd(signal.SIGCONT)
    assert not card_status_hangs(lab)


def test_a_pcscd_that_never_started_leaves_nothing(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(pcscd="never-started"))
    assert lab.pid_of("pcscd") is None
    assert not [path for path in lab.snapshot_files() if path.startswith("/run/pcscd")]


@pytest.mark.parametrize(
    ("package", "program"),
    [("gnupg", "gpgconf"), ("pcscd", "pcscd"), ("scdaemon", "/usr/lib/gnupg/scdaemon")],
)
def test_a_hidden_package_is_not_there(package: Package, program: str, open_lab: OpenLab) -> None:
    lab = open_lab(scenario(readers=(), pcscd="never-started", hidden=(package,)))
    assert lab.run(["sh", "-c", f"command -v {program}"]).returncode != 0


def test_without_libpcsclite_only_the_lab_itself_reaches_pcscd(open_lab: OpenLab) -> None:
    lab = open_lab(scenario(hidden=("libpcsclite",), clients=(Client(kind="idle"),)))
    assert lab.run([lab.python, "-c", "import ctypes; ctypes.CDLL('libpcsclite.so.1')"]).returncode == 1
    assert lab.client().ask("status")["code"] == "0x00000000"
    assert card_status(lab).returncode == 2
    assert not lab.reader_states()[lab.readers[0]] & SCARD_STATE_EXCLUSIVE


@pytest.mark.parametrize("user", [0, 1001])
def test_a_listener_counts_who_connects(user: int, open_lab: OpenLab) -> None:
    path = "{sockets}/S.gpg-agent"
    lab = open_lab(
        scenario(readers=(), pcscd="never-started", listeners=(Listener(path=path, program="gpg-agent"),)), user=user
    )
    assert lab.connects(path) == 0
    lab.run(["gpg-connect-agent", "--no-autostart", "/bye"])
    lab.wait_until(lambda: lab.connects(path) == 1, "the connection was not counted")


# -- scenarios --------------------------------------------------------------------------------------------------------


def test_a_step_that_ends_otherwise_than_it_should_is_a_failure(open_lab: OpenLab) -> None:
    with pytest.raises(LabFailed, match=r"(?s)gpg --card-status ended with 2: .*No such device"):
        open_lab(scenario(clients=(Client(kind="shared"),), steps=(Step(argv=("gpg", "--card-status")),)))


def test_steps_are_kept(open_lab: OpenLab) -> None:
    lab = open_lab(
        scenario(readers=(), pcscd="never-started", steps=(Step(argv=("echo", "done")), Step(argv=("false",), code=1)))
    )
    assert [step.stdout for step in lab.steps] == ["done\n", ""]


def test_files_of_the_scenario(open_lab: OpenLab) -> None:
    files = (
        File(path=".gnupg/scdaemon.conf", content=b"\xff\n", mode=0o640),
        File(path="/etc/gnupg/scdaemon.conf", content="verbose\n", mode=0o644),
    )
    lab = open_lab(scenario(*files, readers=(), pcscd="never-started"))
    assert lab.run(["od", "-An", "-tx1", lab.gnupghome + "/scdaemon.conf"]).stdout.split() == ["ff", "0a"]
    assert lab.run(["stat", "-c", "%a", lab.gnupghome + "/scdaemon.conf"]).stdout == "640\n"
    assert lab.read("/etc/gnupg/scdaemon.conf") == "verbose\n"
    lab.write(".gnupg/gpg.conf", "no-greeting\n")
    assert lab.read(".gnupg/gpg.conf") == "no-greeting\n"
