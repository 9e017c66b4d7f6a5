"""How the phone stays registered: its registration.js with a Device that a test plays, and short times."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from web.request.render import STATIC

pytestmark = pytest.mark.browser

# A Device that does what a test says: `Device.does` is called with each that registers. `log` is what happened.
PLAYED = """async (timing) => {
  const { Registration } = await import("/static/console/phone/softphone/registration.js");
  globalThis.log = [];
  globalThis.busy = false;
  globalThis.Twilio = { Device: class {
    static does = (device) => device.emit("registered");
    state = "unregistered";
    #heard = {};
    constructor(token, options) { log.push(`new ${token}`); Object.assign(globalThis, { device: this, options }); }
    on(name, listener) { (this.#heard[name] ??= []).push(listener); }
    emit(name, ...facts) {
      if (["registered", "unregistered"].includes(name)) this.state = name;
      for (const listener of this.#heard[name] ?? []) listener(...facts);
    }
    async register() { log.push("register"); await Twilio.Device.does(this); }
    updateToken(token) { log.push(`token ${token}`); }
    destroy() { log.push("destroy"); this.emit("destroyed"); }
  } };
  const options = { sdk: { url: "/nothing.js", integrity: "" }, isBusy: () => busy, onIncoming() {} };
  options.csrfToken = () => "";
  options.onChange = () => log.push(registration.phase);
  globalThis.registration = new Registration(options, timing);
  await registration.start();
}"""
QUICK = {"graceMs": 200, "retryMs": 20, "longestRetryMs": 80, "stableMs": 60_000}


@dataclass
class PhonePage:
    """A page, and what its server answers to the next requests for a token (200 once there is nothing left)."""

    page: Page | None = None
    answers: list[int] = field(default_factory=list)
    given: int = 0

    async def token(self, _: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 200
        self.given += status == 200
        return web.json_response({"token": str(self.given), "edge": "sydney"}, status=status)

    async def start(self, **timing: float) -> None:
        await self.run(f"({PLAYED})({QUICK | timing})")

    async def run(self, script: str) -> Any:
        assert self.page is not None
        return await self.page.evaluate(script)

    async def log(self, *last: str) -> list[str]:
        """Return what happened, once ``last`` happened one after the other; then forget it."""
        assert self.page is not None
        wanted = "(last) => log.join('; ').endsWith(last)"
        await self.page.wait_for_function(wanted, arg="; ".join(last), timeout=30_000)
        happened: list[str] = await self.page.evaluate("log.splice(0)")
        return happened


@pytest_asyncio.fixture
async def softphone(free_port: Callable[[], int], window: Browser) -> AsyncIterator[PhonePage]:
    made = PhonePage()
    app = web.Application()
    app.router.add_static("/static", STATIC)
    app.router.add_post("/voice/token", made.token)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    made.page = await window.new_page()
    await made.page.goto(f"http://127.0.0.1:{port}/static/bilby.svg")
    yield made
    await runner.cleanup()


async def test_it_registers_with_our_sounds_and_precise_errors(softphone: PhonePage) -> None:
    await softphone.start()
    assert await softphone.log("ready") == ["loading", "new 1", "register", "ready"]
    options = await softphone.run("options")
    assert (options["edge"], options["enableImprovedSignalingErrorPrecision"]) == ("sydney", True)
    assert all("/static/sounds/" in url for url in options["sounds"].values())


@pytest.mark.parametrize("code", [20101, 20104, 20151, 31202, 31203, 31207, 53000])
async def test_a_refusal_ends_in_a_new_device_with_a_new_token(softphone: PhonePage, code: int) -> None:
    await softphone.start()
    await softphone.log("ready")
    await softphone.run(f"device.emit('error', {{ code: {code} }})")
    assert await softphone.log("ready") == ["offline", "destroy", "new 2", "register", "ready"]


async def test_an_outage_is_left_to_the_sdk_for_a_while(softphone: PhonePage) -> None:
    await softphone.start(graceMs=60_000)
    await softphone.log("ready")
    await softphone.run("for (const code of [31005, 31000, 53001]) device.emit('error', { code })")
    await softphone.run("device.emit('unregistered'); device.emit('registered')")
    assert await softphone.log("ready") == ["offline", "ready"]
    await softphone.run("registration.renewDevice()")  # nothing else is under way
    assert await softphone.log("ready") == ["destroy", "offline", "new 2", "register", "ready"]


async def test_an_outage_that_lasts_ends_in_a_new_device(softphone: PhonePage) -> None:
    await softphone.start()
    await softphone.log("ready")
    softphone.answers = [503, 401, 503]  # web is away, too, and the sign-in for a moment
    await softphone.run("device.emit('unregistered')")
    assert await softphone.log("ready") == ["offline", "destroy", "new 2", "register", "ready"]
    assert softphone.answers == []


async def test_a_registration_that_never_comes_is_tried_again(softphone: PhonePage) -> None:
    await softphone.start(graceMs=60_000)
    await softphone.log("ready")
    await softphone.run("Twilio.Device.does = () => new Promise(() => {}); registration.renewDevice()")
    assert await softphone.log("register") == ["destroy", "offline", "new 2", "register"]
    # While it registers, a refusal is an error and nothing else: its promise stays open.
    await softphone.run(
        "Twilio.Device.does = (next) => next.emit('registered'); device.emit('error', { code: 20104 })"
    )
    assert await softphone.log("ready") == ["destroy", "new 3", "register", "ready"]


async def test_a_call_is_not_cut_off_for_a_token(softphone: PhonePage) -> None:
    await softphone.start()
    await softphone.log("ready")
    await softphone.run("busy = true; device.emit('error', { code: 20104 })")
    assert (await softphone.log("token 2"))[:2] == ["offline", "token 2"]
    await softphone.run("busy = false; registration.callIsOver()")
    happened = await softphone.log("ready")
    assert happened[-4:] == ["destroy", f"new {softphone.given}", "register", "ready"]


async def test_an_old_token_is_renewed_between_calls(softphone: PhonePage) -> None:
    await softphone.start(oldMs=60_000)
    await softphone.log("ready")
    await softphone.run("registration.callIsOver()")
    await softphone.start(oldMs=0)
    await softphone.log("ready")
    assert softphone.given == 2  # the young one stayed
    await softphone.run("registration.callIsOver()")
    assert await softphone.log("token 3") == ["token 3"]


async def test_a_token_is_renewed_in_time_and_asked_for_again(softphone: PhonePage) -> None:
    await softphone.start()
    await softphone.log("ready")
    softphone.answers = [503, 503]
    await softphone.run("device.emit('tokenWillExpire')")
    assert await softphone.log("token 2") == ["token 2"]  # ready all the while


async def test_who_has_no_phone_any_more_has_it_off(softphone: PhonePage) -> None:
    softphone.answers = [403]
    await softphone.start()
    assert await softphone.log("off") == ["loading", "off"]


async def test_tries_become_fewer(softphone: PhonePage) -> None:
    """Each wait lies between half and all of a bound that doubles, up to the longest."""
    softphone.answers = [503] * 6
    await softphone.run("globalThis.waits = []; globalThis.wait = setTimeout")
    await softphone.run(
        "globalThis.setTimeout = (act, ms) => ms < 10000 ? (waits.push(ms), wait(act, 0)) : wait(act, ms);"
    )
    await softphone.start(retryMs=100, longestRetryMs=800, tokenMs=20_000)
    await softphone.log("ready")
    waits = await softphone.run("waits.slice(0, 6)")
    longest = [100, 200, 400, 800, 800, 800]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, longest, strict=True))
