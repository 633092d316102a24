"""The machines of which pages are made."""

from __future__ import annotations

from gpgdoctor.facts import Facts, Unknown
from gpgdoctor.snapshot import decode
from tests.support.build import CONF, client, machine, reader, with_file
from tests.support.documents import DOCUMENTS, MACHINES
from tests.support.known_secrets import planted
from tests.support.odd_machines import HOSTILE, LONG, UMLAUTS
from tests.support.specimens import machines

NASTY = "<script>document.title='owned'</script>\"'><img src=http://example.org/x onerror=alert(1)>{{7*7}}</style>"


def nasty() -> Facts:
    """A machine whose every name is an attack on the page."""
    facts = machine(
        conf=f"reader-port {NASTY}\n{NASTY}\n",
        readers=(reader("PRESENT", "INUSE", probe="ok", name=NASTY), reader(name=f"{NASTY} 00 01")),
        clients=(client(NASTY, user=NASTY), client(f"</svg>{NASTY}", 801)),
        gnupg={"card_keys": Unknown.because(NASTY), "agent_listener": NASTY, "scdaemon_version": f"2.2.40 {NASTY}"},
        host={"distribution": f"debian {NASTY}", "user": NASTY},
    )
    return with_file(facts, CONF, detail=NASTY, manager=NASTY, target=f"/x/{NASTY}")


def many_readers() -> Facts:
    names = [f"Reader number {number} of a maker with a long name 00 0{number}" for number in range(8)]
    return machine(
        readers=tuple(reader("PRESENT", "INUSE", probe="ok", name=name) for name in names),
        clients=tuple(client(f"program-{number}", 800 + number) for number in range(9)),
    )


EVERY = {
    **{name: decode(document["facts"]) for name, document in DOCUMENTS.items()},
    **MACHINES,
    **machines(),
    "hostile": HOSTILE,
    "long": LONG,
    "umlauts": UMLAUTS,
    "planted": planted(),
    "nasty": nasty(),
    "many-readers": many_readers(),
}
