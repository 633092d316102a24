"""A corpus of what is private, planted wherever gpgdoctor looks: nothing of it leaves, whatever host asks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator

import pytest

from gpgdoctor.lab.catalogue.common import ON_PCSC
from gpgdoctor.lab.lab import Lab
from gpgdoctor.lab.scenario import Client, File, Reader, Scenario, Step
from tests.support.hooking import NAMES, document_of, run_hook

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="a lab with several users needs root")]

USER, UID = "quentyn", 1001
OTHER, OTHER_UID = "rosamund", 1002
HOST = "borealis"
TOKEN = "0031415926"
FINGERPRINT = "9F3A5C7E1B2D4F608A9C0E1F2A3B4C5D6E7F8091"
KEYGRIP = "0123456789ABCDEF89ABCDEF0123456789ABCDEF"
SECRETS = (
    USER,
    "Quentyn Realname",
    OTHER,
    HOST,
    "example-clients.org",
    TOKEN,
    TOKEN.lstrip("0"),
    FINGERPRINT,
    FINGERPRINT.lower(),
    "6E7F8091",
    "0xCAFED00DCAFED00D",
    KEYGRIP,
    "acme-merger",
    "q.realname",
    "192.0.2.77",
    "73816254",
    "hunter2-pin",
    "00 20 00 82",
    "D2760001240103040000",
    "alice",
)
SCDAEMON_CONF = f"""\
# card of Quentyn Realname <q.realname@example-clients.org>, PIN 73816254, key {FINGERPRINT}
reader-port Yubico YubiKey OTP+FIDO+CCID ({TOKEN}) 00 00
log-file /home/alice/clients/acme-merger/scd.log
passphrase hunter2-pin
card-timeout 5   # {USER}@{HOST}.example-clients.org 192.0.2.77
debug-level {FINGERPRINT[-8:]}
Quentyn Realname 0xCAFED00DCAFED00D
"""
AGENT_CONF = f"""\
pinentry-program /home/alice/acme-merger/pinentry-{USER}
default-cache-ttl 73816254
{KEYGRIP} hunter2-pin
"""
PASSWD = (
    "root:x:0:0:root:/root:/bin/bash\n"
    f"{USER}:x:{UID}:{UID}:Quentyn Realname:/home/alice:/bin/bash\n"
    f"{OTHER}:x:{OTHER_UID}:{OTHER_UID}::/home/{OTHER}:/bin/bash\n"
)
OTHERS_CONF = f"reader-port {USER} {TOKEN}\npcsc-driver /home/{USER}/{HOST}/libpcsclite.so\n"
HOME_OF_OTHER = f"""
set -e
mkdir -m 700 /home/$0 /home/$0/.gnupg
printf '%s' "$1" >/home/$0/.gnupg/scdaemon.conf
chown -R {OTHER_UID}:{OTHER_UID} /home/$0
"""
# An scdaemon that has the card, one with another home on its command line, and a program with a telling one.
STEPS = (
    Step(argv=("gpg", "--card-status"), code=None),
    Step(argv=("sh", "-c", "mkdir -m 700 ~/acme-merger && gpg-agent --homedir ~/acme-merger --daemon"), code=None),
)


@pytest.fixture(scope="module")
def lab(open_module_lab: Callable[..., Lab]) -> Iterator[Lab]:
    home = ".gnupg"
    scenario = Scenario(
        name="private",
        about="",
        readers=(Reader(name=f"Yubico YubiKey OTP+FIDO+CCID ({TOKEN})"),),
        clients=(
            Client(kind="idle", program="soffice.bin", user=OTHER_UID),
            Client(kind="idle", program="firefox", user=UID),
        ),
        steps=STEPS,
        files=(
            ON_PCSC,
            File(path="/etc/passwd", content=PASSWD, mode=0o644),
            File(path="/etc/hostname", content=f"{HOST}\n", mode=0o644),
            File(path=f"{home}/private-keys-v1.d/{KEYGRIP}.key", content="(20:shadowed-private-key hunter2-pin)"),
            File(path=f"{home}/pcscd.log", content="APDU: 00 20 00 82 08 37 33 38 31 36 32 35 34\n"),
        ),
    )
    lab = open_module_lab(scenario, user=UID)
    # Only now: later versions would not have started with such files.
    lab.write(f"{home}/scdaemon.conf", SCDAEMON_CONF)
    lab.write(f"{home}/gpg-agent.conf", AGENT_CONF)
    made = lab.run(["sh", "-c", HOME_OF_OTHER, OTHER, OTHERS_CONF], user=0)
    assert (made.returncode, made.stderr) == (0, "")
    yield lab


def on_host(lab: Lab, name: str, *options: str, as_root: bool) -> str:
    """Run a hook on a machine of that name."""
    become = "" if as_root else f"setpriv --reuid {UID} --regid {UID} --clear-groups "
    command = f"hostname {HOST} && exec {become}{lab.python} -m gpgdoctor hook run {name} {' '.join(options)}"
    environment = {"USER": USER, "LOGNAME": USER, "HOSTNAME": HOST, **({"SUDO_UID": str(UID)} if as_root else {})}
    done = lab.run(["unshare", "--uts", "sh", "-c", command], user=0, env=environment, timeout=30)
    assert done.stderr == ""
    assert done.returncode in (0, 1, 2, 3)
    return done.stdout


def planted_in(output: str) -> list[str]:
    return [secret for secret in SECRETS if secret.casefold() in output.casefold()]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_private_is_in_what_a_host_gets(name: str, lab: Lab) -> None:
    assert planted_in(on_host(lab, name, as_root=False)) == []


@pytest.mark.parametrize("options", [(), ("--all-users",)])
def test_nor_where_root_asks(options: tuple[str, ...], lab: Lab) -> None:
    for name in ("supportconfig", "reportbug"):
        assert planted_in(on_host(lab, name, *options, as_root=True)) == []


def test_all_of_it_was_looked_at(lab: Lab) -> None:
    """The corpus is worth something only where check itself, which does not redact, tells it."""
    checked = lab.gpgdoctor("check", "--json", "--no-probe").stdout
    told = set(planted_in(checked))
    assert told >= {USER, TOKEN, "6E7F8091", "acme-merger", "73816254", "alice", "D2760001240103040000"}
    document = document_of(run_hook(lab, "json"))
    assert document["redacted"]
    assert {finding["id"] for finding in document["findings"]} == {
        finding["id"] for finding in json.loads(checked)["findings"]
    }


def test_a_name_that_one_user_has_is_found_in_what_another_one_wrote(lab: Lab) -> None:
    output = on_host(lab, "sos", "--all-users", as_root=True)
    document = document_of(output)
    assert all(re.fullmatch(r"user\d", entry["user"]) for entry in document["users"])
    assert len(document["users"]) == 2
    assert {setting["option"] for setting in document["users"][1]["facts"]["configuration"]["in_force"]} == {
        "pcsc-driver",
        "reader-port",
    }
    assert planted_in(output) == []
