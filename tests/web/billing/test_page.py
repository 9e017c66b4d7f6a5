"""Billing: the state of the subscription, seats with their cost shown first, invoices, how to fix a payment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import select

from db.base import Attention, OrganisationStatus, SubscriptionStatus
from db.models import AuditEntry, Member, Organisation, Subscription
from db.queries.audit import details_of
from db.queries.members import Members
from db.queries.organisations import ATTENTION, ENTITLEMENTS
from provisioning.billing.notices import day
from sandbox.stripe.billing import lifecycle
from sandbox.stripe.emulator import Fault
from tests.kit.browser.page import Page, page_of
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import Shop, order
from tests.kit.web.site import Browser
from web.billing import view as billing_view
from web.billing.page import REQUESTS

pytestmark = pytest.mark.usefixtures("platform_bundle")


async def billing(owner: Browser, query: str = "") -> Page:
    return await owner.page(f"/billing{query}")


async def state_of(owner: Browser) -> str:
    """As the page's first card names it."""
    return (await billing(owner)).one("section", aria_labelledby="state-head")["data-state"]


def dollars(page: Page) -> tuple[float, float]:
    """Of the change that is shown: the next invoice, and how much of it is for the rest of this period."""
    total, rest = page.one(class_="change").amounts
    return float(total.replace("A$", "").replace("−", "-")), float(rest.removeprefix("A$"))


async def change(owner: Browser, seats: int | str, **more: str) -> tuple[int, Page]:
    answer = await owner.post("/billing/seats", data={"seats": str(seats), "key": str(uuid4()), **more})
    return answer.status, await page_of(answer)


async def seats(shop: Shop, owner: Member) -> tuple[int, int]:
    """As Stripe has them, and as we do."""
    (one,) = shop.stripe.account.all("subscription", customer=await shop.customer(owner))
    row = await shop.subscription(owner.organisation_id)
    assert row is not None
    return one["items"]["data"][0]["quantity"], row.seats


async def audited(shop: Shop, owner: Member, action: str) -> list[dict[str, object]]:
    mine = select(AuditEntry).where(AuditEntry.organisation_id == owner.organisation_id, AuditEntry.action == action)
    async with shop.database.begin() as session:
        return [dict(details_of(entry)) for entry in await session.scalars(mine)]


async def test_all_is_paid_and_the_invoice_is_there(shop: Shop) -> None:
    nora = await shop.subscriber(3)
    owner = await shop.browser().sign_in(nora)
    page = await billing(owner)
    assert page.one("section", aria_labelledby="state-head")["data-state"] == "paid"
    (invoice,) = shop.stripe.account.all("invoice")
    (row,) = page.one("tbody").all("tr")
    assert row.one("td", class_="named").text == invoice["number"]
    assert row.amounts == ["A$132"]
    assert [link["href"] for link in row.all("a")] == [invoice["hosted_invoice_url"], invoice["invoice_pdf"]]
    assert page.data("invoice") == ["paid"]


async def test_seats_cost_what_was_shown(shop: Shop) -> None:
    nora = await shop.subscriber(3)
    owner = await shop.browser().sign_in(nora)
    shop.stripe.clock.advance(days=10)
    page = await billing(owner, "?seats=5")
    total, rest = dollars(page)
    assert total == pytest.approx(5 * 44 + rest, abs=0.02)
    assert 2 * 44 * 0.6 < rest < 2 * 44 * 0.75
    assert await seats(shop, nora) == (3, 3)
    assert (await change(owner, 5))[0] == 303
    assert await seats(shop, nora) == (5, 5)
    assert await audited(shop, nora, "seats.chosen") == [{"from": 3, "to": 5}]
    await shop.delivered()
    shop.stripe.clock.advance(days=25)
    bill = shop.stripe.account.all("invoice")[-1]
    assert bill["total"] == pytest.approx(total * 100, abs=5)


async def test_seats_that_are_given_up_are_taken_off(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.subscriber(3))
    page = await billing(owner, "?seats=1")
    total, credit = dollars(page)
    assert total == pytest.approx(44 - credit, abs=0.02)
    assert 0 < credit <= 2 * 44


async def test_the_same_form_twice_changes_once(shop: Shop) -> None:
    nora = await shop.subscriber(3)
    owner = await shop.browser().sign_in(nora)
    key = str(uuid4())
    for _ in range(2):
        assert (await change(owner, 6, key=key))[0] == 303
    assert await audited(shop, nora, "seats.chosen") == [{"from": 3, "to": 6}]
    changes = await audited(shop, nora, "seats.changed")  # each at the time its transaction began: they may overlap
    assert sorted(changes, key=str) == [{"from": 0, "to": 3}, {"from": 3, "to": 6}]


async def test_agents_keep_their_seats(shop: Shop) -> None:
    nora = await shop.subscriber(3)
    async with shop.database.begin() as session:
        for name in ("Ann", "Ben"):
            await Members(session, nora.organisation_id).add(email=f"{name}@x.example", name=name, role="agent")
    owner = await shop.browser().sign_in(nora)
    for status, page in (await change(owner, 1), (400, await owner.page("/billing?seats=1", 400))):
        assert (status, page.invalid, page.alerts) == (400, {"seats"}, 1)
        assert page.one("input", id="seats-field")["min"] == "2"
    assert await seats(shop, nora) == (3, 3)
    assert (await change(owner, 2))[0] == 303


