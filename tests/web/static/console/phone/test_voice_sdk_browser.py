"""The phone with Twilio's real Voice SDK, under the policy that really goes out, and an edge of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from db.models import Member
from tests.kit.browser.chromium import chromium
from tests.kit.browser.console_page import signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.machines.twilio_edge import SIGNALLING, Edge, twilio_edge
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings
from web.console import voice_sdk

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("dialled")]

Open = Callable[[Member], Awaitable[Page]]
CALL = f"CA{'1' * 32}"
OTHER = f"CA{'2' * 32}"
WATCH = """
window.breaches = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  breaches.push(`${violatedDirective} ${blockedURI}`));
"""
# An offer such as Twilio makes, by the browser itself: the edge's end of a call.
OFFER = """async () => {
  const far = new RTCPeerConnection();
  far.addTransceiver("audio");
  const offer = await far.createOffer();
  await far.setLocalDescription(offer);
  return offer.sdp;
}"""
LOADED = """
performance.getEntriesByType('resource').map(({ name, initiatorType }) => [new URL(name).pathname, initiatorType])
"""


@pytest_asyncio.fixture
async def edge(free_port: Callable[[], int], tmp_path: Path) -> AsyncIterator[Edge]:
    async with twilio_edge(free_port(), tmp_path) as listening:
        yield listening


@pytest_asyncio.fixture
async def window(edge: Edge) -> AsyncIterator[Browser]:
    async with chromium(*edge.flags) as launched:
        yield launched


@pytest_asyncio.fixture
async def context(window: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    """Fails the test that breaks the Content-Security-Policy or throws."""
    async with strict_context(window, "integrity", base_url=site.url) as opened:
        await opened.add_init_script(WATCH)
        yield opened
        for page in opened.pages:
            assert await page.evaluate("breaches") == []


@pytest_asyncio.fixture
async def phone(context: BrowserContext, settings: Settings, edge: Edge) -> Open:
    """Opens the console of a member, whose phone then registers."""

    async def opened(member: Member) -> Page:
        await signed_in_for(context, settings, member)
        page = await context.new_page()
        await page.goto("/console")
        await edge.hears("register")
        await ready(page)
        return page

    return opened


async def ready(page: Page) -> None:
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")


async def ring(page: Page, edge: Edge, sid: str, /, **more: str) -> None:
    await edge.invite(sid, await page.evaluate(OFFER), **more)
    await expect(page.locator("#ring")).to_be_visible()


async def test_the_real_sdk_runs_under_our_policy(phone: Open, edge: Edge, cast: Cast) -> None:
    page = await phone(cast.bob)
    assert await page.evaluate("Twilio.Device.version") == voice_sdk.VERSION
    assert edge.hosts == {SIGNALLING}
    await ring(page, edge, CALL, call=OTHER, caller="0491")
    await expect(page.locator("#ring-number")).to_contain_text("0491")
    loaded = {path.rpartition("/")[2]: how for path, how in await page.evaluate(LOADED)}
    names = {"incoming", "outgoing", "disconnect", *(f"dtmf{key}" for key in "0123456789sh")}
    assert {name for name, how in loaded.items() if how == "xmlhttprequest"} >= {f"{name}.wav" for name in names}
    await page.locator("#answer").click()
    assert (await edge.hears("answer"))["callsid"] == CALL  # the microphone was opened, the offer taken
    await page.locator("#hang-up").click()
    assert (await edge.hears("hangup"))["callsid"] == CALL
    await expect(page.locator("#in-call")).to_be_hidden()
    assert edge.hosts == {SIGNALLING, "eventgw.au1.twilio.com"}


@pytest.mark.parametrize("reconnect", [None, "a token"])
async def test_a_call_that_rings_when_the_network_breaks_is_let_go(
    phone: Open, edge: Edge, cast: Cast, reconnect: str | None
) -> None:
    page = await phone(cast.bob)
    await edge.invite(CALL, await page.evaluate(OFFER), reconnect=reconnect)
    await expect(page.locator("#ring")).to_be_visible()
    edge.cut()
    await expect(page.locator("#ring")).to_be_hidden()
    await edge.hears("register")
    await ready(page)
    await ring(page, edge, OTHER)
    await page.locator("#answer").click()
    assert (await edge.hears("answer"))["callsid"] == OTHER


async def test_a_call_that_nobody_answered_yet_ends_with_the_network(phone: Open, edge: Edge, cast: Cast) -> None:
    page = await phone(cast.bob)
    await page.locator("#number").fill("0491 570 156")
    await page.locator("#place-call").click()
    assert "To=" in (await edge.hears("invite"))["twilio"]["params"]
    await expect(page.locator("#in-call")).to_be_visible()
    edge.cut()
    await expect(page.locator("#in-call")).to_be_hidden()
    await edge.hears("register")
    await ready(page)
    await page.locator("#number").fill("0491 570 157")
    await page.locator("#place-call").click()
    await edge.hears("invite")
    await expect(page.locator("#in-call")).to_be_visible()


async def test_a_busy_number_is_named(phone: Open, edge: Edge, cast: Cast) -> None:
    """31486 and its like exist only with ``enableImprovedSignalingErrorPrecision``."""
    page = await phone(cast.bob)
    await page.locator("#number").fill("0491 570 156")
    await page.locator("#place-call").click()
    call = (await edge.hears("invite"))["callsid"]
    await edge.tell("hangup", callsid=call, error={"code": 31486, "message": "Busy Here"})
    await expect(page.locator("#in-call")).to_be_hidden()
    await expect(page.locator("#phone-status")).to_contain_text("busy")


@pytest.mark.parametrize("code", [31202, 31205, 39999])
async def test_a_token_that_is_refused_is_replaced(phone: Open, edge: Edge, cast: Cast, code: int) -> None:
    page = await phone(cast.bob)
    edge.refusal = code  # it wakes up, connects again, and its token is too old
    edge.cut()
    await edge.hears("listen")
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "offline")
    before = len(edge.tokens)
    edge.refusal = None
    await edge.hears("register")
    await ready(page)
    assert edge.tokens[before] not in edge.tokens[:before]
    await ring(page, edge, CALL)


async def test_a_registration_that_ends_on_an_open_connection_is_renewed(phone: Open, edge: Edge, cast: Cast) -> None:
    page = await phone(cast.bob)
    await edge.tell("error", error={"code": 31205, "message": "JWT Token Expired"})
    await expect(page.locator("#phone")).to_have_attribute("data-phase", "offline")
    await edge.hears("register")
    await ready(page)
    assert len(set(edge.tokens)) == 2
