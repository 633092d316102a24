"""A machine with a secret wherever one may be, and those secrets; planted.py has many more."""

from __future__ import annotations

from gpgdoctor.facts import Facts, SelfTest, Unknown
from gpgdoctor.system.record import replace
from tests.support.build import CONF, HOME, RUNNING, client, machine, reader, with_file

SERIAL = "Yubico YubiKey OTP+FIDO+CCID (0012345678) 00 00"
SECRETS = (
    *("alice", "bob", "carol", "zaphod", "wombat", "example"),
    *("12345678", "87042524", "KX0001F3A1", "6001234567"),
    *("hunter2", "123456 ", "acme", "My Logs", "laptop", "Lovelace"),
    *("0123456789ABCDEF", "DEADBEE1", "198.51.100.7", "2001:db8::17", "1387711", "deep-thought"),
)
HOSTS = ("wombat.example.org",)
CONFIGURATION = """\
# PIN 123456 of Ada Lovelace's laptop
disable-ccid # alice@example.org said so
reader-port Yubico YubiKey OTP+FIDO+CCID (00123
log-file /home/alice/My Logs/acme.log
pcsc-driver /home/bob/acme/libpcsclite.so.1
passphrase hunter2
hunter2
pcsc-sharde
#pcsc-shared, carol wants it
# card-timeout hunter2
[user zaphod]
[echo hunter2 acme]
deny-admin   # laptop
debug hunter2
"""


def planted() -> Facts:
    """A machine with a secret wherever one may be."""
    facts = machine(
        conf=CONFIGURATION,
        agent_conf="pinentry-program /home/carol/bin/acme-pinentry\nlog-file socket://198.51.100.7:99\n",
        readers=(
            reader("PRESENT", "INUSE", name=SERIAL, probe="ok", atr="3bda18ff81b1fe751f030031f573c001600090001c"),
            reader(name="Free Software Initiative of Japan Gnuk (FSIJ-1.2.15-87042524) 01 00"),
            reader("EMPTY", name="HID Global OMNIKEY 5422 [OMNIKEY 5422CL] (KX0001F3A1) 02 00"),
        ),
        running=replace(RUNNING, cards=("D2760001240103040006123456780000",)),
        clients=(
            client("firefox", executable="/home/alice/bin/firefox"),
            client("tool --token hunter2", 801, user="carol", uid=1387711, executable="/opt/acme/zaphod"),
            client(
                "alice-sync", 802, user="bob", uid=1002, executable=Unknown.because("bob may not see /home/bob/acme")
            ),
            client("ssh: zaphod@deep-thought", 803, user="zaphod", uid=1003),
        ),
        gnupg={
            "self_test": SelfTest(code=0, messages=(f"{CONF}:3: invalid option", "scdaemon: note: hunter2 acme")),
            "card_keys": Unknown.because(
                f"{HOME}/private-keys-v1.d: 0123456789ABCDEF0123456789abcdef01234567, "
                "0xDEADBEE1, ada@deep-thought at 198.51.100.7 or 2001:db8::17, 6001234567, wombat.example.org (wombat)"
            ),
            "homedir_problems": ("alice said so",),
        },
        host={"session": "alice's"},
    )
    return with_file(facts, CONF, target="/home/alice/acme dots/scdaemon.conf", manager="stow of carol")
