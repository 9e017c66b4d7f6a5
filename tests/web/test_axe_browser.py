"""No page of the product has a finding of axe-core: signed out and in every role, empty and full, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from db import recount
from db.engine import Database
from db.models import Call, UnsaidPhrase
from db.queries import organisations
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.integrations import events
from db.queries.integrations.webhooks import Webhooks
from db.queries.members import Members
from db.queries.phone.choices import Choices
from db.queries.phone.groups import Groups
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.messages import PhraseReport
from protocol.phrases import PhraseRule
from tests.kit.browser.axe import findings
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import CALL, OTHER, Open, link, ring, talking
from tests.kit.integrations import operator
from tests.kit.integrations.program import issue
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.sign_in.authenticator import Authenticator, enrolled
from tests.kit.sign_in.provider_site import provider_at, use
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import Shop
from tests.kit.web.site import Site
from web.organisation.phone_form import LISTS

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
FOUND = UUID(int=1)
"""A call in a log that is not empty."""
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
ADMINS = (*SUPERVISORS, *RUN, *PHONE, *WORDS, "/contacts/duplicates", "/api-keys", "/webhooks")
OWNERS = (*ADMINS, "/billing", "/checkout", "/settings/data", "/settings/second-factor", "/settings/single-sign-on")


async def findings_of(page: Page, paths: Iterable[str]) -> list[str]:
    """The findings of several pages, one after the other."""
    found = []
    for path in paths:
        await page.goto(path)
        found += await findings(page)
    return found


async def _fill(database: Database, cast: Cast) -> None:
    """Calls of every outcome in the log, what fired in one of them, and something in every list of the phone."""
    async with database.begin() as session:
        groups = Groups(session, cast.a.id)
        await groups.change(await groups.add("Bookings"), "Bookings", [cast.bob.id, cast.dana.id])
        await groups.add("Accounts")
        await Contacts(session, cast.a.id).keep({"+61412345678": "Mia Moore", "+61293744000": "Noah North"})
        await BlockedNumbers(session, cast.a.id).add("+61491570156", cast.bob.id)
        for kind in LISTS:
            await Choices(session, cast.a.id).set(kind, ["One", "Another"])
    await issue(database, cast.alice, lasts=timedelta(days=1))
    began = datetime.now(UTC) - timedelta(hours=1)
    facts = [("answered", "+61491570156"), ("missed", ""), ("failed", "Restricted"), (None, "client:x")]
    async with database.begin() as session:
        for number, (outcome, caller) in enumerate(facts):
            session.add(
                Call(
                    id=UUID(int=number + 1),
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
        rules = PhraseRuleRows(session, cast.a.id)
        for name, must_say in (("Leaving " * 7, False), ("Recording disclosed", True)):
            rule = await rules.save(PhraseRule("", name, ("goodbye " * 12,), must_say=must_say), is_on=must_say)
            await rules.note_hit(f"CA{0:032x}", PhraseReport(rule.id, "agent", round(began.timestamp() * 1000)))
        unsaid = await rules.save(PhraseRule("", "Greeted by name", ("hello",), must_say=True), is_on=True)
        session.add(UnsaidPhrase(call_id=FOUND, rule_id=UUID(unsaid.id), organisation_id=cast.a.id))
    await recount.settle(database)


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


@pytest.mark.parametrize("name", ["alice", "sam"])
async def test_contacts(context: BrowserContext, database: Database, cast: Cast, name: str) -> None:
    """One with several numbers, long words, notes and every wish, and who may be merged with it."""
    await _fill(database, cast)
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
    page = await context.new_page()
    await open_link(page, await link(database, {"alice": cast.alice, "sam": cast.sam}[name]))
    await expect(page.locator("main")).to_be_visible()
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


async def test_operators(context: BrowserContext, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        organisation = await organisations.locked(session, cast.b.id)
        assert organisation is not None
        await organisations.suspend(session, organisation, "An invoice is disputed.")
    page = await context.new_page()
    await page.goto(await operator.link(database))
    found = await findings(page)
    await page.locator("main button").click()
    letters = await page.locator("code.letters").text_content()
    found += await findings(page)
    await page.get_by_role("textbox", name="Code").fill(Authenticator(letters or "").code())
    await page.get_by_role("textbox", name="Code").press("Enter")
    await expect(page.locator(".recovery")).to_be_visible()
    found += await findings(page)
    await page.goto("/operator")
    await page.locator("main summary").click()
    found += await findings(page)
    assert found + await findings_of(page, ["/operator/log", "/operator/account", "/operator/preflight"]) == []


async def test_an_operator_who_has_a_second_factor(context: BrowserContext, database: Database) -> None:
    app, _ = await operator.enrolled(database)
    page = await context.new_page()
    await page.goto(await operator.link(database))
    await page.locator("main button").click()
    found = await findings(page)
    await page.get_by_role("textbox", name="Code").fill(app.wrong())
    await page.get_by_role("textbox", name="Code").press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert found + await findings(page) == []


async def test_a_customer_who_asks_for_their_data(context: BrowserContext, database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await page.goto("/settings/data")
    await page.locator("[name=number]").fill("0412 345 678")
    await page.locator("[name=number]").press("Enter")
    await page.locator("[name=again]").fill("0412 345 679")
    found = await findings(page)
    await page.locator("[name=again]").press("Enter")
    await expect(page.get_by_role("alert")).to_be_visible()
    assert found + await findings(page) == []


async def test_a_webhook_endpoint_and_what_was_sent_there(
    context: BrowserContext, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        webhooks = Webhooks(session, cast.a.id)
        endpoint = await webhooks.add(
            url="https://hooks.example.com.au/", types=["call.ended"], created_by=cast.alice.id
        )
        await events.note_test(session, endpoint)
        endpoint.failing_since = datetime.now(UTC)
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await expect(page.locator("main")).to_be_visible()
    assert await findings_of(page, [f"/webhooks/{endpoint.id}"]) == []


async def test_a_second_factor_set_up_asked_for_and_listed(
    context: BrowserContext, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        (await session.merge(cast.a)).second_factor_required = True
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await expect(page.locator(".qr")).to_be_visible()
    found = await findings(page)
    app = Authenticator(await page.locator(".letters").inner_text())
    for code in (app.wrong(), app.code()):
        await page.locator("#code").fill(code)
        await page.locator("main button.primary").click()
        await expect(page.locator("main [role=alert], main .recovery")).to_be_visible()
        found += await findings(page)
    await page.locator("main a.primary").click()
    await enrolled(database, cast.bob)
    for path in ("/account/second-factor", "/settings/second-factor"):
        await page.goto(path)
        await page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true })")
        found += await findings(page)
        await page.locator("main [name=code]").first.fill("no code")
        await page.locator("main form button").first.click()
        await expect(page.get_by_role("alert")).to_be_visible()
        found += await findings(page)
    await open_link(page, await link(database, cast.alice))
    await expect(page.locator("form[action='/second-factor']")).to_be_visible()
    assert found + await findings(page) == []


async def test_single_sign_on_set_up_and_gone_through(
    context: BrowserContext, database: Database, cast: Cast, site: Site, free_port: Callable[[], int]
) -> None:
    page = await context.new_page()
    async with provider_at(site, free_port) as provider:
        await use(database, cast.a, provider, is_enforced=True, domains=["acacia.example"] * 15)
        await open_link(page, await link(database, cast.alice))
        await page.goto("/settings/single-sign-on")
        await page.locator("main summary").click()
        found = await findings(page)
        await page.locator("#domains").fill("no domain")
        await page.locator("form[action='/settings/single-sign-on'] button.primary").click()
        await expect(page.locator("[aria-invalid=true]")).to_be_visible()
        found += await findings(page)
        await open_link(page, await link(database, cast.alice))
        for path in (f"/sso/{cast.a.id}/signed-out", "/sso/return"):
            await page.goto(path)
            found += await findings(page)
        for name in ("Erin", "Charlie"):
            await page.goto(f"/sso/{cast.a.id}")
            await page.get_by_role("button", name=name).click()
            await expect(page.locator("main .card")).to_be_visible()
            found += await findings(page)
    await page.goto(await link(database, cast.bob))
    await expect(page.locator("[data-elsewhere]")).to_be_visible()
    assert found + await findings(page) == []


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
    context: BrowserContext, database: Database, cast: Cast, path: str, fields: dict[str, str]
) -> None:
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await page.goto(path.format(number=cast.number.id))
    for name, text in fields.items():
        await page.locator(f"[name={name}]").fill(text)
    await page.locator("main button[type=submit].primary").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert await findings(page) == []


async def test_a_call_in_which_phrases_fired_and_rules_wrong_and_tried(
    context: BrowserContext, database: Database, cast: Cast
) -> None:
    await _fill(database, cast)
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
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
    context: BrowserContext, database: Database, cast: Cast
) -> None:
    page = await context.new_page()
    await open_link(page, await link(database, cast.alice))
    await page.goto("/watching")
    await page.locator("#watching-notice button").click()
    await expect(page.locator("#confirmed-at")).to_be_visible()
    found = await findings(page)
    await page.goto("/settings/listening")
    await page.locator("[name=listening][value=words]").check()
    await page.locator("main button[type=submit].primary").click()
    await expect(page.locator(".saved")).to_be_visible()
    assert found + await findings(page) == []


async def test_a_console_with_missed_calls(console: Open, database: Database, cast: Cast) -> None:
    await _fill(database, cast)
    page = await console(cast.bob)
    await page.locator("#recent summary").click()
    await expect(page.locator(".missed")).to_have_count(1)
    assert await findings(page) == []


@pytest.mark.usefixtures("dialled")
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


async def test_a_console_in_which_words_are_found_marked_and_large(
    console: Open, media: LiveMedia, cast: Cast
) -> None:
    page, socket = await talking(console, media, cast.bob)
    talk = {"caller_ms": 62_000, "agent_ms": 38_000, "both_ms": 0, "silence_ms": 9_000}
    await socket.tell("talk", call=CALL, talk=talk | {"caller_words": 100, "agent_words": 90})
    await expect(page.locator("#talk")).to_be_visible()
    for key in ("m", "[", "f"):
        await page.keyboard.press(key)
    await page.keyboard.type("words")
    await expect(page.locator(".found[data-current]")).to_have_count(1)
    found = await findings(page)
    await page.locator("#scroller").focus()
    await page.keyboard.press("v")
    await expect(page.locator("body")).to_have_attribute("data-reading", "")
    found += await findings(page)
    await page.locator("#reading-open").click()
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
