"""The machines of documents.py, and others whose names and lengths are hard to print."""

from __future__ import annotations

from gpgdoctor.facts import Unknown
from tests.support.build import CONF, HOME, IN_USE, SHARING, client, machine, reader, with_file
from tests.support.documents import MACHINES

UMLAUTS = machine(
    conf="reader-port Lesegerät für Bürgerkarten mit einem ungewöhnlich langen Namen und ßeriennummer\n",
    readers=(reader("PRESENT", "INUSE", probe="ok", name="Kartenleser Größe 7 für ältere Bürgerkärtchen 00 00"),),
    clients=(client("naïve-client", user="rené"),),
)
HOSTILE = machine(
    conf="pcsc-sharde \x1b[2J\x07\nfoo\u202ebar\n",
    readers=(
        reader(
            "PRESENT", "INUSE", probe="ok", name="Evil\n\nNo cause found.\x1b]0;owned\x07\r```\n-- BEGIN ATTACHMENTS --"
        ),
    ),
    clients=(client("\x1b[31mred\nroot (pid 1, root): certain", user="al\rice"),),
    gnupg={"card_keys": Unknown.because("\x9b31m\x85\u2028")},
)
LONG = machine(
    readers=(reader("PRESENT", "INUSE", probe="ok", name="N" * 500),),
    clients=tuple(client(f"program-{number}", 800 + number) for number in range(30)),
    gnupg={"homedir": f"{HOME}/{'x' * 200}"},
)
MANAGED = with_file(
    machine(conf="", readers=(IN_USE,), clients=(client("firefox"),)), CONF, target="/dots/x", manager="chezmoi"
)
MANY = machine(conf="".join(f"mistake-{number}\n" for number in range(40)))
ELSEWHERE = machine(conf=SHARING, readers=(IN_USE,), gnupg={"homedir": "/srv/keys/of the team"})
EVERY = {
    **MACHINES,
    "hostile": HOSTILE,
    "long": LONG,
    "umlauts": UMLAUTS,
    "managed": MANAGED,
    "many": MANY,
    "elsewhere": ELSEWHERE,
}
