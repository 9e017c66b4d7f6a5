"""A supervisor reads a call along in Chromium: its agent sees who does, reads their line, and sees who listens.

Everything is real but the vendors: web with its database and event streams, a media process with its sockets, NATS.
The customer speaks words; the agent and the supervisor are two browsers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import update

from db.engine import Database
from db.models import Organisation
from db.queries.audit import TWILIO, AuditFilter, AuditLog, details_of
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.twilio.emulator import Leg
from tests.kit.browser.axe import findings
from tests.kit.browser.console_page import become_available, overflow
from tests.kit.browser.phone_floor import Floor, phone_floor
from tests.kit.media.media_node import media_node, scripted_vendor
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import CALLER, room_town
from web.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.sound, pytest.mark.timeout(420)]

WORDS = "my internet is slow"
LINE = "Offer them the wallaby discount"


@dataclass
class Scene:
    """Bob at his phone, Sam who supervises, and a customer who talks with Bob and says `WORDS`."""

    floor: Floor
    bob: Page
    sam: Page
    customer: Leg

    async def is_opened(self) -> None:
        """Open the call at Sam's console."""
        await self.sam.locator(f'[data-call="{self.customer.sid}"]').click()
        await expect(self.sam.locator("#lines")).to_contain_text(WORDS)

    async def are_read(self) -> None:
        """Sam opens the call and reads the words; Bob sees that he does."""
        await self.is_opened()
        await expect(self.bob.locator("#readers")).to_have_attribute("data-count", "1")
        await expect(self.bob.locator("#readers")).to_contain_text("Sam")


@pytest_asyncio.fixture
async def scene(
    settings: Settings,
    database: Database,
    cast: Cast,
    free_port: Callable[[], int],
    tmp_path: Path,
    browsers_with_microphones: Mapping[str, Browser],
) -> AsyncIterator[Scene]:
    port, hears = free_port(), free_port()
    async with NatsServer(tmp_path) as nats, scripted_vendor() as vendor:
        urls = {
            "voice_sdk_url": f"http://127.0.0.1:{port}/voice-sdk.js",
            "media_public_url": f"ws://127.0.0.1:{hears}",
            "nats_url": SecretStr(nats.url("web")),
        }
        media = media_node(
            nats,
            vendor,
            port=hears,
            web_public_url=settings.web_public_url,
            stream_shared_secret=settings.stream_shared_secret.get_secret_value(),
            twilio_account_sid=settings.twilio_account_sid,
            twilio_auth_tokens=settings.twilio_auth_tokens[0].get_secret_value(),
        )
        async with (
            media as node,
            room_town(settings.model_copy(update=urls), database, cast, port=port, speed=1.0) as town,
            phone_floor(town, database, browsers_with_microphones) as floor,
        ):
            await node.connected()
            bob, sam = await floor.sits_down(cast.bob, "bob"), await floor.sits_down(cast.sam, "sam")
            await become_available(bob)
            said = (coded_words.encode(WORDS) + coded_words.silence(2)) * 200
            customer = town.twilio.place_call(to=cast.number.e164, from_=CALLER, caller_audio=said)
            await expect(bob.locator("[data-offer]")).to_be_visible()
            await bob.keyboard.press("Alt+a")
            await expect(bob.locator("#in-call")).to_have_attribute("data-phase", "talking")
            await expect(bob.locator("#lines")).to_contain_text(WORDS)
            yield Scene(floor, bob, sam, customer)


async def test_who_reads_writes_listens_and_leaves_is_seen_by_the_agent(scene: Scene, database: Database) -> None:
    bob, sam = scene.bob, scene.sam
    await scene.are_read()
    await sam.keyboard.press("Alt+u")
    await sam.keyboard.type(LINE)
    await sam.keyboard.press("Enter")
    for page in (bob, sam):
        await expect(page.locator(".written-line")).to_contain_text([LINE])
    await expect(sam.locator("#write-text")).to_have_value("")

    later = await bob.context.new_page()  # in another tab, which was not there as it was written
    await later.goto("/console")
    await expect(later.locator(".written-line")).to_contain_text([LINE])
    await expect(later.locator("#readers")).to_have_attribute("data-count", "1")
    await later.close()

    await sam.locator("#helping [data-help=listen]").click()
    await expect(sam.locator("#helping-now[data-mode=listen][data-settled]")).to_be_visible()
    await expect(sam.locator("#helping [data-help=listen]")).to_have_attribute("aria-pressed", "true")
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "listen")
    await sam.locator("#helping [data-help=whisper]").click()
    await expect(sam.locator("#helping-now[data-mode=whisper][data-settled]")).to_be_visible()
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "whisper")
    await sam.locator("#help-leave").click()
    await expect(sam.locator("#helping-now")).to_be_hidden()
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "")

    await sam.close()
    await expect(bob.locator("#readers")).to_have_attribute("data-count", "0")
    assert await _written_down(scene, database) == _once("opened_transcript", "listened", "whispered")


async def test_a_supervisor_ends_the_call_after_being_asked(scene: Scene, database: Database) -> None:
    await scene.are_read()
    await scene.sam.locator("#help-end").click()
    await expect(scene.sam.locator("#end-call-dialog")).to_be_visible()
    await scene.sam.locator("#end-call-keep").click()
    await expect(scene.sam.locator("#end-call-dialog")).to_be_hidden()
    assert not scene.customer.over.is_set()
    await scene.sam.keyboard.press("Alt+z")
    await scene.sam.locator("#end-call-confirm").click()
    await scene.floor.hung_up(scene.customer)
    await expect(scene.bob.locator("#wrap-up")).to_be_visible()
    assert await _written_down(scene, database) == _once("opened_transcript", "ended_call")


async def test_where_watchers_are_not_shown_the_agent_reads_lines_and_no_names(
    scene: Scene, database: Database
) -> None:
    async with database.begin() as session:
        await session.execute(
            update(Organisation).where(Organisation.id == scene.floor.cast.a.id).values(watchers_shown=False)
        )
    await scene.sam.reload()
    await scene.is_opened()
    await scene.sam.locator("#write-text").fill(LINE)
    await scene.sam.keyboard.press("Enter")
    await expect(scene.bob.locator(".written-line")).to_contain_text([LINE])
    await expect(scene.bob.locator("#readers")).to_have_attribute("data-count", "0")


async def test_both_pages_have_no_findings_with_lines_and_readers(scene: Scene) -> None:
    await scene.are_read()
    for text in (LINE, "x" * 480):
        await scene.sam.locator("#write-text").fill(text)
        await scene.sam.keyboard.press("Enter")
        await expect(scene.bob.locator(".written-line").last).to_contain_text(text)
        await expect(scene.sam.locator("#write-text")).to_have_value("")
    for page in (scene.bob, scene.sam):
        for width in (1920, 1280, 360):
            assert await findings(page, width) == []
            assert await overflow(page) <= 0


async def _written_down(scene: Scene, database: Database) -> dict[str, int]:
    """How often what Sam did to the call is in the audit log."""
    found = dict[str, int]()
    async with database.begin() as session:
        log = AuditLog(session, scene.floor.cast.a.id, TWILIO)
        for entry in await log.page(AuditFilter(actor_id=scene.floor.cast.sam.id), limit=100):
            if details_of(entry).get("call") == scene.customer.sid:
                found[entry.action] = found.get(entry.action, 0) + 1
    return found


def _once(*done: str) -> dict[str, int]:
    return {f"watching.{each}": 1 for each in done}
