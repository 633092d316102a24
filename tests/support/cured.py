"""A machine of facts after a fix: the files say what was planned, and the daemons were restarted."""

from __future__ import annotations

from gpgdoctor.collect.configuration import Source, judge, settings, voided
from gpgdoctor.diagnosis import diagnose
from gpgdoctor.facts import (
    Connection,
    Facts,
    Maybe,
    NotKnown,
    Process,
    Reader,
    RunningScdaemon,
    SelfTest,
    Setting,
    known,
    known_or,
)
from gpgdoctor.plan.edits import sketch, table_of
from gpgdoctor.plan.plan import Plan, file_at
from gpgdoctor.plan.steps import Edit
from gpgdoctor.rules import holding, scdaemon
from gpgdoctor.rules.scdaemon import Path
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.system.record import replace

SCDAEMON = 79_000  # the pid of one that gpg started
CARD = "D2760001240103040006123456780000"
# As far as snapshots use them; no cure adds one.
AGENT_OPTIONS = parse_option_table(
    "disable-scdaemon:501:0:@:\nscdaemon-program:502:2:@:\nenable-ssh-support:503:0:@:\n"
    "default-cache-ttl:504:4:@:\nmax-cache-ttl:505:4:@:\npinentry-program:506:2:@:\nlog-file:507:2:@:\n"
)


def after(facts: Facts, plan: Plan) -> Facts:
    """What the next look would find. A scdaemon that was stopped has let go of its reader."""
    for edit in plan.edits:
        facts = _edited(facts, edit)
    return _without_scdaemon(facts) if plan.restart else facts


def _edited(facts: Facts, edit: Edit) -> Facts:
    file = file_at(facts, edit.path)
    user = known_or(facts.host.user, "")
    table = _table(facts, file.program)
    file = replace(file, status="regular")
    others = [it for it in known(facts.configuration.files) if it.path != edit.path]
    its = [it for it in others if it.program == file.program]
    sources = [
        *(Source(file=it, content=sketch(it) if it.status == "regular" else b"") for it in its),
        Source(file=file, content=edit.after),
    ]
    with_lines, effective = judge(sources, table, user)
    paths = {source.file.scope: source.file.path for source in sources}
    in_force = settings(effective, paths)
    kept = [it for it in others if it.program != file.program]
    configuration = replace(facts.configuration, files=(*with_lines, *kept))
    gnupg = facts.gnupg
    if file.program == "scdaemon":
        driver = facts.configuration.pcsc_driver if _names_a_driver(in_force) else None
        voided_lines = voided(effective, paths)
        configuration = replace(configuration, in_force=in_force, voided=voided_lines, pcsc_driver=driver)
        gnupg = gnupg if effective.complaints else replace(gnupg, self_test=SelfTest(code=0, messages=()))
    elif file.program == "gpg-agent":
        configuration = replace(configuration, agent_in_force=in_force)
    return replace(facts, configuration=configuration, gnupg=gnupg)


def _names_a_driver(in_force: Maybe[tuple[Setting, ...]]) -> bool:
    return any(setting.option == "pcsc-driver" for setting in known_or(in_force, ()))


def _table(facts: Facts, program: str) -> OptionTable:
    return {"scdaemon": table_of(facts), "gpg-agent": AGENT_OPTIONS, "common": COMMON_OPTIONS}[program]


def _without_scdaemon(facts: Facts) -> Facts:
    processes = known_or(facts.processes, ())
    mine = {it.pid for it in processes if it.role == "scdaemon" and holding.mine(facts, it)}
    held = facts.gnupg.running is not None
    facts = _without_claim(facts) if held and holding.holds_by_own_driver(facts) else facts
    connections = tuple(it for it in known_or(facts.pcscd.connections, ()) if it.pid not in mine)
    readers = known_or(facts.readers, ())
    return replace(
        facts,
        gnupg=replace(facts.gnupg, running=None),
        processes=tuple(it for it in processes if it.pid not in mine and it.role != "gpg-agent"),
        pcscd=replace(facts.pcscd, connections=connections),
        readers=tuple(_let_go(it) if held and (_alone(it) or not connections) else it for it in readers),
    )


