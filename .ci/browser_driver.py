"""A headless Chromium, driven through chromedriver by the WebDriver protocol of the W3C."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ENTER, ESCAPE, LEFT, RIGHT, TAB = "\ue007", "\ue00c", "\ue012", "\ue014", "\ue004"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)
PATIENCE_S = 60.0
_LOADED = "document.readyState === 'complete'"


class Browser:
    """One window. Pages can save files into a folder."""

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 720), *, dark: bool = False):
        """Start a browser with an empty profile, below a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._base = f"http://127.0.0.1:{port}"
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL
        )
        self.downloads = folder / "downloads"
        self.wait(self._ready)
        options = {
            "args": [*FLAGS, f"--window-size={size[0]},{size[1]}", f"--user-data-dir={folder}"],
            "binary": "/usr/bin/chromium",
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        found = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{found['sessionId']}"
        self.devtools(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads)
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.devtools("Emulation.setEmulatedMedia", features=scheme)
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self._ask("DELETE", self._session)
        self._driver.terminate()
        self._driver.wait()

    def open(self, address: str) -> None:
        self._ask("POST", f"{self._session}/url", {"url": address})
        self.wait(lambda: self.script(f"return {_LOADED}"))

    def reload(self) -> None:
        """Load the page again; return when the new one has run its scripts, not the old one."""
        self.script("window.isOld = true")
        self._ask("POST", f"{self._session}/refresh", {})
        self.wait(lambda: self.script(f"return !window.isOld && {_LOADED}"))

    def script(self, text: str, *arguments: object) -> Any:
        """Run the body of a function, and return what it returns."""
        content = {"script": text, "args": arguments}
        return self._ask("POST", f"{self._session}/execute/sync", content)

    def text(self, name: str) -> str:
        """Return the text of the element with an id."""
        return str(self.script("return document.getElementById(arguments[0]).textContent", name))

    def press(self, keys: str) -> None:
        """Press keys one after the other, as a person does."""
        both = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        actions = {"actions": [{"type": "key", "id": "keyboard", "actions": both}]}
        self._ask("POST", f"{self._session}/actions", actions)

    def devtools(self, command: str, **parameters: object) -> Any:
        content = {"cmd": command, "params": parameters}
        return self._ask("POST", f"{self._session}/goog/cdp/execute", content)

    def picture(self, path: Path) -> None:
        """Write a picture of the window as PNG."""
        found = self.devtools("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(found["data"]))

    def complaints(self) -> list[str]:
        """Return what the page wrote to the console since the last call."""
        log = self._ask("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in log]

    def wait(self, true: Any) -> Any:
        """Wait until a function returns something true, and return it."""
        end = time.monotonic() + PATIENCE_S
        while not (found := true()):
            if time.monotonic() > end:
                raise TimeoutError(f"nothing in {PATIENCE_S} s")
            time.sleep(0.05)
        return found

    def _ready(self) -> bool:
        try:
            return bool(self._ask("GET", "/status")["ready"])
        except OSError:
            return False

    def _ask(self, method: str, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._base + path, body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from error
