"""A supervisor sees one group: its calls, its callers who wait, its agents. The rest is counted, the choice kept."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from db.engine import Database
from db.queries.phone.groups import Groups
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.browser.axe import findings
from tests.kit.browser.console_page import Open
from tests.kit.media.live_media import Console, LiveMedia, call_view
from tests.kit.web.cast import Cast
from tests.kit.web.phones import come_on, room_of, waiting_call
from tests.web.static.console.wall.test_wall_browser import row

pytestmark = pytest.mark.browser

BOBS, DANAS = (f"CA{number}" * 3 for number in range(2))


@dataclass(frozen=True, slots=True)
class Floor:
    """Bookings are Bob's and Sam's, Accounts Dana's; a caller waits for Accounts."""

    bookings: UUID
    accounts: UUID
    waits: UUID
    waits_sid: str


@pytest_asyncio.fixture
async def floor(database: Database, cast: Cast) -> Floor:
    async with database.begin() as session:
        groups = Groups(session, cast.a.id)
        bookings, accounts = await groups.add("Bookings"), await groups.add("Accounts")
        await groups.change(bookings, "Bookings", [cast.bob.id, cast.sam.id])
        await groups.change(accounts, "Accounts", [cast.dana.id])
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(groups=(accounts,), wait_seconds=3600))
    await come_on(database, cast.dana)
    waits = await waiting_call(database, cast.number)
    return Floor(bookings, accounts, waits, (await room_of(database, cast.number, waits)).customer.call_sid)


async def walled(
    console: Open, media: LiveMedia, cast: Cast, floor: Floor, width: int = 1280
) -> tuple[Page, Console]:
    """Sam's wall, with a call of Bob's, one of Dana's and the caller who waits."""
    page = await console(cast.sam, width)
    socket = await hears(media, cast, floor)
    await expect(page.locator("#group")).to_be_visible()
    return page, socket


async def hears(media: LiveMedia, cast: Cast, floor: Floor) -> Console:
    calls = {BOBS: str(cast.bob.id), DANAS: str(cast.dana.id), floor.waits_sid: None}
    socket = await media.console(*(call_view(call, agent) for call, agent in calls.items()))
    await socket.tell("rows", rows=[row(call, "hello") for call in calls])
    return socket


async def shows(page: Page, *calls: str) -> None:
    """Wait until these are the rows of the wall, and the count says so."""
    for call in calls:
        await expect(page.locator(f'.call[data-call="{call}"]')).to_be_visible()
    await expect(page.locator(".call")).to_have_count(len(calls))
    await expect(page.locator("#call-count")).to_have_text("3" if len(calls) == 3 else f"{len(calls)} of 3")


async def test_one_group_is_seen_everywhere_and_remembered(
    console: Open, media: LiveMedia, cast: Cast, floor: Floor
) -> None:
    page, _socket = await walled(console, media, cast, floor)
    await shows(page, BOBS, DANAS, floor.waits_sid)
    await expect(page.locator("#waiting-count")).to_have_text("1")
    await page.keyboard.press("u")
    await page.locator("#group").select_option("Bookings")
    await shows(page, BOBS)
    await expect(page.locator(".waiting-row")).to_have_count(0)
    await expect(page.locator("#waiting-count")).to_have_text("0 of 1")
    await expect(page.locator(".team-row .team-name")).to_have_text(["Bob Brown", "Sam Singh"])
    assert await findings(page) == []
    await page.locator("#group").select_option("Accounts")
    await shows(page, DANAS, floor.waits_sid)
    await expect(page.locator(".waiting-row")).to_have_count(1)
    await expect(page.locator(".team-row .team-name")).to_have_text(["Dana Dow"])
    await page.reload()
    await hears(media, cast, floor)
    await shows(page, DANAS, floor.waits_sid)
    await expect(page.locator("#group")).to_have_value(str(floor.accounts))
    await page.locator("#group").select_option("mine")
    await shows(page, BOBS)


async def test_a_group_that_is_gone_hides_nothing(
    console: Open, media: LiveMedia, cast: Cast, floor: Floor, database: Database
) -> None:
    page, _socket = await walled(console, media, cast, floor)
    await page.locator("#group").select_option("Bookings")
    await shows(page, BOBS)
    async with database.begin() as session:
        await Groups(session, cast.a.id).remove(floor.bookings)
    await shows(page, BOBS, DANAS, floor.waits_sid)
    await expect(page.locator("#group")).to_have_value("")


async def test_the_newest_of_the_group_comes_in_and_no_other(
    console: Open, media: LiveMedia, cast: Cast, floor: Floor
) -> None:
    page, socket = await walled(console, media, cast, floor, width=1920)
    await page.locator("#group").select_option("Bookings")
    await shows(page, BOBS)
    await page.locator("#newest").click()
    await expect(page.locator(f'[data-tile="{BOBS}"]')).to_be_visible()
    theirs, ours = "CA8" * 3, "CA9" * 3
    later = "2026-11-20T04:00:00+00:00"
    await socket.tell("call.started", call=call_view(theirs, str(cast.dana.id), started_at=later))
    await socket.tell("call.started", call=call_view(ours, str(cast.dana.id), started_at=later))
    await socket.tell("call.assigned", call=ours, agent=str(cast.bob.id))
    await expect(page.locator(f'[data-tile="{ours}"]')).to_be_visible()
    await expect(page.locator(".tile")).to_have_count(2)


async def test_what_is_typed_filters_who_waits_and_the_team(
    console: Open, media: LiveMedia, cast: Cast, floor: Floor
) -> None:
    page, _socket = await walled(console, media, cast, floor)
    await page.locator("#filter").fill("0412 345 678")
    await expect(page.locator("#waiting-count")).to_have_text("1 of 1")
    await expect(page.locator(".waiting-row")).to_have_count(1)
    await expect(page.locator(".team-row")).to_have_count(0)
    await expect(page.locator("#team-none")).to_be_visible()
    await page.locator("#filter").fill("dana avail")
    await expect(page.locator(".team-row .team-name")).to_have_text(["Dana Dow"])
    await expect(page.locator("#waiting-none")).to_be_visible()
    await page.locator("#filter").fill("")
    await expect(page.locator("#waiting-count")).to_have_text("1")
    names = ["Alice Ashby", "Bob Brown", "Dana Dow", "Sam Singh"]
    await expect(page.locator(".team-row .team-name")).to_have_text(names)
    await page.locator("#team-order").select_option("newest")
    await page.reload()
    await expect(page.locator("#team-order")).to_have_value("newest")
