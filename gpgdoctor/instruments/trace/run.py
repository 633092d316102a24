"""The three ways to trace: a scdaemon of our own, a program, and gpg's whole flow."""

from __future__ import annotations

import os
import shutil
import textwrap
import time
from collections.abc import Callable, Sequence

from gpgdoctor import __version__
from gpgdoctor.facts import Facts, known_or
from gpgdoctor.fix.console import Console
from gpgdoctor.fix.interrupts import Interrupts
from gpgdoctor.fix.restart import NotRestarted, restart, running
from gpgdoctor.instruments.trace import copies, gpg_plan
from gpgdoctor.instruments.trace.closing import Closing
from gpgdoctor.instruments.trace.gpg_home import CannotStart, Daemons, GpgHome, take_down
from gpgdoctor.instruments.trace.output import Output
from gpgdoctor.instruments.trace.own_scdaemon import OwnScdaemon
from gpgdoctor.instruments.trace.place import HOME_DIRECTORY, NoPlace, PrivateDirectory, abandoned
from gpgdoctor.instruments.trace.program import NotStarted, Program, asks_an_agent, stdout_for, why_nothing_came
from gpgdoctor.instruments.trace.session import Trace
from gpgdoctor.plan.restarts import agent_runs, restart_of, scdaemon_runs
from gpgdoctor.system.record import Record

REFUSED, NOTHING_TRACED, INTERRUPTED = 1, 3, 130
CARD_STATUS = ("gpg", "--card-status")


class TraceOptions(Record):
    gpg: bool = False
    yes: bool = False
    json: bool = False
    file: str | None = None
    everything: bool = False
    command: tuple[str, ...] = ()


class NothingTraced(Exception):
    """There is nothing that could be traced; the message says why."""

    def __init__(self, reason: str, following: str = "gpgdoctor check") -> None:
        super().__init__(reason)
        self.following = following


