"""Checkout: who may pay for what, what has to be known before, and a way back that grants nothing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from db.models import AuditEntry, Member, Organisation
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.billing import subscriptions
from db.queries.members import Members
from sandbox.stripe.emulator import Fault
from tests.kit.browser.page import Page, page_of
from tests.kit.web.cast import Cast
from tests.kit.web.paid_site import ABN, PRICE, Shop, order
from tests.kit.web.site import Browser
from web.billing.checkout import CHECKOUTS

pytestmark = pytest.mark.usefixtures("platform_bundle")

BUSINESS = {
    "legal_name": "Numbat Nursery Pty Ltd",
    "abn": "51 824 753 556",
    "street": "1 Bligh Street",
    "locality": "Sydney",
    "region": "NSW",
    "postcode": "2000",
}


async def actions(shop: Shop, member: Member) -> list[str]:
    async with shop.database.begin() as session:
        mine = select(AuditEntry).where(AuditEntry.organisation_id == member.organisation_id)
        return [entry.action for entry in await session.scalars(mine.order_by(AuditEntry.at))]


async def test_the_owner_is_sent_to_stripe(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    page = await owner.page("/checkout?seats=4")
    assert page.fields["seats"] == "4"
    assert page.one(id="total").amounts == ["A$176", "A$16"]
    status, where = await order(owner, 4)
    (made,) = shop.checkouts
    assert (status, where) == (303, made["url"])
    (item,) = shop.stripe.account.note(made["id"])["items"]
    assert (item["price"]["id"], item["quantity"], item["price"]["currency"]) == (PRICE, 4, "aud")
    assert item["adjustable_quantity"] == {"enabled": True, "minimum": 1, "maximum": 500}
    assert made["automatic_tax"]["enabled"]
    assert made["tax_id_collection"]["enabled"]
    assert made["client_reference_id"] == str(nora.organisation_id)
    assert made["success_url"] == f"{shop.site.url}/checkout/success?session_id={{CHECKOUT_SESSION_ID}}"
    row = await shop.subscription(nora.organisation_id)
    assert row is not None
    assert made["customer"] == row.stripe_customer_id
    assert (await shop.organisation(nora)).status == "incomplete"
    assert "checkout.begun" in await actions(shop, nora)


async def test_the_same_form_twice_is_one_checkout(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    key = str(uuid4())
    first, second = await order(owner, key=key), await order(owner, key=key)
    assert first == second
    assert len(shop.checkouts) == 1
    assert len(shop.stripe.account.all("customer")) == 1


async def test_one_page_to_pay_on_is_open_at_a_time(shop: Shop) -> None:
    """Who has begun in two tabs must not pay twice."""
    owner = await shop.browser().sign_in(await shop.newcomer())
    await order(owner, 2)
    await order(owner, 4)
    assert [one["status"] for one in shop.checkouts] == ["expired", "open"]
    await shop.buy(shop.checkouts[1]["id"])
    page = await owner.get(f"/checkout/success?session_id={shop.checkouts[0]['id']}")
    assert page.headers["Location"] == "/billing"


async def test_paid_leads_to_a_start_once_the_webhook_has_come(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    await order(owner)
    (made,) = shop.checkouts
    back = f"/checkout/success?session_id={made['id']}"
    assert (await owner.page(back)).data("payment") == ["open"]
    with unheard(shop):
        await shop.buy(made["id"])
        page = await owner.page(back)
        assert (page.data("payment"), page.data("state")) == (["waiting"], ["done", "now", "later"])
        assert await state(owner) == "waiting"
        assert (await shop.organisation(nora)).status == "incomplete"
    for event in shop.stripe.events:
        shop.stripe.resend(event["id"])
    await shop.delivered()
    assert await state(owner) == "ready"
    answer = await owner.get(back)
    assert (answer.status, answer.headers["Location"]) == (303, "/onboarding")
    row = await shop.subscription(nora.organisation_id)
    assert row is not None
    assert (row.status, row.seats) == ("active", 3)


async def test_a_bank_debit_grants_nothing_until_it_has_come(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    await order(owner)
    (made,) = shop.checkouts
    await shop.buy(made["id"], "debit")
    assert await state(owner) == "under_way"
    assert (await owner.page(f"/checkout/success?session_id={made['id']}")).data("payment") == ["under_way"]
    assert (await shop.organisation(nora)).status == "incomplete"
    assert (await owner.get("/checkout")).headers["Location"] == "/billing"
    assert await order(owner) == (303, "/billing")
    shop.stripe.settle_debits(clears=True)
    await shop.delivered()
    assert await state(owner) == "ready"


async def test_a_bank_debit_that_bounces_is_replaced_by_a_card(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    await order(owner)
    await shop.buy(shop.checkouts[0]["id"], "bounces")
    shop.stripe.settle_debits()
    await shop.delivered()
    assert (await shop.organisation(nora)).status == "incomplete"
    assert "payment.failed" in await actions(shop, nora)
    page = await owner.page(f"/checkout/success?session_id={shop.checkouts[0]['id']}")
    assert (page.data("payment"), page.alerts) == (["failed"], 1)
    assert (await owner.get("/checkout")).headers["Location"] == "/billing"
    (bill,) = shop.stripe.account.all("invoice", status="open")
    card = (await owner.page("/billing")).one("section", aria_labelledby="state-head")
    assert card.one("a", href=bill["hosted_invoice_url"]).amounts == ["A$132"]
    shop.stripe.give_card(await shop.customer(nora), "visa")
    shop.stripe.pay_invoice(bill["id"])
    await shop.delivered()
    assert await state(owner) == "ready"


async def test_who_never_came_to_pay_may_begin_again(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    await order(owner)
    await shop.buy(shop.checkouts[0]["id"], "bounces")
    shop.stripe.settle_debits()
    shop.stripe.clock.advance(days=40)
    await shop.delivered()
    assert await state(owner) == "waiting"
    assert (await order(owner))[1] == shop.checkouts[1]["url"]


async def test_a_checkout_that_has_run_out_says_so(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    await order(owner)
    shop.stripe.clock.advance(hours=25)
    page = await owner.page(f"/checkout/success?session_id={shop.checkouts[0]['id']}")
    assert (page.data("payment"), "/checkout" in page.links) == (["expired"], True)


async def test_who_comes_back_unpaid_is_told_what_to_do(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    await order(owner, 5)
    left = str(shop.checkouts[0]["cancel_url"]).removeprefix(shop.site.url)
    page = await owner.page(left)
    assert (page.data("payment"), page.fields["seats"]) == (["left"], "5")


async def test_another_organisations_checkout_is_not_there(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    await order(owner)
    (made,) = shop.checkouts
    charlie = await shop.browser().sign_in(await shop.newcomer("charlie@banksia.example"))
    for identifier in (made["id"], "cs_test_none", "../customers", ""):
        page = await charlie.get("/checkout/success", params={"session_id": identifier})
        assert page.status == 404


async def test_owners_alone_pay(shop: Shop, cast: Cast) -> None:
    async with shop.database.begin() as session:
        team = Members(session, cast.a.id)
        adam = await team.add(email="adam@acacia.example", name="Adam", role="admin")
    for member in (adam, cast.sam, cast.bob):
        browser = await shop.browser().sign_in(member)
        for path in ("/checkout", "/checkout/success?session_id=cs_test_a", "/checkout/standing"):
            assert (await browser.get(path)).status == 403
        assert (await order(browser))[0] == 403
    assert (await shop.browser().get("/checkout")).headers["Location"] == "/sign-in"
    alice = await shop.browser().sign_in(cast.alice)
    alice.csrf = ""
    assert (await order(alice))[0] == 403
    assert shop.checkouts == []


@pytest.mark.parametrize("typed", ["", "0", "501", "2.5", "-3", "many", "9" * 400])
async def test_seats_that_are_none_are_refused(shop: Shop, typed: str) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    status, page = await order(owner, typed)
    assert (status, Page(page).invalid) == (400, {"seats"})
    assert shop.checkouts == []


async def test_every_agent_has_a_seat(shop: Shop, cast: Cast) -> None:
    await know(shop, cast.alice)
    alice = await shop.browser().sign_in(cast.alice)
    assert (await alice.page("/checkout?seats=1")).one("input", id="seats")["min"] == "2"
    status, page = await order(alice, 1)
    assert (status, Page(page).invalid) == (400, {"seats"})
    assert (await order(alice, 2))[0] == 303
    (made,) = shop.checkouts
    assert shop.stripe.account.note(made["id"])["items"][0]["adjustable_quantity"]["minimum"] == 2


async def seats_shown(browser: Browser, address: str = "/checkout") -> str:
    """What the form's field of seats holds."""
    return (await browser.page(address)).fields["seats"]


