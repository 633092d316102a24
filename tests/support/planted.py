"""A machine with a secret wherever one may be: 120 and more, each of a kind that a person or a machine has."""

from __future__ import annotations

from gpgdoctor.facts import Connection, Facts, PcscDriver, Reader, SelfTest, Unknown, known
from gpgdoctor.system.record import replace
from tests.support.build import BOOT, CONF, HOME, NOW, ON_USB, RUNNING, client, connection, machine, reader, with_file

HOST = "tuxedo-9.wolkenheim.example"
USER, OTHER, THIRD = "jürgen.groß-müller", "max-mustermann", "HOLZWEG\\vreni@ad.holzweg.example"

OF_USERS = (
    *("jürgen", "groß-müller", "groß", "müller", "mustermann", "vreni", "holzweg", "svetlana", "xaver", "dagobert"),
    *("1384823", "1399001"),
)
OF_HOSTS = ("tuxedo", "wolkenheim", "ad.holzweg", "zugspitze", "198.51.100.23", "2001:db8::5:17", "203.0.113.99")
OF_READERS = (
    *("12345", "a1b2c3d", "ABCDEFGH", "X9J3K2", "0912", "3456", "00:1A:2B:3C:4D:5E", "kasse.filiale-4.example", "4444"),
    *("Hannelore", "Kohlhaas", "0008675309", "FSIJ-1.2.15-87042524", "KX0001F3A1", "87042524", "9f3c-77aa-01"),
    *("Empfangstresen", "Zimmer217", "INV-2023-0815", "31415926", "DE0042-77", "Q7Q7Q7", "beef5eed", "Oberndorfer"),
    *("774411", "SN-55512", "Bad-Ischl", "4711-Q8R7", "mueller"),
)
OF_CARDS = ("08154711", "06543217", "D2760001240103040006", "987650123")
OF_PATHS = (
    *("merger-etc", "merger-shm", "merger-snap", "merger-app", "merger-store", "merger-usrlib", "merger-lib"),
    *("merger-opt", "merger-srv", "merger-mnt", "merger-run", "merger-var", "merger-tmp", "merger-local", "kanzlei"),
    *("Meine Logs", "mandant-77", "gehaltsliste", "scheidung", "libgeheim", "libvreni", "tresor-bin", "nas-wien"),
    *("alpenblick", "projekt-orion", "hexenkessel", "drehscheibe", "kellerwerk", "windrose", "scd-vertraulich"),
)
OF_LINES = (
    *("hunter2", "73816254", "sommer2019", "geburtstag", "tante-erna", "kundennummer", "rotweinglas", "unwort"),
    *("9F3A5C7E1B2D4F608A9C0E1F2A3B4C5D6E7F8091", "6E7F8091", "CAFED00DCAFED00D", "0123456789ABCDEF89ABCDEF"),
    *("ada.l@post.example", "kassenwart", "geheimwort", "freitag13", "paarlauf", "00 20 00 82", "vertragstext"),
)
OF_PROGRAMS = ("--token=s3cr3t", "s3cr3t", "zugang=offen", "wildgans@teich", "agent-mustermann"[:15])
OF_TEXTS = ("664 1234567", "5550100200", "archivar@haus.example", "DEADBEE1", "berg", "betriebsrat")
PIDS, INODES = (1618033, 2718281, 1414213, 1732050), (57721566, 91596559, 26149721)
TIMES = (1699991234, 1699978787, 1699965112, 1699943210)
NUMBERS = tuple(map(str, (*PIDS, *INODES, *TIMES)))
SECRETS = tuple(
    dict.fromkeys(
        (*OF_USERS, *OF_HOSTS, *OF_READERS, *OF_CARDS, *OF_PATHS, *OF_LINES, *OF_PROGRAMS, *OF_TEXTS, *NUMBERS)
    )
)
# What a look does not keep: comments.
NEVER_KEPT = ("sommer2019", "0123456789ABCDEF89ABCDEF", "vertragstext")

