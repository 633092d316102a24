"""A machine of facts after a fix: the files say what was planned, and the daemons were restarted."""

from __future__ import annotations

from gpgdoctor.collect.configuration import Source, judge, settings, voided
from gpgdoctor.facts import Facts, Maybe, Reader, SelfTest, Setting, known, known_or
from gpgdoctor.plan.edits import sketch, table_of
from gpgdoctor.plan.plan import Plan, file_at
from gpgdoctor.plan.steps import Edit
from gpgdoctor.rules import holding
from gpgdoctor.scdaemon_conf.options import COMMON_OPTIONS, OptionTable, parse_option_table
from gpgdoctor.system.record import replace

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
    connections = tuple(it for it in known_or(facts.pcscd.connections, ()) if it.pid not in mine)
    readers = known_or(facts.readers, ())
    return replace(
        facts,
        gnupg=replace(facts.gnupg, running=None),
        processes=tuple(it for it in processes if it.pid not in mine and it.role != "gpg-agent"),
        pcscd=replace(facts.pcscd, connections=connections),
        readers=tuple(_let_go(it) if held and (_alone(it) or not connections) else it for it in readers),
    )


def _alone(reader: Reader) -> bool:
    return "EXCLUSIVE" in known_or(reader.state, ())


def _let_go(reader: Reader) -> Reader:
    free = tuple(word for word in known_or(reader.state, ()) if word not in ("EXCLUSIVE", "INUSE"))
    return replace(reader, state=free, later_state=None, probe="not-needed", probe_code=None, seconds=None)
