"""A supervisor's wall with a real media node: agents talk, rows follow, and words come of what is read alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from sandbox.engines.nats import NatsServer
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import link
from tests.kit.media.media_node import SECRET, Node, media_node, scripted_vendor
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings

pytestmark = pytest.mark.browser
PATIENCE_MS = 60_000


@pytest.fixture
def settings(settings: Settings, free_port: Callable[[], int]) -> Settings:
    """For pages whose words come from a media node of the test's own."""
    return settings.model_copy(update={"media_public_url": f"ws://127.0.0.1:{free_port()}"})


@pytest_asyncio.fixture
async def hearing(tmp_path: Path, settings: Settings) -> AsyncIterator[Node]:
    """The media node of the site's pages."""
    port = int(settings.media_public_url.rpartition(":")[2])
    secrets = f"{SECRET},{settings.stream_shared_secret.get_secret_value()}"
    ours: dict[str, Any] = {"web_public_url": settings.web_public_url, "stream_shared_secret": secrets}
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=port, **ours) as node,
    ):
        await node.connected()
        yield node


@pytest_asyncio.fixture
async def page(window: Browser, site: Site, database: Database, cast: Cast) -> AsyncIterator[Page]:
    """Sam's console."""
    context = await window.new_context(base_url=site.url, viewport={"width": 1920, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = await context.new_page()
    await open_link(page, await link(database, cast.sam))
    yield page
    await context.close()


async def test_a_supervisor_sees_all_calls_and_reads_some(page: Page, hearing: Node, cast: Cast) -> None:
    org, agents = str(cast.a.id), (cast.bob, cast.dana, cast.bob, cast.dana)
    lines = [await hearing.call(org, agent=str(agent.id)) for agent in agents]
    await expect(page.locator(".call")).to_have_count(len(lines))
    for number, line in enumerate(lines):
        await line.say(f"words of call {number}")
    for number, line in enumerate(lines):
        latest = page.locator(f'[data-call="{line.call}"] [data-part=words]')
        await expect(latest).to_have_text(f"words of call {number}")
    await page.locator(f'[data-call="{lines[1].call}"] [data-part=who]').click()
    await expect(page.locator("#lines .settled")).to_have_text(["words of call 1"])
    await lines[1].say("and more of it")
    await expect(page.locator("#lines")).to_contain_text("and more of it")
    await page.reload()
    await expect(page.locator("#lines")).to_contain_text("and more of it")
    for line in (lines[2], lines[3]):
        await page.locator(f'[data-call="{line.call}"] > button').focus()
        await page.keyboard.press("b")
    for number in (1, 2, 3):
        await expect(page.locator(f'[data-tile="{lines[number].call}"] .lines')).to_contain_text(
            f"words of call {number}"
        )
    await lines[0].hang_up()
    await expect(page.locator(f'[data-call="{lines[0].call}"]')).to_have_count(0)
    await expect(page.locator("#call-count")).to_have_text("3")