CONFIGURATION = f"""\
# sommer2019 {OF_LINES[0]} of tante-erna, vertragstext
disable-ccid # geburtstag kundennummer paarlauf
reader-port Yubico YubiKey OTP+FIDO+CCID (000867
log-file /dev/shm/merger-shm
pcsc-driver /usr/lib/merger-usrlib
passphrase hunter2
kassenwart geheimwort freitag13
Ada <ada.l@post.example> 0xCAFED00DCAFED00D
pcsc-sharde 73816254
debug-level 6E7F8091
ctapi-driver /etc/merger-etc/libgeheim.so
# card-timeout rotweinglas
[user dagobert]
[echo unwort tante-erna]
card-timeout 00 20 00 82
debug 9F3A5C7E1B2D4F608A9C0E1F2A3B4C5D6E7F8091
disable-application /snap/merger-snap/x
#0123456789ABCDEF89ABCDEF
"""
AGENT = """\
pinentry-program /nix/store/0wx9v-merger-store/bin/tresor-bin
scdaemon-program /app/merger-app/scd-vertraulich
log-file socket://203.0.113.99:4711
"""
READERS = (
    "Yubico YubiKey OTP+FIDO+CCID (0008675309) 00 00",
    "Free Software Initiative of Japan Gnuk (FSIJ-1.2.15-87042524) 01 00",
    "HID Global OMNIKEY 5422 [OMNIKEY 5422CL] (KX0001F3A1) 02 00",
    "Reader [12345] 00 00",
    "Reader [a1b2c3d] 00 00",
    "Smart Card [ABCDEFGH] 00",
    "Token X9J3K2 00 00",
    "Reader 0912 3456 78 00 00",
    "Reader 00:1A:2B:3C:4D:5E 00 00",
    "USB reader @ kasse.filiale-4.example:4444 00 00",
    "Reader of Hannelore Kohlhaas 00 00",
    "Reader groß-müller 00 00",
    "Reader Gross-Mueller 4711-Q8R7 00",
    "Reader at tuxedo-9.wolkenheim.example 00 00",
    "Reader s/n 9f3c-77aa-01 00 00",
    "Empfangstresen Zimmer217 00 00",
    "INV-2023-0815 00",
    "Gemalto PC Twin Reader (31415926) 00 00",
    "Reader DE0042-77 Q7Q7Q7 00",
    "Nitrokey beef5eed Oberndorfer 00",
    "Reader SN:774411 SN-55512 Bad-Ischl 00",
)
PROGRAMS = (
    ("tool --token=s3cr3t", THIRD, "/usr/lib/merger-lib", PIDS[1]),
    ("max-mustermann-agent", OTHER, "/opt/merger-opt/dagobert", 601),
    ("agent-mustermann"[:15], OTHER, "/var/merger-var/x y", 602),
    ("libmüller-sync", USER, "/home/svetlana/kanzlei/mandant-77", 603),
    ("run zugang=offen", "uid 1399001", "/srv/merger-srv/gehaltsliste", 604),
    ("ssh: wildgans@teich", "xaver", "/mnt/merger-mnt/nas-wien", 605),
    ("vreni_helper", "xaver", "/run/media/xaver/scheidung", 606),
    ("firefox", "xaver", "/usr/local/merger-local/firefox", 607),
)


def planted(version: str = "2.2.40") -> Facts:
    """The machine, with the scdaemon of that version."""
    facts = machine(
        version=version,
        conf=CONFIGURATION,
        agent_conf=AGENT,
        readers=tuple(_reader(number, name) for number, name in enumerate(READERS)),
        usb=(replace(ON_USB, title="Reader Hannelore 87042524", node="/dev/merger-run"),),
        running=replace(
            RUNNING, pid=PIDS[0], cards=("D2760001240103040006081547110000", "D2760001240103040006065432170000")
        ),
        clients=tuple(
            client(program, pid, user=user, uid=1_384_823, executable=path) for program, user, path, pid in PROGRAMS
        ),
        gnupg={
            "homedir": "/home/alpenblick/projekt-orion/.gnupg",
            "socketdir": "/run/user/1384823/gnupg/d.hexenkessel",
            "agent_listener": "max-mustermann-agent",
            "self_test": SelfTest(
                code=0,
                messages=(f"{CONF}:3: invalid option", "scdaemon[1414213]: note: kellerwerk betriebsrat"),
            ),
            "card_keys": Unknown.because(
                f"{HOME}/private-keys-v1.d: DEADBEE1, archivar@haus.example at 198.51.100.23 or 2001:db8::5:17, "
                f"5550100200, +43 664 1234567, {HOST} (zugspitze@berg), /tmp/merger-tmp, pid {PIDS[3]}, 987650123"
            ),
            "homedir_problems": ("svetlana", "groß and /home/svetlana/drehscheibe"),
        },
        configuration={
            "pcsc_driver": PcscDriver(name="/usr/lib/libvreni.so", usable=False, reason="/home/xaver/windrose: no")
        },
        host={"user": USER, "uid": 1_384_823, "session": "müller's", "container": "vreni"},
    )
    facts = with_file(
        facts, CONF, target="/home/dagobert/Meine Logs/scdaemon.conf", manager="stow of vreni", changed=TIMES[0] + 0.25
    )
    return _with_numbers(facts)


def _reader(number: int, name: str) -> Reader:
    if number == 0:
        return reader("PRESENT", "INUSE", name=name, probe="ok")
    return reader("EMPTY", name=name)


def _with_numbers(facts: Facts) -> Facts:
    processes = [replace(process, pid=PIDS[0]) if process.pid == 700 else process for process in known(facts.processes)]
    started = dict(zip((process.pid for process in processes), TIMES[1:], strict=False))
    told = tuple(replace(it, started=started.get(it.pid, BOOT) + 0.5) for it in processes)
    connections = tuple(
        replace(connection(process), inode=INODES[number] if number < len(INODES) else 100 + number)
        for number, process in enumerate(it for it in told if it.role == "client" or it.pid == PIDS[0])
    )
    unseen = Connection(inode=900, uid=1_399_001, pid=Unknown.because("see /home/svetlana/kellerwerk"))
    return replace(
        facts,
        processes=told,
        pcscd=replace(
            facts.pcscd,
            connections=(*connections, unseen),
            version=Unknown.because("svetlana may not see it"),
        ),
        host=replace(facts.host, time=NOW),
    )
