"""Who may hold a reader: PC/SC only says that it is in use; the connections to pcscd show which programs may."""

from __future__ import annotations

import math

from gpgdoctor.facts import (
    Connection,
    Facts,
    NotKnown,
    Process,
    Reader,
    Unknown,
    UsbInterface,
    known,
    known_or,
    seconds_between,
)
from gpgdoctor.holders import ShareMode
from gpgdoctor.holders import known as known_holder
from gpgdoctor.rules import scdaemon
from gpgdoctor.rules.reader_state import Hold, hold, is_held
from gpgdoctor.rules.rule import Certainty, Culprit, Holds, Subjects
from gpgdoctor.rules.rule import readers as each_reader
from gpgdoctor.rules.usb_names import of_readers
from gpgdoctor.wording import Text, pid, program, text

# Programs that always hold come before those that are merely connected.
SERVED = text("scdaemon has its card through pcscd, whose readers this session is not shown")
RANK_OF_HOLDS = {"always": 0, "from-first-use": 1, "short": 1, "connected": 3, "never": 4}


def contended(facts: Facts) -> Subjects:
    """A subject for each reader that somebody may hold. Where nobody is connected to pcscd, nobody does."""
    nobody = known_or(facts.pcscd.connections, None) == () and known_or(facts.pcscd.hidden, None) == 0
    if isinstance(facts.readers, Unknown) and nobody and known(facts.pcscd.listener) == "pcscd":
        return Holds(why=text("nobody is connected to pcscd"))
    if is_served_unseen(facts) and not any(map(uses_cards, others(facts))) and not unseen(facts):
        return Holds(why=SERVED)
    return listed(facts)


def is_served_unseen(facts: Facts) -> bool:
    """Whether my scdaemon has its card from a pcscd that does not show its readers to me: polkit refuses my session.

    Then nothing keeps gpg from the card, whatever the readers may be. So it is in a container that has the socket of
    its host's pcscd, where nobody's connections show.
    """
    if not isinstance(facts.readers, Unknown):
        return False
    if is_of_the_host(facts):
        return scdaemon.path(facts) is scdaemon.Path.PCSC and scdaemon.holds_a_card(facts)
    if isinstance(facts.pcscd.connections, Unknown):
        return False
    return not isinstance(facts.gnupg.running, Unknown) and holds_through_pcsc(facts)


def is_of_the_host(facts: Facts) -> bool:
    """Whether pcscd's socket comes from outside this container, and who listens there does not show."""
    return facts.pcscd.mounted is True and facts.pcscd.listener is None


def listed(facts: Facts) -> Subjects:
    """A subject for each reader of a running pcscd."""
    listener = known(facts.pcscd.listener)
    if listener is None and any(process.role == "pcscd" for process in known_or(facts.processes, ())):
        raise NotKnown(text("pcscd runs, but where it listens is not visible"))
    if listener != "pcscd":
        return Holds(why=text("pcscd does not run, so nobody is connected to it"))
    return each_reader(facts)


def named(process: Process) -> Text:
    """A program in a sentence: `scdaemon (pid 700)`."""
    return text("{program} (pid {pid})", program=program(process.program), pid=pid(process.pid))


def clients(facts: Facts) -> list[Process]:
    """pcscd's clients that are visible and not ours, nor only looking."""
    connected = {known_or(connection.pid, 0) for connection in known_or(facts.pcscd.connections, ())}
    connected |= {process.pid for process in _opaque(facts)}
    return [
        process
        for process in known_or(facts.processes, ())
        if process.pid in connected and not process.ours and not _only_looks(process)
    ]


def _opaque(facts: Facts) -> list[Process]:
    """Programs that have one of the connections whose program is not visible.

    scdaemon and some others forbid ptrace, so that /proc shows their sockets to root alone: a connection of
    its user that belongs to no visible program is taken for its own, unless it says that it has no card.
    """
    named = {known_or(connection.pid, 0) for connection in known_or(facts.pcscd.connections, ())}
    unnamed = [known_or(connection.uid, -1) for connection in _unnamed(facts)]
    found = []
    candidates = [it for it in known_or(facts.processes, ()) if it.pid not in named and _may_be_opaque(facts, it)]
    for process in sorted(candidates, key=lambda it: it.role != "scdaemon"):
        uid = known_or(process.uid, -2)
        if uid in unnamed:
            unnamed.remove(uid)
            found.append(process)
    return found


