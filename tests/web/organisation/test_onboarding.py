"""The checklist: only for those who may change settings, of their own organisation; orders can be retried."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.base import OrderState
from db.call_progress import CallReport, DialReport, LegReport
from db.engine import Database
from db.models import Member, NumberOrder
from db.queries import number_orders, organisations
from db.queries.audit import AuditFilter, AuditLog
from db.queries.calls import Calls
from db.queries.members import Members
from db.queries.numbers import Numbers
from provisioning.twilio.errors import FAILURES
from tests.kit.browser.page import Page
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.numbers.view import STEPS

Browsers = Callable[[], Browser]
_CHORD = "<kbd>Alt</kbd> <kbd>(.)</kbd>"
PATHS = ("/onboarding", "/onboarding/standing", "/onboarding/events")


async def _newcomer(database: Database) -> Member:
    async with database.begin() as session:
        founded = await organisations.create(session, name="Numbat Nursery")
        return await Members(session, founded.id).add(email="nora@numbat.example", name="Nora North", role="owner")


async def _stuck(
    database: Database, organisation_id: UUID, state: OrderState, next_try_at: datetime | None
) -> NumberOrder:
    """An order that Twilio was too busy for."""
    async with database.begin() as session:
        order = await number_orders.pay(session, organisation_id, f"sub_{uuid4()}", {})
        assert order is not None
        trouble = {"code": 20429, "sentence": "Twilio is busy.", "next_try_at": next_try_at}
        await number_orders.record_error(session, order, state=state, **trouble)  # type: ignore[arg-type]
        return order


async def _answered_call(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        log = Calls(session, cast.a.id)
        await log.open("CA1", direction="inbound", from_number="+61400000001", to_number=cast.number.e164)
        now = datetime.now(UTC)
        answer = LegReport("in-progress", now, member_id=cast.bob.id)
        for report in (answer, DialReport("completed"), CallReport("completed", now, 9)):
            assert await log.report("CA1", report)


async def _jobs(database: Database) -> list[str]:
    async with database.begin() as session:
        return list(await session.scalars(text("SELECT entrypoint FROM pgqueuer ORDER BY id")))


def _plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def test_a_new_owner_sees_every_step(browser: Browsers, database: Database) -> None:
    nora = await browser().sign_in(await _newcomer(database))
    page = await nora.get("/onboarding")
    html = await page.text()
    assert page.status == 200
    assert '<progress id="progress" max="7" value="0">' in html
    assert html.count('data-done="no"') == 7
    for fix in ("/settings#details", "/checkout", "/numbers", "/settings#prompt", "/console", "/team"):
        assert f'href="{fix}">' in html.partition('<ol class="items"')[2]
    assert html.count('<a class="button small primary" href="/settings#details">') == 1


async def test_a_customer_sees_what_is_done(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    answered = await (await alice.get("/onboarding/standing")).json()
    assert {item["key"] for item in answered["items"] if item["done"]} == {"plan", "number", "team"}
    assert answered["steps"] == []
    await _answered_call(database, cast)
    answered = await (await alice.get("/onboarding/standing")).json()
    assert {item["key"] for item in answered["items"] if item["done"]} == {"plan", "number", "team", "call"}


async def test_an_order_shows_how_far_it_is(cast: Cast, browser: Browsers, database: Database) -> None:
    async with database.begin() as session:
        order = await number_orders.pay(session, cast.a.id, "sub_1", {})
        assert order is not None
        assert await number_orders.move(session, order, "chosen", candidate="+61255500037")
    alice = await browser().sign_in(cast.alice)
    html = await (await alice.get("/onboarding")).text()
    assert "(02) 5550 0037" in html
    assert 'data-step="chosen" data-state="now" aria-current="step">' in html
    assert html.count('data-state="later">') == len(STEPS) - 2
    assert re.search(r'id="retry" hidden', html)


async def test_a_stuck_order_says_why_and_when(cast: Cast, browser: Browsers, database: Database) -> None:
    await _stuck(database, cast.a.id, "chosen", datetime.now(UTC) + timedelta(minutes=10))
    html = await (await (await browser().sign_in(cast.alice)).get("/onboarding")).text()
    page = Page(html)
    assert (page.one(id="problem").text, page.one(id="retry").get("hidden")) == (FAILURES[20429].sentence, None)
    assert "10 minutes" in page.one(id="again").text


@pytest.mark.parametrize("state", ["chosen", "failed"])
async def test_another_try_on_request(cast: Cast, browser: Browsers, database: Database, state: OrderState) -> None:
    order = await _stuck(database, cast.a.id, state, None)
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post("/onboarding/try-again", data={"order": str(order.id)})
    assert (answer.status, answer.headers["Location"]) == (303, "/onboarding")
    assert await _jobs(database) == ["provision_number"]
    await alice.post("/onboarding/try-again", data={"order": str(order.id)})
    assert await _jobs(database) == ["provision_number"]  # one that waits is enough
    async with database.begin() as session:
        entries = await AuditLog(session, cast.a.id).page(AuditFilter(action="number.tried_again"))
        now = await number_orders.find(session, order.id)
    assert {entry.actor_id for entry in entries} == {cast.alice.id}
    assert now is not None
    assert now.state == ("paid" if state == "failed" else "chosen")


async def test_what_is_done_is_not_tried_again(cast: Cast, browser: Browsers, database: Database) -> None:
    order = await _stuck(database, cast.a.id, "done", None)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/onboarding/try-again", data={"order": str(order.id)})).status == 303
    assert await _jobs(database) == []


async def test_charlie_sees_nothing_of_it(cast: Cast, browser: Browsers, database: Database) -> None:
    order = await _stuck(database, cast.a.id, "chosen", None)
    charlie = await browser().sign_in(cast.charlie)
    answered = await (await charlie.get("/onboarding/standing")).text()
    assert str(order.id) not in answered
    assert FAILURES[20429].sentence not in answered
    assert "5550 1234" not in answered
    answer = await charlie.post("/onboarding/try-again", data={"order": str(order.id)})
    assert answer.status == 404
    assert await _jobs(database) == []


@pytest.mark.parametrize("order", ["", "x", "%00", str(UUID(int=0))])
async def test_no_order_is_none_of_yours(cast: Cast, browser: Browsers, order: str) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post("/onboarding/try-again", data={"order": order})).status == 404


async def test_only_who_runs_the_organisation_may_look(cast: Cast, browser: Browsers) -> None:
    for member in (cast.sam, cast.bob):
        signed_in = await browser().sign_in(member)
        assert [(await signed_in.get(path)).status for path in PATHS] == [403] * 3
        assert (await signed_in.post("/onboarding/try-again", data={"order": "x"})).status == 403
    stranger = browser()
    assert (await stranger.get("/onboarding")).headers["Location"] == "/sign-in"
    for path in PATHS[1:]:
        assert (await stranger.get(path, headers={"Accept": "application/json"})).status == 401


async def test_another_page_can_not_ask_for_a_try(cast: Cast, browser: Browsers, database: Database) -> None:
    order = await _stuck(database, cast.a.id, "chosen", None)
    alice = await browser().sign_in(cast.alice)
    alice.csrf = ""
    assert (await alice.post("/onboarding/try-again", data={"order": str(order.id)})).status == 403
    assert await _jobs(database) == []


async def test_an_admin_is_sent_to_no_page_that_is_closed_to_them(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    nora = await _newcomer(database)
    async with database.begin() as session:
        team = Members(session, nora.organisation_id)
        adam = await team.add(email="adam@numbat.example", name="Adam Ash", role="admin")
    answered = await (await (await browser().sign_in(adam)).get("/onboarding/standing")).json()
    (plan,) = [item for item in answered["items"] if item["key"] == "plan"]
    assert plan["fix"] == ""
    assert plan["words"]


async def test_the_number_to_ring_is_named_until_it_has_rung(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).verified(cast.number.id, datetime.now(UTC))
    alice = await browser().sign_in(cast.alice)
    html = await (await alice.get("/onboarding")).text()
    assert '<p class="number figure" id="ring">(02) 5550 1234</p>' in html
    assert Page(html).one(id="ring-it").get("hidden") is None
    await _answered_call(database, cast)
    assert re.search(r'id="ring-it"[^>]* hidden', await (await alice.get("/onboarding")).text())


async def test_the_keys_are_those_of_the_console(cast: Cast, browser: Browsers) -> None:
    alice = await browser().sign_in(cast.alice)
    chords = [set(re.findall(_CHORD, await (await alice.get(path)).text())) for path in ("/onboarding", "/console")]
    assert chords[0] >= {"A", "M", "H"}
    assert chords[0] <= chords[1]
    assert not re.search(r"(?<!</kbd> )<kbd>[A-Z]</kbd>", await (await alice.get("/onboarding")).text())
