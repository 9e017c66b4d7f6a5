"""axe-core finds nothing on the pages of signing in: operators, second factors, an organisation's own provider."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import BrowserContext, expect

from db.engine import Database
from db.queries import organisations
from tests.kit.browser.axe import findings, findings_of
from tests.kit.browser.chromium import open_link
from tests.kit.browser.console_page import link
from tests.kit.integrations import operator
from tests.kit.sign_in.authenticator import Authenticator, enrolled
from tests.kit.sign_in.provider_site import provider_at, use
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site

pytestmark = pytest.mark.browser


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