def _may_be_opaque(facts: Facts, process: Process) -> bool:
    if process.role == "scdaemon":
        return _may_have_a_card(facts, process)
    holder = known_holder(process.program)
    return process.role == "client" and holder is not None and holder.hides


def _may_have_a_card(facts: Facts, process: Process) -> bool:
    running = known_or(facts.gnupg.running, None)
    if running is not None and process.pid == running.pid:
        return bool(running.cards)
    return known_or(process.cards, None) != 0


def _unnamed(facts: Facts) -> list[Connection]:
    return [connection for connection in known_or(facts.pcscd.connections, ()) if known_or(connection.pid, 0) == 0]


def mine(facts: Facts, process: Process) -> bool:
    """Whether this scdaemon is the one of this GNUPGHOME: it listens on the socket there."""
    running = facts.gnupg.running
    if not isinstance(running, Unknown):
        return running is not None and process.pid == running.pid
    return process.role == "scdaemon" and is_of_this_home(facts, process)


def is_of_this_home(facts: Facts, process: Process) -> bool:
    """Whether a daemon of GnuPG was started by my user for this GNUPGHOME."""
    if known_or(process.uid, -1) != known_or(facts.host.uid, -2):
        return False
    given = known_or(process.homedir, None)
    return _is_default(facts) if given is None else given == known_or(facts.gnupg.homedir, "")


def _is_default(facts: Facts) -> bool:
    """Whether this GNUPGHOME is the one that daemons take which are told of none."""
    return known_or(facts.gnupg.home_is_default, known_or(facts.gnupg.homedir, "").endswith("/.gnupg"))


def agents(facts: Facts) -> list[Process]:
    """The gpg-agents of my user for this GNUPGHOME.

    One may have it from its environment, which does not show: it is told apart only where there is no other.
    """
    mine = known_or(facts.host.uid, -2)
    running = [it for it in known_or(facts.processes, ()) if it.role == "gpg-agent" and known_or(it.uid, -1) == mine]
    found = [process for process in running if is_of_this_home(facts, process)]
    if found or known_or(facts.gnupg.agent_listener, None) != "gpg-agent":
        return found
    untold = [process for process in running if known_or(process.homedir, None) is None]
    return untold if len(untold) == 1 else []


def holds_through_pcsc(facts: Facts) -> bool:
    """Whether my scdaemon has a card, and is a client of pcscd; else it has it by its own driver."""
    running = known(facts.gnupg.running)
    if running is None or not running.cards:
        return False
    known(facts.pcscd.connections)
    return running.pid in {process.pid for process in clients(facts)}


def is_scdaemons(facts: Facts, index: int) -> bool:
    """Whether my scdaemon's card is in this reader. It tells that it has one, but not on which reader."""
    readers = known(facts.readers)
    if not is_held(readers[index]) or not holds_through_pcsc(facts):
        return False
    candidates = [number for number, reader in enumerate(readers) if _fits_scdaemon(facts, reader)]
    if index not in candidates:
        return False
    if len(candidates) == 1 or is_alone(facts) or _has_them_all(facts, len(candidates)):
        return True
    taken = scdaemon.reader_taken(facts)
    if taken is None or taken not in candidates:
        raise NotKnown(text("several readers are held, and which of them is scdaemon's is not visible"))
    return taken == index


def is_alone(facts: Facts) -> bool:
    """Whether my scdaemon is pcscd's only client: since 2.3 it opens every reader that has a card."""
    running = known(facts.gnupg.running)
    return running is not None and all_paired(facts) and [process.pid for process in clients(facts)] == [running.pid]


def _has_them_all(facts: Facts, held: int) -> bool:
    """Whether scdaemon says that it has a card for each of them: it keeps one connection to each of its cards."""
    running = known(facts.gnupg.running)
    return running is not None and scdaemon.reader_taken(facts) is None and len(set(running.cards)) >= held


def _fits_scdaemon(facts: Facts, reader: Reader) -> bool:
    """Whether the reader is held in the share mode that the configuration asks for."""
    return hold(reader) is (Hold.SHARED if scdaemon.in_force(facts, "pcsc-shared") else Hold.EXCLUSIVE)


def held_by_others(facts: Facts) -> list[int]:
    """The readers that are held, less the one that my scdaemon has."""
    readers = known(facts.readers)
    return [number for number, reader in enumerate(readers) if is_held(reader) and not is_scdaemons(facts, number)]


def holds_by_own_driver(facts: Facts) -> bool:
    """Whether my scdaemon has a card, and not from pcscd."""
    running = known(facts.gnupg.running)
    return running is not None and bool(running.cards) and not holds_through_pcsc(facts)


