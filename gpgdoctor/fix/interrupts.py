"""SIGINT, SIGTERM and SIGHUP as an exception, which can be delayed while something must not stop half way."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal asked us to stop, or the terminal is gone."""


class Interrupts:
    """While it is entered, a signal raises Interrupted, except within ``shielded`` and ``ignored``."""

    def __init__(self) -> None:
        self._depth = 0
        self._pending = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        with suppress(ValueError):  # not in the main thread, which alone gets signals
            for number in SIGNALS:
                # nohup ignores SIGHUP on purpose.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._pending = True
        if not self._depth:
            self._raise_pending()

    def _raise_pending(self) -> None:
        if self._pending:
            self._pending = False
            raise Interrupted

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """A signal that arrives in here is raised at the end."""
        with self.ignored():
            yield
        if not self._depth:
            self._raise_pending()

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Nothing is raised in here: for what is done because of a signal, or after a failure."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
