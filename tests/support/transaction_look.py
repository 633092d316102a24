"""Asks, inside the lab, how many programs wait for another's transaction: `transaction_look.py PCSCD`; prints JSON."""

from __future__ import annotations

import json
import sys

from gpgdoctor.collect.pcscd import DEFAULT_SOCKET
from gpgdoctor.collect.transactions import Threads
from gpgdoctor.facts import Unknown, words
from gpgdoctor.system.deadline import Deadline

found = Threads(int(sys.argv[1])).waiting(DEFAULT_SOCKET, 0.2, Deadline(5.0))
print(json.dumps({"unknown": words(found)} if isinstance(found, Unknown) else {"waiting": found}))
