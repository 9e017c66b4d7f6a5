"""No page of the product has a finding of axe-core: signed out and in every role, empty and full, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, expect

from db.engine import Database
from db.models import Call
from db.queries.members import Members
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import CALL, OTHER, Open, link, ring, talking
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import Shop

pytestmark = pytest.mark.browser

WIDTHS = (1280, 360)
OPEN = (
    "/",
    "/pricing",
    "/privacy",
    "/terms",
    "/acceptable-use",
    "/sign-in",
    "/sign-up",
    "/sign-in/no-link",
    "/nowhere",
)
EVERYBODY = ("/account", "/console", "/calls")
ADMINS = (*EVERYBODY, "/numbers", "/numbers/{number}/hours", "/team", "/settings", "/audit", "/check", "/onboarding")
OWNERS = (*ADMINS, "/billing", "/checkout")


async def findings(page: Page) -> list[str]:
    """What axe-core says against the page at each width: the rule, the window's width, and where."""
    found = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 800})
        violations: list[dict[str, Any]] = (await Axe().run(page)).response["violations"]
        for violation in violations:
            places = [" ".join(map(str, node["target"])) for node in violation["nodes"]]
            found.append(f"{page.url} at {width}: {violation['id']}: {', '.join(places)}")
    return found


async def findings_of(page: Page, paths: Iterable[str]) -> list[str]:
    """The findings of several pages, one after the other."""
    found = []
    for path in paths:
        await page.goto(path)
        found += await findings(page)
    return found


async def _fill(database: Database, cast: Cast) -> None:
    """Calls of every outcome in the log."""
    began = datetime.now(UTC) - timedelta(hours=1)
    facts = [("answered", "+61491570156"), ("missed", ""), ("failed", "Restricted"), (None, "client:x")]
    async with database.begin() as session:
        for number, (outcome, caller) in enumerate(facts):
            session.add(
                Call(
                    organisation_id=cast.a.id,
                    call_sid=f"CA{number:032x}",
                    direction="inbound",
                    from_number=caller,
                    to_number=cast.number.e164,
                    number_id=cast.number.id,
                    agent_id=cast.bob.id,
                    status="completed" if outcome else "in-progress",
                    outcome=outcome,
                    started_at=began,
                )
            )


async def test_signed_out(context: BrowserContext) -> None:
    page = await context.new_page()
    found = await findings_of(page, OPEN)
    await page.goto("/sign-in")
    await page.locator("main input[name=email]").fill("nobody@nowhere.example")
    await page.locator("main form button.primary").click()
    assert found + await findings(page) == []


@pytest.mark.parametrize(
    ("name", "paths"), [("alice", OWNERS), ("ada", ADMINS), ("sam", EVERYBODY), ("bob", EVERYBODY)]
)
@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
async def test_signed_in(
    context: BrowserContext,
    database: Database,
    cast: Cast,
    name: str,
    paths: Iterable[str],
    full: bool,
) -> None:
    members = {"alice": cast.alice, "sam": cast.sam, "bob": cast.bob}
    if name == "ada":
        async with database.begin() as session:
            members["ada"] = await Members(session, cast.a.id).add(
                email="ada@acacia.example", name="Ada Abbott", role="admin"
            )
    if full:
        await _fill(database, cast)
    page = await context.new_page()
    await open_link(page, await link(database, members[name]))
    await expect(page.locator("main")).to_be_visible()
    assert await findings_of(page, [path.format(number=cast.number.id) for path in paths]) == []


async def test_hours_with_everything_wrong(
    context: BrowserContext,
    database: Database,
    cast: Cast,
) -> None:
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await page.goto(f"/numbers/{cast.number.id}/hours")
    await page.get_by_role("radio", name="At these times").check()
    for name in ("monday", "own-0-hours", "closed_overflow"):
        await page.locator(f"[name={name}]").fill("9-5")
    await page.locator("main button[type=submit].primary").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page) == []


async def test_a_console_with_missed_calls(console: Open, database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    page = await console(cast.bob)
    await page.locator("#recent summary").click()
    await expect(page.locator(".missed")).to_have_count(1)
    assert await findings(page) == []


async def test_a_console_with_live_calls(console: Open, media: LiveMedia, cast: Cast) -> None:
    page, socket = await talking(console, media, cast.bob)
    found = await findings(page)
    await socket.tell("gap", call=CALL, gap={"from_ms": 9_000, "to_ms": 12_000, "cause": "bilby"})
    await socket.tell("state", call=CALL, state="reconnecting")
    await socket.tell("call.started", call=call_view(OTHER, str(cast.bob.id)))
    await ring(page)
    found += await findings(page)
    await socket.close()
    assert found + await findings(page) == []


@pytest.mark.parametrize("paid", [False, True], ids=["unpaid", "paid"])
async def test_a_new_customer(window: Browser, shop: Shop, database: Database, paid: bool) -> None:
    owner = await (shop.subscriber() if paid else shop.newcomer())
    page = await window.new_page(base_url=shop.site.url)
    await open_link(page, await link(database, owner))
    await expect(page.locator("main")).to_be_visible()
    assert (
        await findings_of(page, ("/onboarding", "/checkout", "/billing", "/numbers", "/console", "/settings")) == []
    )


async def test_findings_are_found(window: Browser) -> None:
    page = await window.new_page()
    await page.set_content("<title>t</title><img src='data:,'><input><p style='color: #ccc'>words</p>")
    found = await findings(page)
    assert {rule for line in found for rule in ("image-alt", "label", "color-contrast") if f" {rule}:" in line} == {
        *("image-alt", "label", "color-contrast")
    }
