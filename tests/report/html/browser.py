"""A Chromium without a window, driven through its debugging pipe: what a reader does with a page.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEYS = {
    "Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " "), "ArrowLeft": (37, ""), "ArrowUp": (38, ""),
    "ArrowRight": (39, ""), "ArrowDown": (40, ""), "End": (35, ""),
}  # fmt: skip
_PATIENCE = 60


def program():
    """Return where a Chromium is, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one page; `errors` has what its console says is wrong, `requests` the addresses it asked for."""

    def __init__(self, profile, width=1400, height=900):
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # The browser reads commands from descriptor 3 and answers on 4.
        script = f'exec 3<&{to_browser} 4>&{from_browser}; exec "$0" "$@"'
        self._process = subprocess.Popen(
            [
                "bash", "-c", script, program(), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={profile}",
                f"--window-size={width},{height}", "about:blank",
            ],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        self._number, self._rest, self._answers, self._events = 0, b"", {}, []
        self.errors, self.requests = [], []
        self._session = None
        targets = self.ask("Target.getTargets")["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self):
        """End the browser."""
        try:
            self._session = None
            self.ask("Browser.close")
            self._process.wait(10)
        except (OSError, AssertionError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)

    def ask(self, method, **given):
        """Send a command; return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        self._until(lambda: self._number in self._answers)
        answer = self._answers.pop(self._number)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _until(self, reached):
        end = time.monotonic() + _PATIENCE
        while not reached():
            ready, _, _ = select.select([self._read], [], [], end - time.monotonic())
            assert ready, "the browser does not answer"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser has gone"
            *messages, self._rest = (self._rest + data).split(b"\0")
            for message in map(json.loads, messages):
                if "id" in message:
                    self._answers[message["id"]] = message
                else:
                    self._note(message["method"], message["params"])

    def _note(self, method, given):
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.errors.append(given["exceptionDetails"]["exception"].get("description", "?"))
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.errors.append(str(given["args"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.errors.append(given["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.errors.append(f"a dialog: {given['message']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(given["request"]["url"])

    def go(self, address):
        """Load a page; return the seconds until all of it was there."""
        self._events.clear()
        begun = time.perf_counter()
        self.ask("Page.navigate", url=str(address))
        self._until(lambda: "Page.loadEventFired" in self._events)
        return time.perf_counter() - begun

    def js(self, expression):
        """Return the value of an expression, once a promise has one."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def settle(self):
        """Let the page draw what it has to."""
        self.js("new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))")

    def place(self, selector):
        """Return the middle of an element, scrolled into view."""
        return self.js(
            f"""(() => {{ const one = document.querySelector({json.dumps(selector)});
            one.scrollIntoView({{block: "center"}}); const r = one.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2]; }})()"""
        )

    def click(self, selector):
        """Click an element as a mouse does."""
        x, y = self.place(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def hover(self, selector):
        """Move the mouse onto an element."""
        x, y = self.place(selector)
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def key(self, *names):
        """Press keys, one after the other."""
        for name in names:
            code, text = KEYS[name]
            known = {"key": name, "code": name, "windowsVirtualKeyCode": code}
            self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
            self.ask("Input.dispatchKeyEvent", type="keyUp", **known)
        self.settle()

    def type(self, selector, text):
        """Write into a field, in the place of what it has."""
        self.js(f"document.querySelector({json.dumps(selector)}).select()")
        self.click(selector)
        self.js(f"document.querySelector({json.dumps(selector)}).select()")
        self.ask("Input.insertText", text=text)
        self.settle()

    def resize(self, width, height=900):
        """Give the page another size."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def scheme(self, name, media=""):
        """Prefer light or dark colours; `media` is `print` or nothing."""
        self.ask(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": name}],
        )

    def picture(self, path, selector="html", height=None):
        """Write a picture of an element; of its upper part only, if a height in pixels is given."""
        self.settle()
        x, y, width, whole = self.js(
            f"""(() => {{ const r = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
            return [r.x + scrollX, r.y + scrollY, r.width, r.height]; }})()"""
        )
        clip = {"x": x, "y": y, "width": width, "height": min(height or whole, whole), "scale": 1}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def pdf(self):
        """Return the page as it is printed."""
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True)["data"])
