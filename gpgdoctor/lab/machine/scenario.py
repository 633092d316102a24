"""A scenario that needs the whole machine: the same data as the other lab's, and what only a machine has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gpgdoctor.lab.machine.models import ModelName
from gpgdoctor.lab.scenario import CardKind, Reader, Scenario, Step

# root: a service. seat: alice, logged in on tty1. ssh, bob: alice and bob from far away. sudo: alice at the seat, with
# sudo. service: alice, by a system service (as cron's), outside of any session.
Who = Literal["root", "seat", "ssh", "bob", "sudo", "service"]
WHO: tuple[Who, ...] = ("root", "seat", "ssh", "bob", "sudo", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugged:
    """A USB device, and what is in it."""

    model: ModelName = "token"
    card: CardKind = "openpgp"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineStep(Step):
    who: Who = "seat"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineScenario(Scenario):
    readers: tuple[Reader, ...] = ()  # vpcd's; this lab has devices instead
    devices: tuple[Plugged, ...] = (Plugged(),)
    before: tuple[str, ...] = ()  # root's shell commands before anything is plugged in
    after: tuple[str, ...] = ()  # and when all is; {device} is the first one in /sys, {node} in /dev
    who: Who = "seat"  # who runs gpg and gpgdoctor
    expect_as_user: tuple[str, ...] | None = None  # where only root can tell what is expected; None: the same
    incomplete: bool = False  # not all can be looked at without starting pcscd: what finds nothing says so
    cure_ids: tuple[str, ...] = ()  # what `fix` is told to cure; nothing: what is found at warning or above
    # What makes gpg work without `fix`: root's shell commands for what the advice says in words alone, and commands
    # that the advice has, as the user types them.
    mended: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
