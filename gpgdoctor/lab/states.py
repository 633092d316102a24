"""What PC/SC says of the readers, as JSON: `states.py [DEADLINE_S READER=BIT...]`.

With conditions it looks until every named reader's state has the bit given, or the deadline passes
(exit code 1).
"""

from __future__ import annotations

import json
import sys
import time

from smartcard import scard

INTERVAL_S = 0.05


def reader_states(context: int) -> dict[str, int]:
    code, readers = scard.SCardListReaders(context, [])
    if code != 0 or not readers:
        return {}
    unaware = [(reader, scard.SCARD_STATE_UNAWARE) for reader in readers]
    code, states = scard.SCardGetStatusChange(context, 0, unaware)
    return {name: state & 0xFFFF for name, state, _ in states} if code == 0 else {}


def main() -> int:
    deadline = time.monotonic() + float(sys.argv[1] if sys.argv[1:] else 0)
    wanted = [(name, int(bit)) for name, _, bit in (argument.rpartition("=") for argument in sys.argv[2:])]
    while True:
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        states = reader_states(context) if code == 0 else {}
        met = all(states.get(name, 0) & bit for name, bit in wanted)
        if code == 0:
            scard.SCardReleaseContext(context)
        if met or time.monotonic() >= deadline:
            print(json.dumps(states))
            return 0 if met else 1
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    raise SystemExit(main())
