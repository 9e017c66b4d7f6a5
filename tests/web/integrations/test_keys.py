"""The page of the API's keys: who may open it, that a key is shown once, and that it works until it is revoked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from db.engine import Database
from db.models import ApiKey, AuditEntry
from db.queries.integrations.api_keys import MOST
from tests.kit.browser.page import page_of
from tests.kit.integrations.program import issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site
from web.integrations.keys import SCOPES

Browsers = Callable[[], Browser]
FORM = {"name": "CRM", "scope_calls:read": "yes", "scope_contacts:write": "yes", "lasts": "90"}


async def _actions(database: Database) -> list[str]:
    async with database.begin() as session:
        entries = await session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("api_key.")))
        return list(entries.all())


async def test_made_shown_once_used_and_revoked(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    made = await alice.post("/api-keys", data=FORM)
    assert made.status == 200
    page = await alice.page("/api-keys")
    assert page.all(id="token") == []
    (row,) = page.all(data_key=True)
    async with database.begin() as session:
        key = (await session.scalars(select(ApiKey))).one()
    assert (row["data-key"], row["data-state"]) == (str(key.id), "valid")
    assert sorted(key.scopes) == ["calls:read", "contacts:write"]
    assert (key.created_by, key.expires_at is None) == (cast.alice.id, False)
    token = (await page_of(made)).one(id="token")["value"]
    async with program(site.url, token) as crm:
        assert (await crm.get("/calls")).status == 200
        assert (await alice.post(f"/api-keys/{key.id}/revoke")).status == 303
        assert (await crm.get("/calls")).status == 401
    assert (await alice.post(f"/api-keys/{key.id}/revoke")).status == 404
    assert (await alice.page("/api-keys")).all(data_key=True) == []
    assert await _actions(database) == ["api_key.created", "api_key.revoked"]


@pytest.mark.parametrize(
    "change",
    [{"name": " "}, {"name": "x" * 61}, {"lasts": "7"}, {"scope_calls:read": "", "scope_contacts:write": ""}],
)
async def test_what_is_missing_is_said_in_place(
    browser: Browsers, cast: Cast, database: Database, change: dict[str, str]
) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/api-keys", data=FORM | change)).status == 400
    assert await _actions(database) == []


async def test_only_who_runs_the_organisation(browser: Browsers, cast: Cast, database: Database) -> None:
    issued = await issue(database, cast.alice)
    for member in (cast.sam, cast.bob):
        theirs = await browser().sign_in(member)
        assert (await theirs.get("/api-keys")).status == 403
        assert (await theirs.post("/api-keys", data=FORM)).status == 403
        assert (await theirs.post(f"/api-keys/{issued.key.id}/revoke")).status == 403
    charlie = await browser().sign_in(cast.charlie)
    assert (await charlie.post(f"/api-keys/{issued.key.id}/revoke")).status == 404
    assert (await charlie.page("/api-keys")).all(data_key=True) == []
    assert (await browser().get("/api-keys")).status == 303
    assert await _actions(database) == []


async def test_there_is_a_most(browser: Browsers, cast: Cast, database: Database) -> None:
    for _ in range(MOST):
        await issue(database, cast.alice)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/api-keys", data=FORM)).status == 400


async def test_every_scope_can_be_chosen(browser: Browsers, cast: Cast) -> None:
    page = await (await browser().sign_in(cast.alice)).page("/api-keys")
    shown = {each["name"] for each in page.all("input", type="checkbox")}
    assert shown == {f"scope_{scope}" for scope in SCOPES}