async def test_seats_that_were_chosen_are_remembered_and_never_raised(shop: Shop) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    assert await seats_shown(owner) == "3"  # nobody has chosen
    assert (await order(owner, 1))[0] == 303
    assert await seats_shown(owner) == "1"
    assert shop.stripe.account.note(shop.checkouts[0]["id"])["items"][0]["quantity"] == 1
    async with shop.database.begin() as session:
        team = Members(session, nora.organisation_id)
        for name in ("ann", "ben"):
            await team.add(email=f"{name}@numbat.example", name=name, role="agent")
    assert await seats_shown(owner) == "1"
    assert (await order(owner, 1))[0] == 400
    assert await seats_shown(owner, "/checkout?seats=2") == "2"


@pytest.mark.parametrize("mode", ["deleted", "other mode"])
async def test_a_customer_that_is_gone_is_replaced_once(shop: Shop, mode: str) -> None:
    nora = await shop.newcomer()
    owner = await shop.browser().sign_in(nora)
    gone = await shop.customer(nora)
    if mode == "other mode":
        async with shop.database.begin() as session:
            row = await subscriptions.of(session, nora.organisation_id)
            assert row is not None
            row.stripe_customer_id = gone = "cus_of_the_test_mode"
    else:
        del shop.stripe.account.objects[gone]
    answers = await asyncio.gather(*(order(owner, 2) for _ in range(2)))
    assert {status for status, _ in answers} == {303}
    row = await shop.subscription(nora.organisation_id)
    assert row is not None
    assert row.stripe_customer_id not in (None, gone)
    async with shop.database.begin() as session:
        log = await AuditLog(session, nora.organisation_id).page(AuditFilter(action="customer"))
    assert [details_of(entry)["customer"] for entry in log] == [gone]
    assert (await order(owner, 2))[0] == 303
    await shop.buy(shop.checkouts[-1]["id"])
    assert (await shop.organisation(nora)).status == "active"


