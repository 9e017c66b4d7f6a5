"""The pages of webhooks: who may open them, and that every button does what it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, WebhookDelivery, WebhookEndpoint, WebhookEvent
from db.queries.integrations.events import TEST
from db.queries.integrations.webhooks import MOST, Webhooks
from db.queries.numbers import Numbers
from tests.kit.browser.page import page_of
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
FORM = {"url": "https://hooks.example.com.au/bilby?key=hidden", "type_number.changed": "yes"}


async def _endpoint(database: Database) -> WebhookEndpoint:
    async with database.begin() as session:
        return (await session.scalars(select(WebhookEndpoint))).one()


async def _deliveries(database: Database) -> list[tuple[str, str]]:
    async with database.begin() as session:
        joined = select(WebhookEvent.type, WebhookDelivery.state).join(
            WebhookDelivery, WebhookDelivery.event_id == WebhookEvent.id
        )
        return [(kind, state) for kind, state in await session.execute(joined.order_by(WebhookEvent.at))]


async def _settle(database: Database, state: str) -> None:
    async with database.begin() as session:
        await session.execute(update(WebhookDelivery).values(state=state, next_try_at=None, attempts=3))


async def test_added_with_a_secret_that_is_shown_once(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    added = await alice.post("/webhooks", data=FORM)
    endpoint = await _endpoint(database)
    assert (added.status, (await page_of(added)).one(id="secret")["value"]) == (200, endpoint.secret)
    page = await alice.page("/webhooks")
    assert page.all(id="secret") == []
    assert [(each["data-endpoint"], each["data-state"]) for each in page.all("li", data_endpoint=True)] == [
        (str(endpoint.id), "on")
    ]
    rotated = await page_of(await alice.post(f"/webhooks/{endpoint.id}/rotate"))
    now = await _endpoint(database)
    assert (rotated.one(id="secret")["value"], now.former_secret) == (now.secret, endpoint.secret)
    async with database.begin() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.at))).all()
    assert [each.action for each in entries][-2:] == ["webhook.added", "webhook.secret_rotated"]
    assert not [each for each in entries if "hidden" in (each.details or "") or "whsec" in (each.details or "")]


@pytest.mark.parametrize(
    "change",
    [{"url": "http://hooks.example.com.au/"}, {"url": "https://10.0.0.1/"}, {"url": ""}, {"type_number.changed": ""}],
)
async def test_what_is_wrong_is_said_in_place(
    browser: Browsers, cast: Cast, database: Database, change: dict[str, str]
) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/webhooks", data=FORM | change)).status == 400
    async with database.begin() as session:
        assert (await session.scalars(select(WebhookEndpoint))).all() == []


async def test_every_button(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    await alice.post("/webhooks", data=FORM)
    here = f"/webhooks/{(await _endpoint(database)).id}"
    assert (await alice.post(f"{here}/test")).status == 303
    assert await _deliveries(database) == [(TEST, "waiting")]
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, "Bookings")
    await _settle(database, "failed")
    page = await alice.page(here)
    row = page.all("tr", data_delivery=True)[0]
    assert (await alice.post(f"{here}/again/{row['data-delivery']}")).status == 303
    assert sorted(state for _, state in await _deliveries(database)) == ["failed", "waiting"]
    await _settle(database, "failed")
    assert (await alice.post(f"{here}/since", data={"since": "2026-01-01T00:00"})).status == 303
    assert await _deliveries(database) == [(TEST, "failed"), ("number.changed", "waiting")]
    await _settle(database, "delivered")
    assert (await alice.post(f"{here}/since", data={"since": "2026-01-01T00:00"})).status == 303
    assert {state for _, state in await _deliveries(database)} == {"delivered"}
    assert (await alice.post(f"{here}/types", data={"type_call.ended": "yes"})).status == 303
    assert (await _endpoint(database)).types == ["call.ended"]
    assert (await alice.post(f"{here}/types")).status == 400
    assert (await alice.post(f"{here}/since", data={"since": "soon"})).status == 400
    assert (await alice.post(f"{here}/off")).status == 303
    assert (await alice.page(here)).one("section", data_endpoint=True)["data-state"] == "off_member"
    assert (await alice.post(f"{here}/test")).status == 400
    assert (await alice.post(f"{here}/on")).status == 303
    assert (await _endpoint(database)).off_at is None
    assert (await alice.post(f"{here}/remove")).status == 303
    assert (await alice.get(here)).status == 404


async def test_only_who_runs_the_organisation(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        made = await Webhooks(session, cast.a.id).add(url=FORM["url"], types=["call.ended"], created_by=cast.alice.id)
    here = f"/webhooks/{made.id}"
    actions = ["types", "test", "rotate", "off", "on", "remove", f"again/{made.id}", "since"]
    for member, status in ((cast.sam, 403), (cast.bob, 403), (cast.charlie, 404)):
        theirs = await browser().sign_in(member)
        assert (await theirs.get(here)).status == status
        assert {(await theirs.post(f"{here}/{each}")).status for each in actions} == {status}
        if status == 403:
            assert (await theirs.get("/webhooks")).status == 403
            assert (await theirs.post("/webhooks", data=FORM)).status == 403
    assert (await browser().get("/webhooks")).status == 303
    unchanged = await _endpoint(database)
    assert (unchanged.secret, unchanged.off_at) == (made.secret, None)


async def test_there_is_a_most(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        for _ in range(MOST):
            await Webhooks(session, cast.a.id).add(url=FORM["url"], types=["call.ended"], created_by=cast.alice.id)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/webhooks", data=FORM)).status == 400


async def test_an_endpoint_that_fails_shows_it(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    await alice.post("/webhooks", data=FORM)
    async with database.begin() as session:
        long_ago = datetime.now(UTC) - timedelta(hours=5)
        await session.execute(update(WebhookEndpoint).values(failing_since=long_ago))
    page = await alice.page(f"/webhooks/{(await _endpoint(database)).id}")
    assert page.one("section", data_endpoint=True)["data-state"] == "failing"
