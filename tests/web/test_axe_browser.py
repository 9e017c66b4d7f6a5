"""No page of the product has a finding of axe-core: signed out and in every role, empty and full, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from db.engine import Database
from db.models import Call
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.integrations import events
from db.queries.integrations.webhooks import Webhooks
from db.queries.members import Members
from tests.kit.browser.axe import findings, findings_of
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import SignedIn, link
from tests.kit.full_lists import FOUND, fill
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import Shop

pytestmark = pytest.mark.browser

OPEN = (
    "/",
    "/pricing",
    "/privacy",
    "/terms",
    "/acceptable-use",
    "/api",
    "/sign-in",
    "/sign-up",
    "/sign-in/no-link",
    "/status",
    "/operator/sign-in",
    "/nowhere",
)
LOG = (
    "/calls",
    "/calls?number=12&direction=inbound",
    "/calls?words=gaps&state=over",
    "/calls?from=2026-11-30&to=2026-11-01",
    f"/calls/{FOUND}",
)
DASHBOARD = ("/dashboard", "/dashboard?from=2026-11-30&to=2026-11-01", "/dashboard?from=soon")
EVERYBODY = ("/account", "/account/second-factor", "/console", *LOG, "/watching")
WORDS = ("/numbers/{number}/words", "/phrases", "/settings/listening", "/settings/alerts")
PHONE = (
    "/numbers/{number}/ringing",
    "/numbers/{number}/source",
    "/team/groups",
    "/settings/phone",
    "/contacts/duplicates",
)
RUN = ("/numbers", "/numbers/{number}/hours", "/team", "/settings", "/audit", "/check", "/onboarding")
SUPERVISORS = (*EVERYBODY, *DASHBOARD, "/blocked", "/contacts", "/contacts?q=nobody")
ADMINS = (*SUPERVISORS, *RUN, *PHONE, *WORDS, "/api-keys", "/webhooks")
OWNERS = (*ADMINS, "/billing", "/checkout", "/settings/data", "/settings/second-factor", "/settings/single-sign-on")


async def test_signed_out(context: BrowserContext) -> None:
    page = await context.new_page()
    found = await findings_of(page, OPEN)
    await page.goto("/sign-in")
    await page.locator("main input[name=email]").fill("nobody@nowhere.example")
    await page.locator("main form button.primary").click()
    assert found + await findings(page) == []


@pytest.mark.parametrize(
    ("name", "paths", "full"),
    [
        ("alice", OWNERS, False),
        ("alice", OWNERS, True),
        ("ada", ADMINS, True),  # her empty pages are Alice's
        ("sam", SUPERVISORS, False),
        ("sam", SUPERVISORS, True),
        ("bob", EVERYBODY, False),
        ("bob", EVERYBODY, True),
    ],
)
async def test_signed_in(
    signed_in: SignedIn,
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
        await fill(database, cast)
    page = await signed_in(members[name])
    assert await findings_of(page, [path.format(number=cast.number.id) for path in paths]) == []


@pytest.mark.parametrize("name", ["alice", "sam"])
async def test_contacts(signed_in: SignedIn, database: Database, cast: Cast, name: str) -> None:
    """One with several numbers, long words, notes and every wish, and who may be merged with it."""
    await fill(database, cast)
    long = "Mia " + "Moore-Featherstonehaugh" * 4
    async with database.begin() as session:
        (await session.merge(cast.a)).notes_on = True
        contacts, wishes = Contacts(session, cast.a.id), {"do_not_call": True, "do_not_transcribe": True}
        mia = await contacts.add(long, "+61255501111", wishes)  # type: ignore[arg-type]
        other = await contacts.add(long, "+61255502222")
        call = await session.get(Call, FOUND)
        assert call is not None
        await contacts.give(mia, call.customer)
        for text in ("has a dog", "x" * 2000):
            await ContactNotes(session, cast.a.id).add(mia.id, cast.alice.id, text)
    page = await signed_in({"alice": cast.alice, "sam": cast.sam}[name])
    paths = [f"/contacts/{mia.id}", f"/contacts/{mia.id}?done=merged", "/contacts", "/contacts?added=1&alike=1"]
    paths += [f"/calls/{FOUND}", f"/calls?contact={mia.id}"]
    if name == "alice":
        paths += ["/contacts/duplicates", f"/contacts/{mia.id}/merge", f"/contacts/{mia.id}/merge?with={other.id}"]
    assert await findings_of(page, paths) == []
    if name == "alice":
        await page.goto(f"/contacts/{mia.id}")
        await page.locator("#number").fill("12")
        await page.locator("#number").press("Enter")
        await expect(page.get_by_role("alert")).to_be_visible()
        assert await findings(page) == []
    else:
        await page.goto("/blocked")
        await page.locator("main details summary").click()
        await page.locator("[name=table]").fill("nobody")
        await page.locator("form[action='/blocked/import'] button").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        assert await findings(page) == []


async def test_a_customer_who_asks_for_their_data(signed_in: SignedIn, database: Database, cast: Cast) -> None:
    await fill(database, cast)
    page = await signed_in(cast.alice)
    await page.goto("/settings/data")
    await page.locator("[name=number]").fill("0412 345 678")
    await page.locator("[name=number]").press("Enter")
    await page.locator("[name=again]").fill("0412 345 679")
    found = await findings(page)
    await page.locator("[name=again]").press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert found + await findings(page) == []


async def test_a_webhook_endpoint_and_what_was_sent_there(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        webhooks = Webhooks(session, cast.a.id)
        endpoint = await webhooks.add(
            url="https://hooks.example.com.au/", types=["call.ended"], created_by=cast.alice.id
        )
        await events.note_test(session, endpoint)
        endpoint.failing_since = datetime.now(UTC)
    page = await signed_in(cast.alice)
    assert await findings_of(page, [f"/webhooks/{endpoint.id}"]) == []


async def test_hours_with_everything_wrong(
    signed_in: SignedIn,
    database: Database,
    cast: Cast,
) -> None:
    page = await signed_in(cast.alice)
    await page.goto(f"/numbers/{cast.number.id}/hours")
    await page.get_by_role("radio", name="At these times").check()
    for name in ("monday", "own-0-hours", "closed_overflow"):
        await page.locator(f"[name={name}]").fill("9-5")
    await page.locator("main button[type=submit].primary").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page) == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/numbers/{number}/ringing", {"ring_seconds": "x", "wait_seconds": "x"}),
        ("/settings/phone", {"tag": "x" * 60, "wrap_up_seconds": "x"}),
        ("/contacts", {"table": "nobody"}),
        ("/blocked", {"number": "12"}),
        ("/numbers/{number}/words", {"vocabulary": "two words"}),
    ],
)
async def test_a_form_of_the_phone_with_everything_wrong(
    signed_in: SignedIn, database: Database, cast: Cast, path: str, fields: dict[str, str]
) -> None:
    page = await signed_in(cast.alice)
    await page.goto(path.format(number=cast.number.id))
    for name, text in fields.items():
        await page.locator(f"[name={name}]").fill(text)
    await page.locator("main button[type=submit].primary").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page) == []


async def test_a_call_in_which_phrases_fired_and_rules_wrong_and_tried(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    await fill(database, cast)
    page = await signed_in(cast.alice)
    await page.goto("/calls")
    await page.locator(".hits summary").click()
    await expect(page.locator(".hit[data-ticked]")).to_be_visible()
    found = await findings(page)
    await page.goto("/phrases")
    await page.locator("#sentence").fill("well goodbye " * 20)
    await page.locator("form[action^='/phrases/try'] button").click()
    await expect(page.locator("#sentence")).not_to_have_value("")
    found += await findings(page)
    for field, text in (("name", "x"), ("phrases", "*"), ("cooldown_s", "ten")):
        await page.locator(f"[name={field}]").fill(text)
    await page.locator("form[action='/phrases/save'] button[type=submit]").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert found + await findings(page) == []


async def test_the_notice_once_confirmed_and_the_settings_once_saved(
    signed_in: SignedIn, database: Database, cast: Cast
) -> None:
    page = await signed_in(cast.alice)
    await page.goto("/watching")
    await page.locator("#watching-notice button").click()
    await expect(page.locator("#confirmed-at")).to_be_visible()
    found = await findings(page)
    await page.goto("/settings/listening")
    await page.locator("[name=listening][value=words]").check()
    await page.locator("main button[type=submit].primary").click()
    await expect(page.locator(".saved")).to_be_visible()
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