def _without_claim(facts: Facts) -> Facts:
    """A scdaemon that had the reader by its own driver gives it up; with disable-ccid pcscd takes it."""
    free = tuple(replace(it, driver=None if it.driver == "usbfs" else it.driver) for it in known(facts.usb))
    if facts.pcscd.listener != "pcscd" or scdaemon.path(facts) is not scdaemon.Path.PCSC:
        return replace(facts, usb=free)
    found = tuple(
        Reader(name=f"{known_or(it.title, '')} 00 00", state=("PRESENT",), later_state=None, probe="not-needed")
        for it in free
        if it.ccid and not any(known_or(it.title, "") in reader.name for reader in known(facts.readers))
    )
    taken = tuple(replace(it, driver="usbfs") if it.ccid else it for it in free)
    return replace(facts, usb=taken, readers=(*known(facts.readers), *found))


def using_gpg(facts: Facts) -> Facts:
    """gpg has used the card: my scdaemon runs, and holds it in the way and in the share mode that are in force.

    The same machine where it gets none.
    """
    if not _gets_a_card(facts) or scdaemon.holds_a_card(facts):
        return facts
    uid, now = known_or(facts.host.uid, 0), known_or(facts.host.time, 0.0)
    version = known(facts.gnupg.scdaemon_version) or ""
    facts = replace(
        facts,
        gnupg=replace(facts.gnupg, running=RunningScdaemon(pid=SCDAEMON, version=version, cards=(CARD,))),
        processes=(*known(facts.processes), _process(facts, uid, now)),
    )
    if Path.PCSC not in scdaemon.ways_open(facts):
        claimed = tuple(replace(it, driver="usbfs") if scdaemon.is_free(it) else it for it in known(facts.usb))
        return replace(facts, usb=claimed)
    mode = "INUSE" if scdaemon.in_force(facts, "pcsc-shared") else "EXCLUSIVE"
    taken = scdaemon.reader_taken(facts)
    in_the_way = {"EXCLUSIVE"} if mode == "INUSE" else {"EXCLUSIVE", "INUSE"}
    free = [
        at
        for at, it in enumerate(known(facts.readers))
        if "PRESENT" in known(it.state) and taken in (None, at) and not in_the_way & set(known(it.state))
    ]
    readers = tuple(_held(it, mode) if at == free[0] else it for at, it in enumerate(known(facts.readers)))
    mine = Connection(inode=SCDAEMON, uid=uid, pid=SCDAEMON)
    connections = (*known_or(facts.pcscd.connections, ()), mine)
    return replace(facts, readers=readers, pcscd=replace(facts.pcscd, connections=connections))


def _gets_a_card(facts: Facts) -> bool:
    """Whether nothing that is found keeps gpg from it, and nothing that it takes is unknown."""
    found = diagnose(facts).findings
    if any(it.found.severity == "error" or it.id in ("GD308", "GD501", "GD503", "GD202", "GD203") for it in found):
        return False
    try:
        if Path.PCSC not in scdaemon.ways_open(facts):
            return bool(scdaemon.ways_open(facts))
        taken = scdaemon.reader_taken(facts)
        states = [known(it.state) for at, it in enumerate(known(facts.readers)) if taken in (None, at)]
        known(facts.processes), known(facts.gnupg.running), known(facts.pcscd.connections)
    except NotKnown:
        return False
    in_the_way = {"EXCLUSIVE"} if scdaemon.in_force(facts, "pcsc-shared") else {"EXCLUSIVE", "INUSE"}
    return any("PRESENT" in state and not in_the_way & set(state) for state in states)


def _held(reader: Reader, mode: str) -> Reader:
    state = ("PRESENT", mode)
    return replace(reader, state=state, later_state=state, probe="ok" if mode == "INUSE" else "not-needed")


def _process(facts: Facts, uid: int, now: float) -> Process:
    program = known_or(facts.gnupg.scdaemon_real, None) or known_or(facts.gnupg.scdaemon, None)
    return Process(
        pid=SCDAEMON,
        program="scdaemon",
        role="scdaemon",
        user=facts.host.user,
        uid=uid,
        parent=1,
        started=now + 10,  # after the files were written
        state="S",
        executable=program or "/usr/lib/gnupg/scdaemon",
        replaced=False,
        homedir=None,
    )


def _alone(reader: Reader) -> bool:
    return "EXCLUSIVE" in known_or(reader.state, ())


def _let_go(reader: Reader) -> Reader:
    free = tuple(word for word in known_or(reader.state, ()) if word not in ("EXCLUSIVE", "INUSE"))
    return replace(reader, state=free, later_state=None, probe="not-needed", probe_code=None, seconds=None)
