"""Watches inside the lab: `observe.py RATE_HZ SECONDS FILE`.

FILE gets events as `watch --json` has them, but "t" on the monotonic clock, which the clients' own logs have. The last
line is {"cpu_s", "child_cpu_s", "seconds"}: what the watch itself used after its first two seconds, and what the child
that asks scdaemon used in all.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterable

from gpgdoctor.collect.pcscd import DEFAULT_SOCKET
from gpgdoctor.instruments.watch.claims import Claims
from gpgdoctor.instruments.watch.lines import as_json
from gpgdoctor.instruments.watch.poll import Poll
from gpgdoctor.instruments.watch.run import Watch
from gpgdoctor.instruments.watch.timeline import Event


def main() -> None:
    rate_hz, seconds, path = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    watch = Watch(Poll(DEFAULT_SOCKET, rate_hz=rate_hz, stay=False), Claims(), rate_hz=rate_hz)
    began_s = time.monotonic()
    told: list[str] = []

    def tell(events: Iterable[Event], at_s: float, trouble: str | None) -> bool:
        told.extend(map(as_json, events))
        return True

    warm_s = 2.0
    watch.run(tell, for_s=warm_s, until_conflict=False)
    before = _cpu_s(resource.RUSAGE_SELF)
    watch.run(tell, for_s=warm_s + seconds, until_conflict=False)
    used_s = _cpu_s(resource.RUSAGE_SELF) - before
    watch.close()
    lines = [{**line, "t": began_s + line["t"]} for line in map(json.loads, told)]
    lines.append({"cpu_s": used_s, "child_cpu_s": _cpu_s(resource.RUSAGE_CHILDREN), "seconds": seconds})
    with open(path, "w", encoding="ascii") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)


def _cpu_s(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