async def test_the_business_is_known_before_anything_is_charged(shop: Shop) -> None:
    nora = await shop.newcomer(known=False)
    owner = await shop.browser().sign_in(nora)
    assert "legal_name" in (await owner.page("/checkout")).fields
    assert Page((await order(owner))[1]).invalid == {"legal_name"}
    status, text = await order(owner, **BUSINESS | {"abn": "51 824 753 557"})
    page = Page(text)
    assert (status, page.invalid, page.fields["street"]) == (400, {"abn"}, BUSINESS["street"])
    assert (shop.checkouts, (await shop.organisation(nora)).abn) == ([], None)
    assert (await order(owner, **BUSINESS))[1] == shop.checkouts[0]["url"]
    known = await shop.organisation(nora)
    assert (known.legal_name, known.abn, known.locality) == (BUSINESS["legal_name"], ABN, "Sydney")
    assert "details.changed" in await actions(shop, nora)
    assert shop.stripe.account.all("customer")[0]["name"] == BUSINESS["legal_name"]
    assert "legal_name" not in (await owner.page("/checkout")).fields


async def test_too_often_is_told_when_to_come_back(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    for _ in range(CHECKOUTS.count):
        assert (await order(owner))[0] == 303
    answer = await owner.post("/checkout", data={"seats": "3", "key": str(uuid4())})
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= CHECKOUTS.seconds
    assert (await page_of(answer)).alerts == 1


async def test_a_silent_stripe_is_shown_to_be_silent(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    shop.stripe.faults.extend([Fault(path="/v1/checkout")] * 2)
    status, text = await order(owner, 8)
    assert (status, Page(text).alerts, Page(text).fields["seats"]) == (503, 1, "8")
    assert (await order(owner, 8))[0] == 303


async def test_a_form_without_its_key_is_none_of_ours(shop: Shop) -> None:
    owner = await shop.browser().sign_in(await shop.newcomer())
    assert (await order(owner, key="x"))[0] == 400


async def test_without_stripe_nothing_is_sold(browser: Any, cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.get("/checkout")).status == 503


async def state(owner: Browser) -> str:
    return str((await (await owner.get("/checkout/standing")).json())["payment"])


@contextmanager
def unheard(shop: Shop) -> Iterator[None]:
    """Stripe's events happen, and are not sent."""
    forward, shop.stripe.account.on_event = shop.stripe.account.on_event, []
    yield
    shop.stripe.account.on_event = forward


async def know(shop: Shop, owner: Member) -> None:
    """Let the business be known, and not subscribed yet."""
    values = {**BUSINESS, "abn": ABN, "status": "incomplete"}
    async with shop.database.begin() as session:
        organisation = await session.get(Organisation, owner.organisation_id)
        for name, value in values.items():
            setattr(organisation, name, value)
