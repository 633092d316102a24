"""GD109: whether the scdaemon that runs read the files as they are now."""

from __future__ import annotations

from gpgdoctor.facts import ConfigFile, Facts, NotKnown, Process, known, known_or, seconds_between
from gpgdoctor.rules import cures, holding, scdaemon
from gpgdoctor.rules.contention import NOT_STARTING
from gpgdoctor.rules.reader_state import Hold, hold
from gpgdoctor.rules.rule import Certainty, Culprit, Found, NotApplicable, rule
from gpgdoctor.rules.services import AGENT_ELSEWHERE, GNUPG_MISSING
from gpgdoctor.wording import Text, path, pid, several, text

NEWER_BY_S = 2.0  # a file that is saved while scdaemon starts may have been read as it is
STORES = ("/nix/store/", "/gnu/store/")


@rule(
    "GD109",
    "configuration-not-in-force",
    "The running scdaemon uses the configuration as it is now.",
    worst="warning",
    causes=(*GNUPG_MISSING, *NOT_STARTING, *AGENT_ELSEWHERE),
)
def configuration_not_in_force(facts: Facts) -> Found | None:
    running = known(facts.gnupg.running)
    if running is None:
        raise NotApplicable(text("no scdaemon of yours runs"))
    contradicted = _contradicted_by(facts)
    if contradicted is not None:
        return _stale(facts, "certain", *contradicted)
    changed = _changed_since_start(facts)
    if not changed:
        return None
    paths = several((path(known(facts.configuration.files)[number].path) for number in changed), " and ")
    places = tuple(f"configuration.files[{number}].changed" for number in changed)
    return _stale(
        facts,
        "likely",
        text("{paths} changed after scdaemon started", paths=paths),
        (*places, f"processes[{_process(facts)[0]}].started"),
    )


def _stale(facts: Facts, certainty: Certainty, why: Text, because: tuple[str, ...]) -> Found:
    running = known(facts.gnupg.running)
    assert running is not None
    me = Culprit(pid=running.pid, program="scdaemon", user=known_or(facts.host.user, "") or None, certainty=certainty)
    return Found(
        severity="warning",
        summary=text("scdaemon (pid {pid}) runs with an older configuration: {why}.", pid=pid(running.pid), why=why),
        effect=text("scdaemon reads its files once, when it starts."),
        because=("gnupg.running.pid", *because),
        culprits=(me,),
        cure=cures.restart_only(facts),
    )


def _contradicted_by(facts: Facts) -> tuple[Text, tuple[str, ...]] | None:
    """How scdaemon's way to its reader contradicts the files, and the share mode, where one can tell its reader."""
    if known_or(facts.pcscd.listener, None) != "pcscd":
        return None
    holds = {number: hold(reader) for number, reader in enumerate(known_or(facts.readers, ()))}
    held = {number: how for number, how in holds.items() if how is not Hold.NOT_HELD}
    exclusive = [how is Hold.EXCLUSIVE for how in held.values()]
    way = scdaemon.path(facts)
    if not held or not holding.holds_through_pcsc(facts) or (way is not scdaemon.Path.PCSC and not _is_seen(facts)):
        return None
    places = tuple(f"readers[{number}].state" for number in held)
    if way is scdaemon.Path.OWN_DRIVER:
        return text("it has its card through pcscd, and disable-ccid is not set"), (*places, "configuration.in_force")
    shared = scdaemon.setting(facts, "pcsc-shared")
    if shared is not None and all(exclusive):
        return text("it keeps its reader to itself, and pcsc-shared is set"), (*places, scdaemon.place(facts, shared))
    if shared is None and not any(exclusive) and _is_only_client(facts):
        return text("it shares its reader, and pcsc-shared is not set"), (*places, "configuration.in_force")
    return None


def _is_seen(facts: Facts) -> bool:
    """Whether scdaemon is known to be a client of pcscd, and not only taken for one whose name is hidden."""
    running = known(facts.gnupg.running)
    pids = [known_or(connection.pid, 0) for connection in known_or(facts.pcscd.connections, ())]
    return running is not None and running.pid in pids


def _is_only_client(facts: Facts) -> bool:
    return not holding.culprits(facts, holding.others(facts)) and not holding.other_scdaemons(facts)


def _changed_since_start(facts: Facts) -> list[int]:
    """Which files of scdaemon are newer than the running one."""
    started = known(_process(facts)[1].started)
    return [
        number
        for number, file in enumerate(known(facts.configuration.files))
        if file.program == "scdaemon" and _is_newer(facts, file, started)
    ]


def _is_newer(facts: Facts, file: ConfigFile, started: float) -> bool:
    changed = known(file.changed)
    if changed is None or seconds_between(started, changed) <= NEWER_BY_S:
        return False
    if (known_or(file.target, None) or "").startswith(STORES):
        if _is_obeyed(facts):
            return False
        # A new generation makes every link anew, so that this holds on such a machine as a rule.
        raise NotKnown(text("{path} leads to a store and was linked anew since", path=path(file.path)), counts=False)
    if seconds_between(known(facts.host.time), changed) > NEWER_BY_S:
        raise NotKnown(text("{path} has a time in the future", path=path(file.path)))
    return True


def _is_obeyed(facts: Facts) -> bool:
    """Whether scdaemon's way to its card, and its share mode there, are those that the files ask for."""
    if not scdaemon.holds_a_card(facts):
        return False
    if scdaemon.path(facts) is not scdaemon.Path.PCSC:
        return holding.holds_by_own_driver(facts)
    wanted = Hold.SHARED if scdaemon.in_force(facts, "pcsc-shared") else Hold.EXCLUSIVE
    return holding.holds_through_pcsc(facts) and any(hold(reader) is wanted for reader in known(facts.readers))


def _process(facts: Facts) -> tuple[int, Process]:
    running = known(facts.gnupg.running)
    for number, process in enumerate(known(facts.processes)):
        if running is not None and process.pid == running.pid:
            return number, process
    raise NotKnown(text("scdaemon's process is not visible"))
