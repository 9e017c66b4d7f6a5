"""The main journey in another browser than the other tests': sign in, take a call, read its words, hang up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from db.engine import Database
from db.queries.sign_in import sign_in_links
from sandbox.audio import coded_words
from sandbox.twilio.emulator import Twilio
from tests.journeys.test_words import PAUSE, nats, node, ports, settings, telephone
from tests.kit.browser.firefox import Firefox, firefox
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site

__all__ = ["nats", "node", "ports", "settings", "telephone"]

pytestmark = pytest.mark.browser(whole=True)

BECOME_AVAILABLE = """((choice) => {
  choice.value = "available";
  choice.dispatchEvent(new Event("change", { bubbles: true }));
})(document.getElementById("presence"))"""


@pytest.fixture
def voice_sdk(ports: dict[str, int]) -> str:
    """The emulated one: Bob's desk is his page."""
    return f"http://127.0.0.1:{ports['twilio']}/voice-sdk.js"


@pytest_asyncio.fixture
async def window(tmp_path: Path) -> AsyncIterator[Firefox]:
    async with firefox(tmp_path) as launched:
        yield launched


async def test_a_call_is_taken_read_and_ended_in_firefox(
    window: Firefox, site: Site, telephone: Twilio, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        token = await sign_in_links.create(session, cast.bob.id, b"test")
    page = await window.page()
    await page.goto(f"{site.url}/sign-in/{token}")
    await page.click("main form button.primary")
    await page.until("Boolean(document.getElementById('link-state'))")
    await page.until("document.getElementById('link-state').dataset.status === 'open'")
    await page.until("document.getElementById('phone').dataset.phase === 'ready'")
    await page.until("!document.getElementById('presence').disabled")
    await page.evaluate(BECOME_AVAILABLE)
    await page.until("document.getElementById('presence-state').dataset.presence === 'available'")

    speech = coded_words.encode("my internet is slow") + PAUSE * 20
    leg = telephone.place_call(to="+61255501234", caller_audio=speech)
    await page.click("[data-offer] .answer")
    await page.until("document.getElementById('lines').textContent.includes('my internet is slow')")
    assert not leg.over.is_set()

    await page.click("#hang-up")
    await page.until("document.getElementById('in-call').hidden")
    await leg.over.wait()
    assert telephone.exchange.alerts == []
    assert [line for line in window.complaints if "Security" in line or "Error" in line] == []