class Run:
    """One run of the command. ``look`` gives the facts of this machine as they are now."""

    def __init__(self, options: TraceOptions, output: Output, io: Console, look: Callable[[], Facts]) -> None:
        self._options, self._output, self._io, self._look = options, output, io, look

    def go(self) -> int:
        """Returns the exit code; raises NothingTraced."""
        try:
            self._remove_what_was_left()
            facts = self._look()
            reason = gpg_plan.no_pcscd(facts)
            if reason is not None:
                raise NothingTraced(reason)
            if self._options.gpg:
                return self._gpg(facts)
            return self._program(facts) if self._options.command else self._own_scdaemon(facts)
        except (NoPlace, copies.CannotCopy, NotStarted, CannotStart, NotRestarted) as error:
            raise NothingTraced(str(error)) from error

    def _remove_what_was_left(self) -> None:
        left = abandoned()
        if left:
            self._tell("A trace that was killed left temporary files, and maybe a gpg-agent: they are removed first.")
        for directory in left:
            if os.path.basename(directory).startswith(HOME_DIRECTORY):
                take_down(directory)
            shutil.rmtree(directory, ignore_errors=True)

    def _trace(self, facts: Facts) -> Trace:
        real = known_or(facts.pcscd.socket, "")
        try:
            return Trace(real, self._output, everything=self._options.everything)
        except OSError as error:
            raise NothingTraced(f"no socket for the trace can be made: {error.strerror}") from error

    def _tell(self, *texts: str) -> None:
        for text in texts:
            for line in textwrap.wrap(text, 79, break_on_hyphens=False):
                self._io.tell(line)

    def _begin(self, facts: Facts, kind: str) -> None:
        self._output.document(
            {"event": "start", "gpgdoctor": __version__, "traces": kind, "time": round(time.time(), 3)}
        )
        if gpg_plan.is_asleep(facts):
            self._tell("pcscd sleeps: the first call wakes it, and it keeps the readers for a minute or more.")

    # -- a scdaemon of our own ------------------------------------------------------------------------------------

    def _own_scdaemon(self, facts: Facts) -> int:
        reason = gpg_plan.not_through_pcsc(facts)
        if reason is not None:
            raise NothingTraced(reason)
        holder = gpg_plan.own_holder(facts)
        if holder is not None and gpg_plan.shares(facts):
            raise NothingTraced(
                f"your own scdaemon (pid {holder}) shares its card, and a second one would select the applet anew "
                "under it, which forgets the PIN",
                "gpgdoctor trace --gpg",
            )
        self._begin(facts, "scdaemon")
        self._tell("A scdaemon of its own, with your options, now looks for a card and reads it.")
        if holder is not None:
            self._tell(
                f"Your own scdaemon (pid {holder}) has a card: this one will be refused. That is GD206 by our own "
                "doing, and no fault; to trace your real flow instead: gpgdoctor trace --gpg"
            )
        home = PrivateDirectory(HOME_DIRECTORY, "S.scdaemon")
        try:
            copies.copy_scdaemon_configuration(known_or(facts.gnupg.homedir, ""), home.path)
            return self._traced_scdaemon(facts, home.path, holder)
        finally:
            home.remove()

    def _traced_scdaemon(self, facts: Facts, home: str, holder: int | None) -> int:
        program = known_or(facts.gnupg.scdaemon, None) or "scdaemon"
        interrupted = False
        with self._trace(facts) as trace, Interrupts() as interrupts:
            try:
                own = OwnScdaemon(program, home, trace.environment)
            except OSError as error:
                raise NothingTraced(f"{program} cannot be started: {error.strerror}") from error
            try:
                trace.serve_until(own.is_over)
            except KeyboardInterrupt:
                interrupted = True
                with interrupts.ignored():
                    own.leave()
                    trace.serve_until(own.is_over)
            finally:
                complaint = own.complaint
                own.close()
            with interrupts.ignored():
                trace.close()
                self._tell_what_still_waits(trace)
                if not trace.proxy.connections and not interrupted:
                    answer = own.answer.text if own.answer else None
                    raise NothingTraced(f"scdaemon made no PC/SC call. It says: {answer or complaint or 'nothing'}")
                closing = Closing(trace, self._look if not holder else lambda: facts, facts)
                closing.print(self._output, closing.of_scdaemon(holder))
        if interrupted:
            return INTERRUPTED
        return 0 if trace.seen.scdaemon_got_card else REFUSED

    def _tell_what_still_waits(self, trace: Trace) -> None:
        for pid in trace.proxy.abandoned:
            self._tell(
                f"pcscd has not answered a connect of a program that has gone. A small process (pid {pid}) waits "
                "for it, so that the card is left as it is and not reset; it ends by itself."
            )

    # -- any program ----------------------------------------------------------------------------------------------

    def _program(self, facts: Facts) -> int:
        command = self._options.command
        self._begin(facts, "program")
        had_agent = agent_runs(facts)
        with Interrupts(), self._trace(facts) as trace:
            code = self._run(command, trace, trace.environment)
            self._warn_of_the_left(trace)
            self._end_new_agent(facts, trace, had_agent=had_agent)
            trace.close()
            self._tell_what_still_waits(trace)
            closing = Closing(trace, self._look, facts)
            if not trace.proxy.connections:
                reasons = why_nothing_came(command, agent_runs=had_agent)
                name = os.path.basename(command[0])
                following = f"gpgdoctor trace --gpg -- {name} ..." if had_agent and asks_an_agent(command) else None
                closing.print(self._output, closing.of_silence(name, reasons, following))
            else:
                closing.print(self._output, closing.of_program())
        return code

    def _run(self, command: Sequence[str], trace: Trace, environment: dict[str, str]) -> int:
        program = Program(command, environment, stdout_for(self._options.file is None))
        try:
            trace.serve_until(program.is_over)
        finally:
            program.restore_signals()
        return program.code

    def _warn_of_the_left(self, trace: Trace) -> None:
        for client in trace.proxy.clients():
            if client.program != "scdaemon":
                self._tell(
                    f"{client.program} (pid {client.pid}) is still connected through this trace, which ends now: it "
                    "gets no card until it is started anew."
                )

    def _end_new_agent(self, facts: Facts, trace: Trace, *, had_agent: bool) -> None:
        """A gpg-agent that the program started would keep the socket of a trace that is over."""
        nobody_listened = known_or(facts.gnupg.agent_listener, "unknown") is None  # a socket unit would start one
        if had_agent or not nobody_listened or not trace.seen.scdaemon_called:
            return
        daemons = Daemons(known_or(facts.gnupg.homedir, ""))
        if daemons.find_agent():
            self._tell("The command started a gpg-agent, which knows only the socket of this trace: it is ended.")
            daemons.begin_to_end()
            trace.serve_until(daemons.have_ended)
            daemons.give_up()

    # -- gpg's whole flow -----------------------------------------------------------------------------------------

    def _gpg(self, facts: Facts) -> int:
        command = self._options.command or CARD_STATUS
        reason = gpg_plan.not_through_pcsc(facts) or gpg_plan.obstacle_to_copies(facts)
        if reason is not None:
            raise NothingTraced(reason)
        self._disturb_nothing(facts)
        with Interrupts() as interrupts:
            home = GpgHome(known_or(facts.gnupg.homedir, ""))
            try:
                if not self._is_confirmed(facts, command, home.stubs):
                    return REFUSED
                self._disturb_nothing(facts)  # to be asked takes a person a while
                return self._in_copies(facts, command, home, interrupts)
            finally:
                home.close()

    def _disturb_nothing(self, facts: Facts) -> None:
        busy = gpg_plan.under_way(facts, running(facts))
        if busy is not None:
            raise NothingTraced(f"{busy}. Nothing is stopped meanwhile", "gpgdoctor trace --gpg, in a minute")

    def _is_confirmed(self, facts: Facts, command: Sequence[str], stubs: int) -> bool:
        lines = list(gpg_plan.plan_lines(facts, command, stubs))
        self._output.text(lines)
        self._output.document({"event": "plan", "lines": lines, "costs": gpg_plan.costs(facts)})
        if self._options.yes:
            return True
        if not self._options.json and self._io.can_ask():
            return self._io.confirms("Do this?")
        self._output.text(["Not confirmed. To do this: gpgdoctor trace --gpg --yes"])
        return False

    def _in_copies(self, facts: Facts, command: Sequence[str], home: GpgHome, interrupts: Interrupts) -> int:
        self._begin(facts, "gpg")
        with self._trace(facts) as trace:
            code = INTERRUPTED
            try:
                if scdaemon_runs(facts):
                    restart(restart_of("scdaemon", facts), running(facts), self._tell)
                environment = home.launch(trace.environment)
                code = self._run(command, trace, environment)
            finally:
                with interrupts.ignored():
                    home.begin_to_end()
                    trace.serve_until(home.have_ended)
                    left = home.close()
            with interrupts.ignored():
                trace.close()
                if left:
                    self._tell(left)
                self._tell_what_still_waits(trace)
                self._close_gpg(facts, command, trace)
        if self._options.command or code == INTERRUPTED:
            return code
        return 0 if trace.seen.scdaemon_got_card else REFUSED

    def _close_gpg(self, facts: Facts, command: Sequence[str], trace: Trace) -> None:
        closing = Closing(trace, self._look, facts)
        if trace.seen.scdaemon_called:
            verdict = closing.of_scdaemon(None)
        elif trace.proxy.connections:
            verdict = closing.of_program()
        else:
            verdict = closing.of_silence(os.path.basename(command[0]), ["it asked for no card"])
        closing.print(self._output, verdict)