def other_scdaemons(facts: Facts) -> list[Process]:
    """Clients of pcscd that are the scdaemon of another GNUPGHOME or user."""
    return [process for process in clients(facts) if process.role == "scdaemon" and not mine(facts, process)]


def others(facts: Facts) -> list[Process]:
    """Clients of pcscd that are not a scdaemon: known holders first, idle services last."""
    found = [process for process in clients(facts) if process.role != "scdaemon"]
    return sorted(found, key=lambda process: (_rank(process), process.pid))


def suspects(facts: Facts) -> list[Process]:
    """Who may hold a reader that my scdaemon does not have: programs, and scdaemons that do not deny it."""
    scdaemons = [process for process in other_scdaemons(facts) if known_or(process.cards, None) != 0]
    return sorted([*others(facts), *scdaemons], key=lambda process: (_rank(process), process.pid))


def oldest_first(candidates: list[Process]) -> list[Process]:
    """Of programs of which one holds and another waits: who was there before comes first.

    Those that only stay connected stay last.
    """
    return sorted(candidates, key=_age_rank)


def _age_rank(process: Process) -> tuple[bool, float, int]:
    started = process.started
    since = math.inf if isinstance(started, Unknown) else seconds_between(0.0, started)
    return _rank(process) >= RANK_OF_HOLDS["connected"], since, process.pid


def able(candidates: list[Process], how: Hold) -> list[Process]:
    """Those of them that may hold a reader in this way, by the share mode that is known of each; else all of them."""
    never = {Hold.EXCLUSIVE: ("shared", "none"), Hold.SHARED: ("exclusive", "none")}.get(how, ())
    found = [it for it in candidates if it.role == "scdaemon" or _mode(it) not in never]
    return found or candidates


def _mode(process: Process) -> ShareMode:
    holder = known_holder(process.program)
    return "unknown" if holder is None else holder.mode


def culprits(
    facts: Facts, candidates: list[Process], handles: int | None = None, *, by_table: bool = False
) -> tuple[Culprit, ...]:
    """The candidates with their certainty: one of several is possible, the only one is likely.

    It is certain where every connection of pcscd is paired with a program and this is the one that remains.
    `handles` is how many connections pcscd counts on the reader: where there are as many programs, each is likely.
    `by_table`: others are connected, and left out for what is known of them, which makes nothing certain.
    """
    unnamed = _unnamed_users(facts)
    number = len(candidates) + unseen(facts)
    if len(candidates) == 1 and all_paired(facts) and not by_table:
        certainty: Certainty = "certain"
    else:
        certainty = "likely" if number == 1 or number == handles else "possible"
    named = [culprit(process, certainty) for process in candidates]
    return (*named, *(Culprit(pid=None, program="unknown", user=user, certainty=certainty) for user in unnamed))


def culprit(process: Process, certainty: Certainty) -> Culprit:
    return Culprit(
        pid=process.pid, program=process.program, user=known_or(process.user, "") or None, certainty=certainty
    )


def unseen(facts: Facts) -> int:
    """How many more there may be: users with programs that are not visible, connections that are not."""
    return len(_unnamed_users(facts)) + known_or(facts.pcscd.hidden, 0)


def _unnamed_users(facts: Facts) -> list[str]:
    """Of connections whose program is not visible: whose it is, where that at least is known."""
    users = {known_or(process.uid, -1): known_or(process.user, "") for process in known_or(facts.processes, ())}
    uids = [known_or(connection.uid, -1) for connection in _unnamed(facts)]
    for process in _opaque(facts):
        uids.remove(known_or(process.uid, -1))
    uids = _without_my_scdaemon(facts, uids)
    return [users.get(uid) or ("root" if uid == 0 else f"uid {uid}") for uid in sorted(set(uids)) if uid >= 0]


def _without_my_scdaemon(facts: Facts, uids: list[int]) -> list[int]:
    """Without the connection of a scdaemon of mine that says that it has no card: it keeps one, and hides it.

    Where nothing else is connected, that one connection is who holds the reader, whatever it is.
    """
    if not _may_use_pcscd(facts):
        return uids
    seen = {known_or(connection.pid, 0) for connection in known_or(facts.pcscd.connections, ())}
    left = list(uids)
    for process in known_or(facts.processes, ()):
        uid = known_or(process.uid, -2)
        is_hidden = process.role == "scdaemon" and mine(facts, process) and process.pid not in seen
        if is_hidden and not _may_have_a_card(facts, process) and uid in left:
            left.remove(uid)
    return left if left or clients(facts) or known_or(facts.pcscd.hidden, 0) else uids


