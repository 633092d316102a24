"""Listens on a unix socket, counts who connects, says nothing: `listener.py SOCKET COUNT_FILE`.

The lab copies this file and runs it under the name of the daemon whose place it takes.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path


def main() -> None:
    path, count_file = sys.argv[1:]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        os.chmod(path, 0o666)
        listening.listen()
        Path(count_file).write_text("0")
        print("listening", flush=True)
        count = 0
        while True:
            connected, _ = listening.accept()
            count += 1
            Path(count_file).write_text(str(count))
            connected.close()


if __name__ == "__main__":
    main()
