"""Programs that are connected to pcscd through a running `gpgdoctor trace`, which only forwards their calls.

A trace has one connection to pcscd for each of its clients, and listens on a socket of its own, whose name gives it
away. Which of its connections belongs to which client is not visible, and does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from gpgdoctor.facts import Connection, Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.sock_diag import UnixSocket
from gpgdoctor.system.sockets import Peer, Sockets

NAME, DIRECTORY = "pcscd.comm", b"/gpgdoctor-trace-"


def followed(
    connections: Sequence[Connection], pids: dict[int, int], sockets: Sockets
) -> tuple[tuple[Connection, ...], dict[int, int]]:
    """The connections with the trace replaced by its clients, and the clients' pids by socket inode."""
    found = [entry for entry in sockets.named(NAME) if DIRECTORY in entry.path]
    for entry in found:
        tracer = _tracer(entry, set(pids.values()))
        if tracer is not None:
            connections, pids = _in_place_of(tracer, sockets.peers(os.fsdecode(entry.path)), connections, pids)
    return tuple(connections), pids


def _tracer(entry: UnixSocket, clients: set[int]) -> int | None:
    """The client of pcscd that listens there."""
    return next((pid for pid in clients if entry.inode in (proc.socket_inodes(pid) or ())), None)


def _in_place_of(
    tracer: int, peers: Sequence[Peer], connections: Sequence[Connection], pids: dict[int, int]
) -> tuple[tuple[Connection, ...], dict[int, int]]:
    clients = [peer for peer in peers if peer.inode]
    names = proc.owners({peer.inode for peer in clients})
    unnamed = Unknown.because("the program is not visible to this user")
    waiting = list(clients)
    replaced = []
    for connection in connections:
        if connection.pid != tracer or not waiting:
            replaced.append(connection)
            continue
        client = waiting.pop(0)
        replaced.append(
            Connection(
                inode=connection.inode,
                uid=client.uid if client.uid is not None else connection.uid,
                pid=names.get(client.inode, unnamed),
            )
        )
    kept = {inode: pid for inode, pid in pids.items() if pid != tracer}
    return tuple(replaced), {**kept, **names}