def _may_use_pcscd(facts: Facts) -> bool:
    """Whether the way of my scdaemon is known to lead to pcscd, be it after its own driver."""
    gnupg = facts.gnupg
    if any(
        isinstance(it, Unknown) for it in (gnupg.own_ccid_driver, gnupg.scdaemon_version, facts.configuration.in_force)
    ):
        return False
    return scdaemon.path(facts) is not scdaemon.Path.OWN_DRIVER


def all_paired(facts: Facts) -> bool:
    """Whether each connection of pcscd has its program, and no connection is out of sight."""
    try:
        return known(facts.pcscd.hidden) == 0 and all(
            known(connection.pid) for connection in known(facts.pcscd.connections)
        )
    except NotKnown:
        return False


def what_would_show_more(facts: Facts) -> Text | None:
    """What to do to see the programs that are not visible."""
    if not known_or(facts.host.root, False):
        if one_of_mine_hides(facts):
            return text(
                "A program of yours hides from you what it has open, as KeePassXC does: "
                "sudo gpgdoctor check can name it."
            )
        return text("As root (sudo gpgdoctor check) the programs of other users can be named.")
    if not known_or(facts.pcscd.hidden, 0):
        return None
    return text("A program in another network namespace (a container, a sandbox) is connected; its name stays there.")


def one_of_mine_hides(facts: Facts) -> bool:
    """Whether a connection of my own user belongs to no program that my user sees.

    A scdaemon of mine that says that it has no card may be connected all the same.
    """
    mine = known_or(facts.host.uid, -2)
    of_mine = sum(1 for connection in _unnamed(facts) if known_or(connection.uid, -1) == mine)
    seen = {known_or(connection.pid, 0) for connection in known_or(facts.pcscd.connections, ())}
    opaque = {process.pid for process in _opaque(facts)}
    candidates = [it for it in known_or(facts.processes, ()) if it.pid not in seen and known_or(it.uid, -1) == mine]
    return of_mine > sum(1 for it in candidates if it.role == "scdaemon" or it.pid in opaque)


def one_of(facts: Facts, programs: list[Process], *, certain: bool = False) -> Text:
    """Who it is, as the beginning of a sentence; how many it may be, where it is one of several."""
    if not programs:
        return text("A program that is not visible")
    number = len(programs) + (0 if certain else unseen(facts))
    return named(programs[0]) if number == 1 else text("One of {number} programs", number=number)


def places(facts: Facts, programs: list[Process]) -> tuple[str, ...]:
    """Where the facts have these programs."""
    pids = {process.pid for process in programs}
    return tuple(
        f"processes[{number}].pid" for number, process in enumerate(known(facts.processes)) if process.pid in pids
    )


def has_nothing_to_wake_for(facts: Facts) -> bool:
    """Whether pcscd is asleep, and a scdaemon that looks on USB first has no reader there (GD501)."""
    if facts.pcscd.listener != "activator" or scdaemon.path(facts) is scdaemon.Path.PCSC:
        return False
    return not of_readers(facts)


def is_listed(facts: Facts, interface: UsbInterface) -> bool:
    """Whether PC/SC lists the device, as far as names tell; all are, where it lists as many as there are."""
    readers = known_or(facts.readers, ())
    title = known_or(interface.title, "")
    if title and any(title in reader.name for reader in readers):
        return True
    return 0 < sum(1 for other in known(facts.usb) if other.ccid or other is interface) <= len(readers)


def uses_cards(process: Process) -> bool:
    """Whether a client of pcscd wants cards: all but idle services, looking tools and what only stays connected."""
    holder = known_holder(process.program)
    if holder is None:
        return True
    return not holder.watcher and not holder.looks_only and holder.holds not in ("connected", "never")


def _only_looks(process: Process) -> bool:
    holder = known_holder(process.program)
    return holder is not None and holder.looks_only


def is_harmless_beside(process: Process) -> bool:
    """Whether a program that shares the card was measured to leave it as it was: watchers, and all on OpenSC."""
    holder = known_holder(process.program)
    return holder is not None and holder.leaves == "nothing"


def is_idle_service(process: Process) -> bool:
    holder = known_holder(process.program)
    return holder is not None and holder.watcher


def _rank(process: Process) -> int:
    if process.role == "scdaemon":
        return 0
    holder = known_holder(process.program)
    return 2 if holder is None else RANK_OF_HOLDS[holder.holds]
