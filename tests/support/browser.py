"""A headless Chromium, spoken to by the DevTools protocol through a pair of pipes: no driver, no port, no library."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
DEADLINE_S = 60.0
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync", "--mute-audio"),
    *("--disable-component-update", "--disable-domain-reliability", "--no-default-browser-check", "--lang=en"),
)


def find() -> str | None:
    """The path of a Chromium, if one is installed."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser with one tab. What it says is collected in ``events``."""

    def __init__(self, program: str) -> None:
        self.events: list[dict[str, Any]] = []
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        self._start(program)
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def _start(self, program: str) -> None:
        """It reads commands from descriptor 3, and writes answers to 4."""
        commands, self._write = os.pipe()
        self._read, answers = os.pipe()
        dup = 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"'
        argv = ["bash", "-c", dup, "bash", str(commands), str(answers), program, *FLAGS]
        self._process = subprocess.Popen(
            [*argv, f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(commands, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands)
        os.close(answers)

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self._profile, ignore_errors=True)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer; raises RuntimeError where it is refused, TimeoutError where none comes."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)
        raise TimeoutError(method)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    # -- a page --------------------------------------------------------------------------------------------------

    def open(self, path: Path, width: int, *, dark: bool = False) -> None:
        """Show a file in a window of this width."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", media="screen", features=features)
        self.ask("Page.navigate", url=path.as_uri())
        end = time.monotonic() + DEADLINE_S
        while self.run("document.readyState + location.protocol") != "completefile:" and time.monotonic() < end:
            time.sleep(0.02)

    def run(self, expression: str) -> Any:
        """The value of an expression; of a promise, what it comes to."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:1000])
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """For a person to look at."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}
        data = self.ask("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))

    def pdf_pages(self) -> int:
        """On how many pages of paper it is printed."""
        self.ask("Emulation.setEmulatedMedia", media="")
        data = base64.b64decode(self.ask("Page.printToPDF")["data"])
        return len(re.findall(rb"/Type\s*/Page[^s]", data))

    # -- what it did ---------------------------------------------------------------------------------------------

    def requests(self, besides: Path) -> Sequence[str]:
        """What it asked for, but the page itself."""
        asked = [
            it["params"]["request"]["url"] for it in self.events if it.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in asked if url != besides.as_uri()]

    def complaints(self) -> Sequence[str]:
        """What stands in its console: errors, and everything that a script said."""
        logged = [it["params"]["entry"] for it in self.events if it.get("method") == "Log.entryAdded"]
        said = [json.dumps(it["params"]) for it in self.events if str(it.get("method")).startswith("Runtime.console")]
        thrown = [json.dumps(it["params"]) for it in self.events if it.get("method") == "Runtime.exceptionThrown"]
        return [*(entry["text"] for entry in logged), *said, *thrown]
