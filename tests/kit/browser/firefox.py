"""A real Firefox for the tests that need one, driven over WebDriver BiDi: https://w3c.github.io/webdriver-bidi/.

Playwright drives only builds of its own. Debian's ``firefox-esr`` speaks BiDi itself, so a WebSocket is all it takes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

SECONDS = 30
_NAMES = ("firefox-esr", "firefox")
_MAX_MESSAGE = 16 << 20  # bytes
_PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "remote.active-protocols": 1,  # BiDi alone
}


class FirefoxError(Exception):
    """The browser did not do what it was asked, or a page's script threw."""


class Firefox:
    """One browser's BiDi session. Commands go one after the other; ``complaints`` are what pages logged as errors."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.complaints: list[str] = []

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of ``method``. Raise `FirefoxError`, and TimeoutError after 30 s."""
        sent = next(self._ids)
        await self._socket.send(json.dumps({"id": sent, "method": method, "params": parameters}))
        async with asyncio.timeout(SECONDS):
            while (answer := json.loads(await self._socket.recv())).get("id") != sent:
                self._note(answer)
        if answer["type"] == "error":
            raise FirefoxError(f"{method}: {answer['error']}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def page(self) -> Page:
        """Return a new tab."""
        made = await self.command("browsingContext.create", type="tab")
        return Page(self, made["context"])

    def _note(self, event: dict[str, Any]) -> None:
        entry = event.get("params", {})
        if event.get("method") == "log.entryAdded" and entry.get("level") == "error":
            self.complaints.append(str(entry.get("text")))


class Page:
    """One tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    async def goto(self, url: str) -> None:
        """Load ``url`` to the end."""
        await self._browser.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript ``expression``, as JSON carries it; of a promise, what it comes to."""
        made = await self._browser.command(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then((value) => JSON.stringify(value ?? null))",
            target={"context": self._context},
            awaitPromise=True,
        )
        if made["type"] == "exception":
            raise FirefoxError(made["exceptionDetails"]["text"])
        return json.loads(made["result"]["value"])

    async def until(self, expression: str) -> None:
        """Wait until ``expression`` is true. Raise TimeoutError after 30 s."""
        look = f"const look = () => ({expression}) ? resolve(true) : setTimeout(look, 50); look();"
        try:
            async with asyncio.timeout(SECONDS):
                while not await self._tried(f"new Promise((resolve) => {{ {look} }})"):
                    pass
        except TimeoutError:
            text = await self.evaluate("document.body.innerText")
            raise TimeoutError(f"never true: {expression}. The page says: {text}") from None

    async def _tried(self, expression: str) -> bool:
        """Return whether ``expression`` came to its end: it does not if the tab goes to another page meanwhile."""
        try:
            await self.evaluate(expression)
        except FirefoxError:
            await asyncio.sleep(0.1)
            return False
        return True

    async def click(self, selector: str) -> None:
        """Press the middle of the first element that ``selector`` finds, once it is there to be seen."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"Boolean({found}?.offsetParent)")
        box = f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])({found}.getBoundingClientRect())"
        x, y = await self.evaluate(box)
        press = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": press}
        await self._browser.command("input.performActions", context=self._context, actions=[mouse])


@asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[Firefox]:
    """A headless browser with a fresh profile below ``folder``, that is closed at the end."""
    executable = next((found for name in _NAMES if (found := shutil.which(name))), None)
    assert executable is not None, "there is no Firefox: .ci/firefox installs one"
    profile = folder / "firefox"
    profile.mkdir()
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items())
    (profile / "user.js").write_text("".join(lines))
    process = await asyncio.create_subprocess_exec(
        executable,
        *("--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(2 * SECONDS):
            url = await _address(process)
        async with (
            asyncio.TaskGroup() as beside,
            connect(f"{url}/session", max_size=_MAX_MESSAGE, proxy=None) as socket,
        ):
            draining = beside.create_task(_drain(process))
            browser = Firefox(socket)
            await browser.command("session.new", capabilities={})
            await browser.command("session.subscribe", events=["log.entryAdded"])
            yield browser
            draining.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read on what the browser says, or it would stop once the pipe is full."""
    assert process.stderr is not None
    while await process.stderr.readline():
        pass


async def _address(process: asyncio.subprocess.Process) -> str:
    """Return where the browser listens, as it says itself."""
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"BiDi listening on (ws://[^\s]+)", line):
            return found[1].decode()
    raise FirefoxError("it ended at once")
