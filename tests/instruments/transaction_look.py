"""Asks, inside the lab, who waits for whose transaction: `transaction_look.py PCSCD`; prints JSON."""

from __future__ import annotations

import json
import sys
import time

from gpgdoctor.collect.pcscd import DEFAULT_SOCKET
from gpgdoctor.collect.transactions import Threads
from gpgdoctor.facts import Unknown
from gpgdoctor.system import proc
from gpgdoctor.system.deadline import Deadline
from gpgdoctor.system.sockets import Sockets

peers = Sockets().peers(DEFAULT_SOCKET)
pids = proc.owners({peer.inode for peer in peers if peer.inode})
by_server = {peer.server: pids.get(peer.inode) for peer in peers}
began_s = time.monotonic()
found = Threads(int(sys.argv[1]), peers).transaction(Deadline(5.0))
answer: dict[str, object] = {"seconds": time.monotonic() - began_s}
if isinstance(found, Unknown):
    answer["unknown"] = found.reason
elif found is not None:
    answer["waiting"] = found.waiting
    answer["programs"] = [by_server[it] for it in found.connections]
print(json.dumps(answer))