@pytest.mark.parametrize("typed", ["", "0", "501", "1.5", "x"])
async def test_seats_that_are_none_are_refused(shop: Shop, typed: str) -> None:
    owner = await shop.browser().sign_in(await shop.subscriber(1))
    assert (await change(owner, typed))[0] == 400
    assert (await owner.get("/billing", params={"seats": typed})).status == 400


async def test_a_failed_payment_says_how_to_fix_it(shop: Shop) -> None:
    nora = await shop.subscriber(2)
    owner = await shop.browser().sign_in(nora)
    shop.stripe.give_card(await shop.customer(nora), "declined")
    shop.stripe.clock.advance(days=32)
    await shop.delivered()
    page = await billing(owner)
    (open_one,) = shop.stripe.account.all("invoice", status="open")
    card = page.one("section", aria_labelledby="state-head")
    assert card["data-state"] == "past_due"
    assert card.one("a", href=open_one["hosted_invoice_url"]).amounts == ["A$88"]
    assert [form["action"] for form in card.all("form")] == ["/billing/portal"]
    shop.stripe.give_card(await shop.customer(nora), "visa")
    shop.stripe.pay_invoice(open_one["id"])
    await shop.delivered()
    assert await state_of(owner) == "paid"


async def test_a_paused_subscription_can_be_resumed(shop: Shop) -> None:
    nora = await shop.subscriber(2)
    owner = await shop.browser().sign_in(nora)
    shop.stripe.pause(shop.stripe.account.all("subscription")[0]["id"])
    await shop.delivered()
    row = await shop.subscription(nora.organisation_id)
    assert row is not None
    assert row.release_after is not None
    page = await billing(owner)
    card = page.one("section", aria_labelledby="state-head")
    assert (card["data-state"], "/billing/resume" in page.actions) == ("paused", True)
    assert day(row.release_after, (await shop.organisation(nora)).time_zone) in card.text
    assert (await owner.post("/billing/resume", data={"key": str(uuid4())})).status == 303
    assert await state_of(owner) == "paid"
    assert (await shop.organisation(nora)).status == "active"
    assert (await owner.post("/billing/resume", data={"key": str(uuid4())})).status == 400


async def test_an_end_that_comes_is_said_and_can_be_taken_back(shop: Shop) -> None:
    nora = await shop.subscriber(2)
    owner = await shop.browser().sign_in(nora)
    (one,) = shop.stripe.account.all("subscription")
    lifecycle.cancel_later(shop.stripe.account, one, at_period_end=True)
    await shop.delivered()
    page = await billing(owner)
    card = page.one("section", aria_labelledby="state-head")
    assert (card["data-state"], [form["action"] for form in card.all("form")]) == ("ending", ["/billing/portal"])
    page = await billing(owner, "?seats=3")
    assert page.one(class_="change").amounts == ["A$44", "A$44"]
    shop.stripe.clock.advance(days=32)
    await shop.delivered()
    page = await billing(owner)
    assert page.data("state")[0] == "ended"
    assert "/checkout" in page.links
    row = await shop.subscription(nora.organisation_id)
    assert row is not None
    assert row.release_after is not None
    assert day(row.release_after, (await shop.organisation(nora)).time_zone) in page.text
    status, page = await change(owner, 3)
    assert (status, page.alerts, page.all(id="seats")) == (400, 1, [])


