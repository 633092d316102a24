"""Stands in for the person at the keyboard: knows the virtual card's factory PINs.

The lab copies this file and lays it over /usr/bin/pinentry. It speaks as much of the Assuan protocol as
gpg-agent uses (GnuPG, agent/call-pinentry.c).
"""

from __future__ import annotations

import sys

USER_PIN, ADMIN_PIN = "123456", "12345678"


def main() -> None:
    prompt = ""
    print("OK ready", flush=True)
    for line in sys.stdin:
        command, _, argument = line.rstrip("\n").partition(" ")
        if command in ("SETPROMPT", "SETDESC"):
            prompt += argument
        if command == "GETPIN":
            print("D", ADMIN_PIN if "Admin" in prompt else USER_PIN)
            prompt = ""
        print("OK", flush=True)
        if command == "BYE":
            return


if __name__ == "__main__":
    main()
