"""A word's whole journey, on real parts: a telephone call, Twilio's webhooks and stream, Transcribe, three browsers.

Bob's phone is on another computer (`sandbox.agent`), his console in Chromium; Sam supervises; Charlie's organisation
is another and must see nothing. Only the vendors are emulated, and they are reached by URL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from db.models import Member
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.twilio.emulator import Twilio, twilio
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import link
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.vendors.twilio_account import twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.phones import scripted_agent
from tests.kit.web.site import Site
from web.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.sound]

Open = Callable[[Member], Awaitable[Page]]
PAUSE = coded_words.silence(1.2)


@pytest.fixture
def ports(free_port: Callable[[], int]) -> dict[str, int]:
    return {name: free_port() for name in ("media", "nats", "twilio")}


@pytest_asyncio.fixture
async def nats(tmp_path: Path, ports: dict[str, int]) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path, port=ports["nats"]) as server:
        yield server


@pytest.fixture
def voice_sdk() -> str:
    """Where pages load the Voice SDK from. Here it reaches nobody: desks are the emulator's own."""
    return ""


@pytest.fixture
def settings(settings: Settings, ports: dict[str, int], nats: NatsServer, voice_sdk: str) -> Settings:
    ours = {
        "voice_sdk_url": voice_sdk,
        "media_public_url": f"ws://127.0.0.1:{ports['media']}",
        "nats_url": Settings.model_validate(settings.model_dump() | {"nats_url": nats.url("web")}).nats_url,
        "twilio_api_base": f"http://127.0.0.1:{ports['twilio']}",
    }
    return settings.model_copy(update=ours)


@pytest_asyncio.fixture
async def node(nats: NatsServer, settings: Settings, ports: dict[str, int]) -> AsyncIterator[Node]:
    """The media process of this journey: same secrets as web."""
    async with (
        scripted_vendor() as vendor,
        media_node(
            nats,
            vendor,
            port=ports["media"],
            web_public_url=settings.web_public_url,
            stream_shared_secret=settings.stream_shared_secret.get_secret_value(),
            twilio_account_sid=settings.twilio_account_sid,
            twilio_auth_tokens=settings.twilio_auth_tokens[0].get_secret_value(),
        ) as node,
    ):
        await node.connected()
        yield node


@pytest_asyncio.fixture
async def telephone(site: Site, settings: Settings, ports: dict[str, int], node: Node) -> AsyncIterator[Twilio]:
    """The emulated Twilio, with organisation A's number pointing at web."""
    async with twilio(twilio_of(site, settings, ports["twilio"], "+61255501234")) as emulator:
        yield emulator


@pytest_asyncio.fixture
async def console(window: Browser, site: Site, database: Database) -> AsyncIterator[Open]:
    """Each member's console in a browser of their own, connected."""
    expect.set_options(timeout=30_000)

    async def opened(member: Member) -> Page:
        context = await window.new_context(base_url=site.url, viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        await open_link(page, await link(database, member))
        await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
        return page

    yield opened


@pytest_asyncio.fixture
async def at_work(database: Database, cast: Cast, site: Site, telephone: Twilio) -> AsyncIterator[Cast]:
    """Bob takes calls."""
    async with scripted_agent(database, cast.bob, web_url=site.url, twilio_url=telephone.url):
        yield cast


async def test_words_travel_from_the_telephone_to_the_right_screens(
    console: Open, telephone: Twilio, node: Node, at_work: Cast
) -> None:
    bob, sam, charlie = await console(at_work.bob), await console(at_work.sam), await console(at_work.charlie)
    caller = coded_words.encode("my internet is slow") + PAUSE + coded_words.encode("since Monday") + PAUSE * 12
    agent = coded_words.silence(2.0) + PAUSE + coded_words.encode("let me have a look") + PAUSE
    leg = telephone.place_call(to="+61255501234", caller_audio=caller, agent_audio=agent)

    await sam.locator("#call-list [data-call] > button").click()
    for page in (bob, sam):
        await expect(page.locator("#lines")).to_contain_text("my internet is slow")
        await expect(page.locator("#lines")).to_contain_text("let me have a look")
    await expect(bob.locator(".line.caller").first).to_be_visible()
    await expect(sam.get_by_text("Bob Brown").first).to_be_visible()

    alice = await console(at_work.alice)  # joins late, sees the words so far
    await alice.locator("#call-list [data-call] > button").click()
    await expect(alice.locator("#lines")).to_contain_text("my internet is slow")

    async with sam.expect_request("**/console/ticket"):  # a fresh one, because every console's socket breaks
        for screen in list(node.server.consoles):
            assert screen.transport is not None
            screen.transport.disconnect(graceful=False)
    await expect(sam.locator("#link-state")).to_have_attribute("data-status", "open")
    await expect(sam.locator("#lines")).to_contain_text("my internet is slow")

    await expect(charlie.locator("#link-state")).to_have_attribute("data-status", "open")
    await expect(charlie.locator(".call")).to_have_count(0)
    assert "internet" not in await charlie.content()
    leg.hang_up()
    await expect(sam.locator("#transcript")).to_have_attribute("data-state", "ended")
    await leg.over.wait()
    assert telephone.exchange.alerts == []
