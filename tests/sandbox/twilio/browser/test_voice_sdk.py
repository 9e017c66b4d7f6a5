"""The emulated browser SDK and the telephone network's page, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from sandbox.twilio.emulator import Behaviour, Twilio
from tests.kit.vendors.twilio_customer import MOBILE, NUMBER, Customer
from tests.sandbox.twilio.browser.test_signalling import token

pytestmark = pytest.mark.browser

Town = tuple[Twilio, Customer]
EVENTS = ["registering", "registered", "unregistered", "error", "tokenWillExpire", "destroyed"]
CALL_EVENTS = ["ringing", "accept", "disconnect", "cancel", "reject", "error", "mute"]

# Every event of the device and its calls is written down as it comes, with the state it finds.
WATCH = """([token, events, callEvents]) => {
  window.told = [];
  window.device = new Twilio.Device(token, { edge: "sydney", logLevel: "silent" });
  const tell = (text) => window.told.push(text);
  for (const event of events) device.on(event, (error) => tell([event, error?.code ?? device.state].join(" ")));
  window.watch = (call) => {
    window.call = call;
    for (const event of callEvents) call.on(event, () => tell(`${event} ${call.status()}`));
    return call;
  };
  device.on("incoming", (call) => { watch(call); tell(`incoming ${call.status()} ${call.direction}`); });
}"""


@asynccontextmanager
async def application(emulator: Twilio) -> AsyncIterator[str]:
    """A page of another origin under a strict policy that loads the SDK; its URL."""
    socket = emulator.url.replace("http", "ws")
    policy = f"default-src 'none'; script-src {emulator.url}; connect-src {socket}"
    page = f"<!doctype html><title>Application</title><script src='{emulator.url}/voice-sdk.js'></script>"

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html", headers={"Content-Security-Policy": policy})

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def page(place: Town, window: Browser) -> AsyncIterator[Page]:
    """The application's page with a watched Device of bob's."""
    async with application(place[0]) as url:
        opened = await window.new_page()
        await opened.goto(url)
        settings = place[0].exchange.settings
        # An evaluated script is not bound by the page's policy; the SDK's own loading and connecting are.
        await opened.evaluate(WATCH, [token(settings), EVENTS, CALL_EVENTS])
        yield opened


async def told(page: Page, last: str) -> list[str]:
    """Everything told, once something was that begins with ``last``."""
    await page.wait_for_function(
        "(last) => window.told.some((text) => text.startsWith(last))", arg=last, timeout=30_000
    )
    events: list[str] = await page.evaluate("window.told")
    return events


async def test_an_incoming_call_is_answered_muted_and_hung_up(place: Town, page: Page) -> None:
    emulator, customer = place
    await page.evaluate("device.register()")
    leg = emulator.place_call(from_=MOBILE)
    await told(page, "incoming pending INCOMING")
    shown = "[call.parameters.From, call.parameters.To, call.customParameters.get('caller'), device.calls.length]"
    assert await page.evaluate(shown) == [MOBILE, "client:bob", "+61", 1]
    await page.evaluate("call.accept()")
    await told(page, "accept open")
    assert await page.evaluate("[device.isBusy, device.calls.length, device.identity]") == [True, 0, "bob"]
    await page.evaluate("call.mute(true); call.mute(true); call.sendDigits('1')")
    assert await page.evaluate("[call.isMuted()]") == [True]
    await page.evaluate("call.disconnect()")
    assert await told(page, "disconnect closed") == [
        "registering registering", "registered registered", "incoming pending INCOMING", "accept open", "mute open",
        "disconnect closed",
    ]  # fmt: skip
    done = await customer.until_asked("/done")
    assert done["DialCallStatus"] == "completed"
    agent = emulator.exchange.legs[done["DialCallSid"]]
    assert (agent.voice.muted, agent.digits, agent.parent) == (True, "1", leg)
    assert await page.evaluate("device.isBusy") is False


async def test_a_call_is_rejected_ignored_or_lost(place: Town, page: Page) -> None:
    emulator, customer = place
    await page.evaluate("device.register()")
    emulator.place_call()
    await told(page, "incoming pending INCOMING")
    await page.evaluate("call.reject()")
    await told(page, "reject closed")
    assert (await customer.until_asked("/done"))["DialCallStatus"] == "busy"
    await page.evaluate("told.length = 0")
    leg = emulator.place_call()
    await told(page, "incoming pending INCOMING")
    leg.hang_up()
    assert await told(page, "cancel closed") == ["incoming pending INCOMING", "cancel closed"]


async def test_a_call_goes_out_and_ends_with_the_other_side(place: Town, page: Page) -> None:
    emulator, customer = place
    emulator.exchange.behaviours[MOBILE] = Behaviour(after=0.5)
    customer.says("/app", f"<Dial answerOnBridge='true' callerId='{NUMBER}'><Number>{MOBILE}</Number></Dial>")
    await page.evaluate(f"device.connect({{ params: {{ To: '{MOBILE}' }} }}).then(watch)")
    await told(page, "accept open")
    assert await page.evaluate("[call.direction, /^CA/.test(call.parameters.CallSid)]") == ["OUTGOING", True]
    with pytest.raises(Exception, match="A Call is already active"):
        await page.evaluate("device.connect()")
    form = await customer.until_asked("/app")
    emulator.exchange.legs[form["CallSid"]].hang_up()
    assert await told(page, "disconnect closed") == ["ringing ringing", "accept open", "disconnect closed"]


async def test_a_call_given_up_while_the_microphone_opens_is_never_placed(place: Town, page: Page) -> None:
    customer = place[1]
    customer.says("/app", "<Pause length='600'/>")
    await page.evaluate("device.connect({ params: { To: 'given up' } }).then((call) => watch(call).disconnect())")
    await told(page, "disconnect closed")
    await page.evaluate("device.connect({ params: { To: 'wanted' } }).then(() => {})")
    assert (await customer.until_asked("/app"))["To"] == "wanted"
    assert len(customer.of("/app")) == 1


GIVE_UP_ONCE_ASKED_FOR = """() => {
  const signal = device._signal.bind(device);
  device._signal = (what) => { signal(what); if (what.type === "connect") call.disconnect(); };
  return device.connect({ params: {} }).then((made) => { watch(made); });
}"""


async def test_a_call_given_up_before_twilio_has_a_name_for_it_does_not_live_on(place: Town, page: Page) -> None:
    customer = place[1]
    customer.says("/app", "<Pause length='600'/>")
    await page.evaluate(GIVE_UP_ONCE_ASKED_FOR)
    await told(page, "disconnect closed")
    status = await customer.until_asked("/status")
    assert status["CallStatus"] == "canceled"


async def test_a_wrong_token_is_an_error_with_its_code(place: Town, page: Page) -> None:
    settings = place[0].exchange.settings
    await page.evaluate(WATCH, [token(settings, region="us1"), EVENTS, CALL_EVENTS])
    await page.evaluate("void device.register()")  # its promise stays open, as with the real one
    assert await told(page, "error") == ["registering registering", "error 20101"]
    assert await page.evaluate("device.state") == "registering"
    with pytest.raises(Exception, match="token"):
        await page.evaluate("new Twilio.Device(1)")


async def test_the_token_is_renewed_before_it_expires(place: Town, page: Page) -> None:
    settings = place[0].exchange.settings
    await page.evaluate(WATCH, [token(settings, ttl=11), EVENTS, CALL_EVENTS])
    await page.evaluate("device.register()")
    await told(page, "tokenWillExpire")
    await page.evaluate("(token) => device.updateToken(token)", token(settings))
    await page.evaluate("device.unregister()")
    assert (await told(page, "unregistered unregistered"))[-1] == "unregistered unregistered"
    await page.evaluate("device.destroy()")
    assert await page.evaluate("device.state") == "destroyed"


async def test_a_lost_connection_registers_again(place: Town, page: Page) -> None:
    emulator, _ = place
    await page.evaluate("device.register()")
    for socket in list(emulator.exchange.sockets):
        await socket.close()
    await told(page, "unregistered unregistered")
    await page.wait_for_function("() => device.state === 'registered'", timeout=30_000)
    assert emulator.exchange.softphones.registered("client:bob")


async def test_an_answered_call_outlives_the_connection_for_signals(place: Town, page: Page) -> None:
    emulator, customer = place
    await page.evaluate(
        WATCH, [token(emulator.exchange.settings), EVENTS, [*CALL_EVENTS, "reconnecting", "reconnected"]]
    )
    await page.evaluate("device.register()")
    emulator.place_call(from_=MOBILE)
    await told(page, "incoming pending INCOMING")
    await page.evaluate("call.accept()")
    await told(page, "accept open")
    for socket in list(emulator.exchange.sockets):
        await socket.close()
    await told(page, "reconnecting reconnecting")
    await told(page, "reconnected")
    await page.wait_for_function("() => call.status() === 'open' && device.state === 'registered'", timeout=30_000)
    await page.evaluate("call.disconnect()")
    assert (await customer.until_asked("/done"))["DialCallStatus"] == "completed"


async def test_the_page_places_a_call_and_hangs_it_up(place: Town, window: Browser) -> None:
    emulator, customer = place
    customer.says("/voice", "<Sing/><Say>Hello</Say><Pause length='3600'/>")
    page = await window.new_page(viewport={"width": 360, "height": 740})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    await page.goto(emulator.url)
    await expect(page.get_by_label("To")).to_have_value(NUMBER)
    await page.get_by_role("button", name="Place a test call").click()
    await expect(page.locator("#outcome")).to_contain_text(NUMBER)
    await expect(page.locator("#calls li.live")).to_have_attribute("data-status", "in-progress")
    await expect(page.locator("#alerts")).to_contain_text("12200")
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.locator("#calls li")).to_have_attribute("data-status", "completed")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert complaints == []
