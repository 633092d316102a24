"""Times whole processes: a line of JSON with a command comes in, a line with what it took goes out.

Runs inside a lab, so it needs nothing but the standard library. It is small, because the peak memory of a child
begins with that of the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import time


def measure(argv: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Wall-clock and processor time in seconds, peak memory in MB, and the exit code."""
    quiet = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in (0, 1, 2)]
    started = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, {**os.environ, **environment}, file_actions=quiet, setsid=True)
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "processor_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(measure(order["argv"], order["environment"])), flush=True)


if __name__ == "__main__":
    main()