async def test_before_money_has_come_there_is_nothing_else_to_do(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    page = await billing(owner)
    assert (page.data("state"), page.all("tbody"), page.data("invoices")) == (["unpaid_yet"], [], [])
    await order(owner)
    await shop.buy(shop.checkouts[0]["id"], "debit")
    page = await billing(owner)
    assert (page.data("state"), page.data("invoice"), page.data("open")) == (["under_way"], ["processing"], ["no"])


async def test_the_portal_is_this_organisations(shop: Shop) -> None:
    nora = await shop.subscriber(1)
    owner = await shop.browser().sign_in(nora)
    answer = await owner.post("/billing/portal", data={"key": str(uuid4())})
    (opened,) = shop.stripe.account.all("billing_portal.session")
    assert (answer.status, answer.headers["Location"]) == (303, opened["url"])
    assert opened["customer"] == await shop.customer(nora)
    assert opened["return_url"] == f"{shop.site.url}/billing"
    assert await audited(shop, nora, "portal.opened") == [{}]


async def test_who_has_never_paid_has_no_portal(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    answer = await owner.post("/billing/portal", data={"key": str(uuid4())})
    assert (answer.status, answer.headers["Location"]) == (303, "/checkout")
    assert (await change(owner, 2))[0] == 400


async def test_owners_alone_see_it(shop: Shop, cast: Cast) -> None:
    async with shop.database.begin() as session:
        adam = await Members(session, cast.a.id).add(email="adam@acacia.example", name="Adam", role="admin")
    for member in (adam, cast.sam, cast.bob):
        browser = await shop.browser().sign_in(member)
        assert (await browser.get("/billing")).status == 403
        for path in ("seats", "portal", "resume"):
            assert (await browser.post(f"/billing/{path}", data={"key": str(uuid4()), "seats": "2"})).status == 403
    alice = await shop.browser().sign_in(cast.alice)
    assert await state_of(alice) == "free"
    alice.csrf = ""
    assert (await change(alice, 3))[0] == 403


async def test_another_organisations_money_is_not_seen(shop: Shop, cast: Cast) -> None:
    nora = await shop.subscriber(3)
    charlie = await shop.browser().sign_in(cast.charlie)
    (invoice,) = shop.stripe.account.all("invoice")
    assert invoice["number"] not in (await billing(charlie)).text
    assert (await change(charlie, 9))[0] == 400
    assert await seats(shop, nora) == (3, 3)


async def test_a_silent_stripe_is_shown_to_be_silent(shop: Shop) -> None:
    nora = await shop.subscriber(3)
    owner = await shop.browser().sign_in(nora)
    shop.stripe.faults.extend([Fault("GET", "/v1/invoices")] * 2)
    assert (await billing(owner)).data("invoices") == ["unknown"]
    shop.stripe.faults.extend([Fault("POST", "/v1/subscriptions")] * 2)
    status, page = await change(owner, 4)
    assert (status, page.alerts, page.invalid) == (503, 1, set())
    shop.stripe.faults.extend([Fault("POST", "/v1/invoices/create_preview")] * 2)
    page = await billing(owner, "?seats=4")
    assert (page.alerts, page.all(class_="change")) == (1, [])
    shop.stripe.faults.extend([Fault("POST", "/v1/billing_portal")] * 2)
    assert (await owner.post("/billing/portal", data={"key": str(uuid4())})).status == 503
    assert await seats(shop, nora) == (3, 3)


async def test_too_often_is_told_when_to_come_back(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    for _ in range(REQUESTS.count):
        assert (await change(owner, 2))[0] == 400
    answer = await owner.post("/billing/seats", data={"seats": "2", "key": str(uuid4())})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= REQUESTS.seconds


@given(
    st.sampled_from(get_args(OrganisationStatus)),
    st.sampled_from([None, *get_args(SubscriptionStatus)]),
    st.booleans(),
    st.booleans(),
)
def test_every_state_is_said_in_words(
    status: OrganisationStatus, at_stripe: SubscriptionStatus | None, paid: bool, ending: bool
) -> None:
    organisation = Organisation(name="A", status=status, time_zone="Australia/Perth")
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    row = Subscription(
        status=at_stripe,
        stripe_subscription_id="sub_1" if at_stripe else None,
        cancel_at_period_end=ending,
        current_period_end=moment,
        paid_at=moment if paid else None,
        past_due_since=moment if status == "past_due" else None,
        release_after=None if ENTITLEMENTS[status].keeps_numbers else moment,
    )
    for known in (None, row):
        said = billing_view.state(organisation, known)
        assert said.title
        assert (said.name == "paid") == (
            status == "active" and known is not None and at_stripe is not None and not ending
        )
        assert "  " not in said.words
        assert (said.tone == "good") == (ENTITLEMENTS[status].transcribes and not (known and at_stripe and ending))
        if said.tone == "bad":
            assert said.fix or status == "past_due"


@given(st.integers(-(10**7), 10**7))
def test_amounts_are_written_as_people_do(cents: int) -> None:
    written = billing_view.amount(cents).replace("A$", "").replace(",", "").replace("−", "-")
    assert round(float(written) * 100) == cents


@pytest.mark.parametrize("attention", get_args(Attention))
@pytest.mark.parametrize("status", get_args(OrganisationStatus))
def test_what_needs_attention_is_said_where_nothing_worse_is(
    status: OrganisationStatus, attention: Attention
) -> None:
    organisation = Organisation(name="A", status=status, time_zone="Australia/Perth")
    row = Subscription(
        status="active", stripe_subscription_id="sub_1", attention=attention, cancel_at_period_end=False
    )
    said = billing_view.state(organisation, row)
    if status in ("incomplete", "trialing", "active"):
        assert (said.attention, said.fix) == (attention, ATTENTION[attention].remedy)
    else:
        assert (said.attention, said.tone) == (None, "bad")


async def test_an_invoice_that_waits_for_an_address_leads_to_where_it_is_corrected(shop: Shop) -> None:
    nora = await shop.subscriber()
    customer = shop.stripe.account.find("customer", await shop.customer(nora))
    (one,) = shop.stripe.account.all("subscription", customer=customer["id"])
    customer["address"] = None
    shop.stripe.clock.to_renewal(one)
    await shop.delivered()
    owner = await shop.browser().sign_in(nora)
    page = await billing(owner)
    assert page.data("attention") == ["invoice_not_finalized"]
    assert "/billing/portal" in page.actions
    assert (await shop.organisation(nora)).status == "active"
