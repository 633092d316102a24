"""One trace: the socket, the proxy behind it, and everything derived from what passes through."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType

from gpgdoctor.instruments.trace.events import Event
from gpgdoctor.instruments.trace.folding import Folding
from gpgdoctor.instruments.trace.output import Output
from gpgdoctor.instruments.trace.place import SOCKET_DIRECTORY, SOCKET_NAME, PrivateDirectory
from gpgdoctor.instruments.trace.proxy import Proxy
from gpgdoctor.instruments.trace.seen import Seen
from gpgdoctor.instruments.trace.summary import Summary

GRACE_S = 0.3  # for connections to end after their program has
VARIABLE = "PCSCLITE_CSOCK_NAME"  # libpcsclite reads it since 1.6.5; src/winscard_msg.c


class Trace:
    """``with Trace(...) as trace:``; raises NoPlace or OSError where there is no place for the socket."""

    def __init__(self, real: str, output: Output, *, everything: bool) -> None:
        """``real`` is pcscd's socket; ``everything`` leaves nothing out that is repeated."""
        self.summary, self.seen = Summary(), Seen()
        self._folding = None if everything else Folding(output.event)
        self._show = output.event if everything or self._folding is None else self._folding.take
        self._directory = PrivateDirectory(SOCKET_DIRECTORY, SOCKET_NAME)
        self.socket = os.path.join(self._directory.path, SOCKET_NAME)
        try:
            self.proxy = Proxy(self.socket, real, self._take)
        except BaseException:
            self._directory.remove()
            raise

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment so that it comes by here."""
        return {VARIABLE: self.socket}

    def _take(self, event: Event) -> None:
        self.summary.take(event)
        self.seen.take(event)
        self._show(event)

    def serve_until(self, is_over: Callable[[], bool]) -> None:
        """Until it is over and nobody is connected any more, or has not left a moment later."""
        self.proxy.serve(is_over)
        until_s = self.proxy.now_s() + GRACE_S
        self.proxy.serve(lambda: not self.proxy.clients() or self.proxy.now_s() > until_s)

    def __enter__(self) -> Trace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what is still connected; may be called twice."""
        self.proxy.close()
        if self._folding is not None:
            self._folding.finish()
            self._folding = None
        self._directory.remove()
