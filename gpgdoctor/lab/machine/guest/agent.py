"""Runs commands for the other end of a virtio-serial port.

One line of JSON each way: {"number", "argv", "input", "deadline_s"} is answered by {"number", "code", "out", "err",
"late"} when the program has ended. Several may run at once. {"number": 0} is said at the start.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

NOBODY_THERE_S = 0.05  # what the port reads as when the other end is closed is no end for us


def main() -> None:
    port = os.open(sys.argv[1], os.O_RDWR)
    lock = threading.Lock()

    def say(message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with lock:
            while line:
                line = line[os.write(port, line) :]

    def answer(request: dict[str, Any]) -> None:
        say({"number": request["number"], **run(request)})

    say({"number": 0, "session": os.environ.get("XDG_SESSION_ID")})
    pending = b""
    while True:
        chunk = os.read(port, 65536)
        if not chunk:
            time.sleep(NOBODY_THERE_S)
            continue
        *lines, pending = (pending + chunk).split(b"\n")
        for line in filter(bytes.strip, lines):
            threading.Thread(target=answer, args=(json.loads(line),), daemon=True).start()


def run(request: dict[str, Any]) -> dict[str, Any]:
    """To files, not pipes: a daemon that inherits them cannot keep us waiting for their end."""
    streams = [os.memfd_create(name) for name in ("in", "out", "err")]
    try:
        os.write(streams[0], request["input"].encode())
        os.lseek(streams[0], 0, os.SEEK_SET)
        try:
            child = subprocess.Popen(
                request["argv"], stdin=streams[0], stdout=streams[1], stderr=streams[2], start_new_session=True
            )
        except OSError as error:
            return {"code": 127, "out": "", "err": str(error), "late": False}
        late = False
        try:
            child.wait(request["deadline_s"])
        except subprocess.TimeoutExpired:
            late = True
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        out, err = (read(descriptor) for descriptor in streams[1:])
        return {"code": child.returncode, "out": out, "err": err, "late": late}
    finally:
        for descriptor in streams:
            os.close(descriptor)


def read(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


if __name__ == "__main__":
    main()
