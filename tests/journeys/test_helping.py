"""A supervisor in calls, in Chromium: who hears whom by pitch, as they listen, whisper, speak, take over, and go.

Twilio's stream, from which words come, is taken by an ear of the test's: what it hears is all that can become words.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from db.engine import Database
from sandbox.twilio.emulator import Leg
from tests.kit.browser.axe import findings
from tests.kit.browser.console_page import become_available
from tests.kit.browser.phone_floor import Floor, StreamEar, phone_floor, stream_ear
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import room_town
from web.config import Settings

Heard = tuple[str, ...] | None

pytestmark = [pytest.mark.browser, pytest.mark.sound, pytest.mark.timeout(420)]


@dataclass
class Helped:
    """Bob at his phone, Sam who supervises, a caller who talks with Bob, and what the call's stream carries."""

    floor: Floor
    ear: StreamEar
    bob: Page
    sam: Page
    customer: Leg

    async def listens(self) -> None:
        """Bob asks for help; Sam listens."""
        await self.bob.keyboard.press("Alt+e")
        await self.sam.locator(".help-listen").click()
        await self.is_heard_as("listen")

    async def is_heard_as(self, mode: str) -> None:
        """Wait until Twilio has shown that Sam is in the call like that."""
        await expect(self.sam.locator(f"#helping-now[data-mode={mode}][data-settled]")).to_be_visible()

    async def hear(self, *, bob: Heard = None, sam: Heard = None, customer: tuple[str, ...]) -> None:
        """Wait until each hears these and nobody else. Whose line is closed plays nothing, and is not asked."""
        if bob is not None:
            await self.floor.agent_hears(self.bob, *bob)
        if sam is not None:
            await self.floor.agent_hears(self.sam, *sam)
        await self.floor.customer_hears(self.customer, *customer)


@pytest_asyncio.fixture
async def helped(
    settings: Settings,
    database: Database,
    cast: Cast,
    free_port: Callable[[], int],
    browsers_with_microphones: Mapping[str, Browser],
) -> AsyncIterator[Helped]:
    port, ears = free_port(), free_port()
    urls = {"voice_sdk_url": f"http://127.0.0.1:{port}/voice-sdk.js", "media_public_url": f"ws://127.0.0.1:{ears}"}
    async with (
        stream_ear(ears) as ear,
        room_town(settings.model_copy(update=urls), database, cast, port=port, speed=1.0) as town,
        phone_floor(town, database, browsers_with_microphones) as floor,
    ):
        bob = await floor.sits_down(cast.bob, "bob")
        sam = await floor.sits_down(cast.sam, "sam")
        await become_available(bob)
        customer = floor.calls()
        await expect(bob.locator("[data-offer]")).to_be_visible()
        await bob.keyboard.press("Alt+a")
        await expect(bob.locator("#in-call")).to_have_attribute("data-phase", "talking")
        yield Helped(floor, ear, bob, sam, customer)


async def test_listen_whisper_speak_and_go_and_what_the_stream_carries(helped: Helped) -> None:
    bob, sam, ear = helped.bob, helped.sam, helped.ear
    await helped.listens()
    await helped.hear(bob=("customer",), sam=("bob", "customer"), customer=("bob",))
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "listen")

    await sam.keyboard.press("Alt+q")
    await helped.is_heard_as("whisper")
    await helped.hear(bob=("customer", "sam"), sam=("bob", "customer"), customer=("bob",))
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "whisper")

    await bob.keyboard.press("Alt+o")
    await expect(bob.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await helped.hear(bob=("sam",), sam=("bob",), customer=())
    await bob.keyboard.press("Alt+o")
    await helped.hear(bob=("customer", "sam"), sam=("bob", "customer"), customer=("bob",))
    assert ear.pitches("outbound") == {"bob"}, "a whisper reached what becomes words"
    assert ear.pitches("inbound") == {"customer"}

    spoke_at = asyncio.get_running_loop().time()
    await sam.keyboard.press("Alt+b")
    await helped.is_heard_as("barge")
    await helped.hear(bob=("customer", "sam"), sam=("bob", "customer"), customer=("bob", "sam"))
    assert ear.pitches("outbound", spoke_at) == {"bob", "sam"}, "the ear hears what the customer does"

    await sam.keyboard.press("Alt+q")
    await helped.is_heard_as("whisper")
    await helped.hear(bob=("customer", "sam"), sam=("bob", "customer"), customer=("bob",))
    await sam.keyboard.press("Alt+g")
    await helped.is_heard_as("listen")
    await helped.hear(bob=("customer",), sam=("bob", "customer"), customer=("bob",))
    await sam.keyboard.press("Alt+l")
    await expect(sam.locator("#helping-now")).to_be_hidden()
    await expect(bob.locator("#call-helpers")).to_have_attribute("data-modes", "")
    await helped.hear(bob=("customer",), customer=("bob",))


async def test_taken_over(helped: Helped) -> None:
    await helped.listens()
    await helped.sam.keyboard.press("Alt+q")
    await helped.is_heard_as("whisper")
    await helped.sam.keyboard.press("Alt+y")
    await expect(helped.sam.locator("#in-call")).to_have_attribute("data-phase", "talking")
    await expect(helped.bob.locator("#in-call")).to_be_hidden()
    await expect(helped.bob.locator("#wrap-up")).to_be_visible()
    await helped.hear(sam=("customer",), customer=("sam",))
    await helped.sam.keyboard.press("Alt+o")
    await expect(helped.sam.locator("#hold")).to_have_attribute("aria-pressed", "true")
    await helped.sam.keyboard.press("Alt+h")
    await helped.floor.hung_up(helped.customer)


async def test_a_warm_transfer_mutes_who_whispers_until_they_wish_again(helped: Helped) -> None:
    floor, bob, sam = helped.floor, helped.bob, helped.sam
    dana = await floor.sits_down(floor.cast.dana, "dana")
    await become_available(dana)
    await helped.listens()
    await sam.keyboard.press("Alt+q")
    await helped.is_heard_as("whisper")
    await bob.keyboard.press("Alt+t")
    await bob.locator("#target-text").fill("dana")
    await bob.keyboard.press("Enter")
    await expect(dana.locator("[data-offer][data-kind=consult]")).to_be_visible()
    await dana.keyboard.press("Alt+a")
    await expect(bob.locator("#consult")).to_have_attribute("data-state", "consulting")
    await expect(sam.locator("#helping-now")).to_have_attribute("data-was-muted", "")
    await helped.hear(bob=("dana",), sam=("bob", "dana"), customer=())
    await floor.agent_hears(dana, "bob")
    await sam.keyboard.press("Alt+q")
    await helped.is_heard_as("whisper")
    await helped.hear(bob=("dana", "sam"), sam=("bob", "dana"), customer=())
    await floor.agent_hears(dana, "bob")
    await bob.keyboard.press("Alt+c")
    await expect(bob.locator("#in-call")).to_be_hidden()
    await helped.is_heard_as("listen")
    await helped.hear(sam=("customer", "dana"), customer=("dana",))
    await floor.agent_hears(dana, "customer")
    assert "sam" not in helped.ear.pitches("outbound")


async def test_the_pages_of_both_have_no_findings(helped: Helped) -> None:
    await helped.listens()
    for page in (helped.bob, helped.sam):
        assert await findings(page) == []
