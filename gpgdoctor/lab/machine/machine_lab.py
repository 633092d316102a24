"""A scenario brought to life in the machine, in the way that the other lab's ``Lab`` does it in namespaces."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from gpgdoctor.lab import terminal
from gpgdoctor.lab.machine import build
from gpgdoctor.lab.machine.machine import TERMINAL, Machine, Waiting
from gpgdoctor.lab.machine.scenario import MachineScenario, MachineStep
from gpgdoctor.lab.plan import LabFailed
from gpgdoctor.lab.scenario import Client, File, Step
from gpgdoctor.system.deadline import STRETCH

STEP_DEADLINE_S = 180.0
SHELL = "/run/lab"  # where other programs' names, inputs and outputs are
CLIENT = "/opt/gpgdoctor/gpgdoctor/lab/client.py"
STATES = "/opt/gpgdoctor/gpgdoctor/lab/states.py"
GNUPG_VERSION = (2, 4, 7)
# The first device's directory in /sys, and its node.
DEVICE = "/sys/bus/usb/devices/1-1"
NODE = f"/dev/bus/usb/001/$(printf %03d $(cat {DEVICE}/devnum))"


class OtherProgram:
    """A program that uses PC/SC as the scenario says, at the seat."""

    def __init__(self, machine: Machine, client: Client, reader: str) -> None:
        self._machine = machine
        self.name = client.program
        self._files = f"{SHELL}/{client.program}"
        run = f"PYTHONHOME=/usr {self._files} {CLIENT} <{self._files}.in >{self._files}.out 2>&1 & echo $!"
        prepare = f"mkdir -p -m 777 {SHELL} && cp /usr/bin/python3.13 {self._files} && mkfifo -m 666 {self._files}.in"
        machine.must("root", prepare)
        # Something keeps the pipe open for writing, or the program would see its end.
        machine.must("seat", f"touch {self._files}.out; sleep infinity >{self._files}.in & :")
        self.pid = int(machine.must("seat", run))
        self.code: str = self.ask(json.dumps({"kind": client.kind, "reader": reader}))["code"]
        if int(self.code, 16) != 0:
            raise LabFailed(f"{client.kind} client {self.name}: PC/SC says {self.code}")

    def ask(self, command: str) -> dict[str, Any]:
        out = f"{self._files}.out"
        wait = f"until [ $(wc -l <{out}) -gt $before ]; do sleep 0.1; done; tail -n 1 {out}"
        said = self._machine.must(
            "seat", f"before=$(wc -l <{out}); echo {shlex.quote(command)} >{self._files}.in; {wait}"
        )
        answer: dict[str, Any] = json.loads(said)
        return answer


class MachineLab:
    """``with MachineLab(scenario) as lab:``"""

    python = "/usr/bin/python3"
    gnupg_version = GNUPG_VERSION

    def __init__(
        self,
        scenario: MachineScenario,
        tell: build.Tell = lambda _: None,
        *,
        note: build.Tell = lambda _: None,
    ) -> None:
        self.scenario = scenario
        self.machine = Machine(tell, note=note)
        self.clients: dict[str, OtherProgram] = {}
        self.steps: list[subprocess.CompletedProcess[str]] = []

    def __enter__(self) -> MachineLab:
        self.machine.__enter__()
        try:
            self._play()
        except BaseException:
            self.machine.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.machine.__exit__(kind, error, trace)

    def _play(self) -> None:
        scenario = self.scenario
        for command in scenario.before:
            self.machine.must("root", command)
        for file in scenario.files:
            self._write(file)
        for device in scenario.devices:
            self.machine.plug(device.model, device.card)
        for command in scenario.after:
            self.machine.must("root", command.format(device=DEVICE, node=NODE))
        for client in scenario.clients:
            if not client.after_steps:
                self._start(client)
        for step in scenario.steps:
            self._take(step)
        for client in scenario.clients:
            if client.after_steps:
                self._start(client)

    def _write(self, file: File) -> None:
        home = "/home/bob" if self.scenario.who == "bob" else "/home/alice"
        owner = home.rpartition("/")[2] if not file.path.startswith("/") else "root"
        path = file.path if file.path.startswith("/") else f"{home}/{file.path}"
        content = file.content if isinstance(file.content, str) else file.content.decode("latin-1")
        install = f"install -o {owner} -g {owner} -m"
        self.machine.must("root", f"[ -d $(dirname {path}) ] || {install} 700 -d $(dirname {path})")
        self.machine.must("root", f"printf %s {shlex.quote(content)} | {install} {file.mode:o} /dev/stdin {path}")

    def _start(self, client: Client) -> None:
        reader = self.reader_names()[client.reader]
        self.clients[client.program] = OtherProgram(self.machine, client, reader)

    def reader_names(self) -> list[str]:
        return list(json.loads(self.machine.must("root", [self.python, STATES, "30"])))

    def _take(self, step: Step) -> None:
        who = step.who if isinstance(step, MachineStep) else self.scenario.who
        done = self.machine.run(who, step.argv, deadline_s=STEP_DEADLINE_S)
        self.steps.append(done)
        if step.code is not None and done.returncode != step.code:
            raise LabFailed(f"{' '.join(step.argv)} ended with {done.returncode}: {done.stderr.strip()}")

    # -- what is done in it ----------------------------------------------------------------------------------------

    def run(
        self, argv: Sequence[str], *, timeout: float = STEP_DEADLINE_S, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.machine.run(self.scenario.who, argv, env=env, deadline_s=timeout)

    def popen(self, argv: Sequence[str]) -> Waiting:
        return self.machine.popen(self.scenario.who, argv)

    def gpgdoctor_argv(self, *arguments: str) -> list[str]:
        return ["gpgdoctor", *arguments]

    def gpgdoctor(
        self, *arguments: str, timeout: float = STEP_DEADLINE_S, sudo: bool = False
    ) -> subprocess.CompletedProcess[str]:
        by_root = ("sudo", f"--preserve-env={STRETCH}") if sudo else ()
        return self.run([*by_root, *self.gpgdoctor_argv(*arguments)], timeout=timeout)

    def run_shell(self) -> None:
        """A shell of the scenario's user, at our terminal, until it ends."""
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        self.machine.must("root", f"stty -F {TERMINAL} rows {lines} cols {columns}")
        with self.machine.connect("terminal") as theirs:
            environment = {"TERM": os.environ.get("TERM", "dumb"), "PS1": r"machine:\w\$ "}
            shell = self.machine.popen_on_terminal(self.scenario.who, ["bash", "--norc"], env=environment)
            terminal.join(theirs.fileno(), shell.is_alive)
