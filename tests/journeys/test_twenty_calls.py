"""Twenty agents without browsers in twenty calls with words, and one supervisor in Chromium who reads each of them.

Only the vendors are emulated. The media process is one of its own, so that it hears while everything else works.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import select

from db.engine import Database
from db.models import Call, Member
from db.queries.audit import TWILIO, AuditFilter, AuditLog, details_of
from db.queries.members import Members
from sandbox.agent.agent import Habits, agent
from sandbox.audio import coded_words
from sandbox.engines.nats import NatsServer
from sandbox.twilio.emulator import Leg
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import link
from tests.kit.media.media_node import media_process, scripted_vendor
from tests.kit.web.cast import Cast
from tests.kit.web.phones import invited
from tests.kit.web.room_town import RoomTown, emulated, web_process
from web.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.sound, pytest.mark.timeout(900)]

CALLS = 20
PATIENCE_MS = 240_000
NAMES = (
    *("amber", "birch", "coral", "dune", "ember", "fern", "grove", "heath", "iris", "jade"),
    *("kelp", "lime", "moss", "nettle", "opal", "pearl", "quartz", "reed", "sage", "thistle"),
)
"""What each caller says, and no other."""
LIVE = '[data-call]:not([data-state="ended"])'
HABITS = Habits(answers_after=0.1, rejoins_after=5.0, leaves_after=60.0, repeats_after=10.0, beats_every=5.0)


@pytest_asyncio.fixture
async def town(
    settings: Settings, database: Database, cast: Cast, free_port: Callable[[], int], tmp_path: Path
) -> AsyncIterator[RoomTown]:
    """All of it, `CALLS` agents at work."""
    port = free_port()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        nats, vendor = await enter(NatsServer(tmp_path)), await enter(scripted_vendor())
        known: dict[str, Any] = {
            "media_public_url": f"ws://127.0.0.1:{port}",
            "web_public_url": settings.web_public_url,
            "stream_shared_secret": settings.stream_shared_secret.get_secret_value(),
            "twilio_account_sid": settings.twilio_account_sid,
            "twilio_auth_tokens": settings.twilio_auth_tokens[0].get_secret_value(),
        }
        await enter(media_process(nats, vendor, port, **known))
        twilio = await enter(emulated(settings, cast, speed=1.0))
        ours = {
            "twilio_api_base": twilio.url,
            "call_routing": "rooms",
            "voice_sdk_url": "",
            "media_public_url": known["media_public_url"],
            "nats_url": SecretStr(nats.url("web")),
        }
        site = await enter(web_process(settings.model_copy(update=ours)))
        for member in await _agents(database, cast):
            invite = invited(database, site.url, member)
            await enter(agent(site.url, twilio.url, invite, HABITS))
        yield RoomTown(twilio, site, database, cast)


async def _agents(database: Database, cast: Cast) -> list[Member]:
    async with database.begin() as session:
        members = Members(session, cast.a.id)
        return [
            await members.add(email=f"{name}@acacia.example", name=f"Agent {name}", role="agent") for name in NAMES
        ]


@pytest_asyncio.fixture
async def sam(town: RoomTown, window: Browser, database: Database, cast: Cast) -> AsyncIterator[Page]:
    """The supervisor's console."""
    expect.set_options(timeout=PATIENCE_MS)
    context = await window.new_context(base_url=town.site.url, viewport={"width": 1920, "height": 1600})
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await open_link(page, await link(database, cast.sam))
    await expect(page.locator("#link-state")).to_have_attribute("data-status", "open")
    yield page
    await context.close()


async def _calls(town: RoomTown) -> dict[str, Leg]:
    """Let one after the other call, as soon as the one before is talked to; the legs by what is said on each."""
    return {name: await _talks(town, f"+614915701{number:02}", name) for number, name in enumerate(NAMES)}


async def _talks(town: RoomTown, caller: str, name: str) -> Leg:
    """Let a caller call until an agent answers: on a machine that does much else, they may be told to call again."""
    said = (coded_words.encode(f"this is about {name}") + coded_words.silence(3)) * 400
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while True:
            leg = town.twilio.place_call(to=town.cast.number.e164, from_=caller, caller_audio=said)
            while not leg.over.is_set():
                if await _is(town, leg, None):
                    return leg
                await asyncio.sleep(0.2)


async def _rows(database: Database, cast: Cast) -> list[Call]:
    async with database.begin() as session:
        return list((await session.scalars(select(Call).where(Call.organisation_id == cast.a.id))).all())


async def test_one_supervisor_reads_twenty_calls_each_with_its_own_words(
    town: RoomTown, sam: Page, database: Database, cast: Cast
) -> None:
    legs = await _calls(town)
    await expect(sam.locator(LIVE)).to_have_count(CALLS)
    talking = {row.agent_id for row in await _rows(database, cast) if row.outcome is None}
    assert len(talking) == CALLS, "each agent has one"

    for name, leg in legs.items():
        await sam.locator(f'[data-call="{leg.sid}"]').click()
        await expect(sam.locator("#lines")).to_contain_text(f"about {name}")
        shown = await sam.locator("#lines").text_content() or ""
        assert [other for other in NAMES if other != name and f"about {other}" in shown] == []
        await sam.locator("#write-text").fill(f"well done with {name}")
        await sam.keyboard.press("Enter")
        await expect(sam.locator(".written-line")).to_contain_text([f"well done with {name}"])

    async with database.begin() as session:
        opened = await AuditLog(session, cast.a.id, TWILIO).page(
            AuditFilter("watching.opened_transcript", cast.sam.id), limit=100
        )
    read = [details_of(entry)["call"] for entry in opened]
    assert [read.count(leg.sid) for leg in legs.values()] == [1] * CALLS

    for leg in legs.values():
        leg.hang_up()
        async with asyncio.timeout(PATIENCE_MS / 1000):
            while not await _is(town, leg, "answered"):  # noqa: ASYNC110  (a webhook writes it)
                await asyncio.sleep(0.2)
    await expect(sam.locator(LIVE)).to_have_count(0)


async def _is(town: RoomTown, leg: Leg, outcome: str | None) -> bool:
    """Whether an agent has the call, and it goes on (None) or ended like that."""
    rows = await _rows(town.database, town.cast)
    return any(row.call_sid == leg.sid and row.agent_id and row.outcome == outcome for row in rows)
