"""What is around web: a bus, all of Bilby; and the pages in Chromium: a context that complains, and the console with
a media process that a test plays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from nats.aio.client import Client
from playwright.async_api import Browser, BrowserContext, Page

from db.engine import Database
from db.models import Member
from sandbox.engines.nats import NatsServer
from tests.kit.browser.console_page import CALL, CANARY, Open, SignedIn, signed_in_for
from tests.kit.browser.strict_context import strict_context
from tests.kit.machines.house import WAIT, House, house
from tests.kit.machines.load_balancer import Front, front
from tests.kit.media.live_media import VOICE_SDK, LiveMedia, live_media
from tests.kit.media.nats import as_media
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.bus import BUS
from web.calls.streams.recovery import Timing
from web.config import Settings


@pytest_asyncio.fixture
async def nats_server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A NATS server of the test's own. That web uses it, a test says in its settings."""
    async with NatsServer(tmp_path) as server:
        yield server


@pytest_asyncio.fixture
async def media_bus(site: Site, nats_server: NatsServer) -> AsyncIterator[Client]:
    """The bus as media sees it, once web is on it too."""
    await asyncio.wait_for(site.app[BUS].ready.wait(), WAIT)
    async with as_media(nats_server) as client:
        yield client


@pytest.fixture
def recovery() -> Timing:
    """How soon `bilby` notices what calls have lost. A module that is in a hurry has a fixture of this name."""
    return Timing()


@pytest_asyncio.fixture
async def bilby(
    settings: Settings,
    database: Database,
    cast: Cast,
    tmp_path: Path,
    free_port: Callable[[], int],
    recovery: Timing,
) -> AsyncIterator[House]:
    """All of Bilby: an emulated Twilio, web, two media nodes in processes of their own."""
    folder = tmp_path / "house"
    folder.mkdir()
    async with house(settings, database, cast, folder, free_port, recovery) as running:
        yield running


@pytest_asyncio.fixture
async def way(free_port: Callable[[], int]) -> AsyncIterator[Front]:
    """What lies between browsers and media."""
    async with front(free_port()) as passing:
        yield passing


@pytest.fixture
def dialled() -> None:
    """Let calls be dialled in this test, the way of last resort: pages then have another phone."""


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest, free_port: Callable[[], int]) -> Settings:
    """For a test that has a `way`, a phone and a media process of its own behind it."""
    if "dialled" in request.fixturenames:
        settings = settings.model_copy(update={"call_routing": "dial"})
    if "way" not in request.fixturenames:
        return settings
    way: Front = request.getfixturevalue("way")
    way.to = free_port()
    return settings.model_copy(
        update={"media_public_url": way.url, "voice_sdk_url": f"http://127.0.0.1:{way.to}/voice-sdk.js"}
    )


@pytest_asyncio.fixture
async def media(settings: Settings, way: Front) -> AsyncIterator[LiveMedia]:
    """The media process that the test plays, and Twilio's phone."""
    secret = settings.stream_shared_secret.get_secret_value()
    async with live_media(way.to, secret, settings.web_public_url) as listening:
        listening.script = VOICE_SDK % CALL
        yield listening


@pytest_asyncio.fixture
async def context(window: Browser, site: Site) -> AsyncIterator[BrowserContext]:
    """Fails the test that breaks the Content-Security-Policy, throws, or logs words. Its clock can be moved."""
    async with strict_context(window, CANARY, base_url=site.url) as opened:
        await opened.clock.install()
        yield opened


@pytest.fixture
def signed_in(context: BrowserContext, settings: Settings) -> SignedIn:
    """Opens an empty page of a browser in which a member is signed in."""

    async def opened(member: Member) -> Page:
        await signed_in_for(context, settings, member)
        return await context.new_page()

    return opened


@pytest.fixture
def console(signed_in: SignedIn, media: LiveMedia) -> Open:
    """Opens the console page, signed in as a member."""

    async def opened(member: Member, width: int = 1280, height: int = 800) -> Page:
        page = await signed_in(member)
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto("/console")
        return page

    return opened
