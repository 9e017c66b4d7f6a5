"""Stripe's webhooks: whose are refused, what each comes to, and that neither repetition nor disorder matters."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from sqlalchemy import select, text
from stripe import WebhookSignature

from db.engine import Database
from db.models import AuditEntry, Member, StripeEvent
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.billing import stripe_events
from db.queries.number_orders import NumberOrders
from db.queries.organisations import ENTITLEMENTS
from provisioning.stripe.subscription import chosen
from sandbox.stripe.account import Object
from sandbox.stripe.billing import lifecycle, subscriptions
from sandbox.stripe.emulator import Fault, Stripe
from tests.kit.web.paid_site import PAUSE_SECONDS, SECONDS, SECRET, Shop
from web.billing import webhook

Act = Callable[[Stripe, Object], None]
PAYMENTS = ("invoice.payment_failed", "invoice.payment_action_required", "charge.refunded")


def event(kind: str = "customer.created", identifier: str = "evt_1", **subject: Any) -> str:
    return json.dumps({"id": identifier, "object": "event", "type": kind, "data": {"object": subject}})


def signed(text: str, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    made = WebhookSignature.generate_signature_header(text, secret, int(at or time.time()))
    return {"Stripe-Signature": made}


async def post(shop: Shop, body: str | bytes, headers: dict[str, str] | None = None) -> int:
    given = signed(body) if headers is None and isinstance(body, str) else headers or {}
    return (await shop.browser().post("/stripe/webhook", data=body, headers=given)).status


async def test_what_stripe_did_not_sign_lately_is_refused(shop: Shop) -> None:
    text = event()
    assert await post(shop, text, {}) == 400
    for headers in (
        signed(text, "whsec_of_somebody_else"),
        signed(text, at=time.time() - 600),
        signed(event(identifier="evt_2")),
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=1,v1=ü"},
    ):
        assert await post(shop, text, headers) == 400
    async with shop.database.begin() as session:
        assert (await session.scalars(select(StripeEvent))).all() == []


@pytest.mark.parametrize(
    "text", ["no JSON", "[]", "{}", '{"id": "", "type": "a", "data": {"object": {}}}', "[" * 99_999]
)
async def test_what_is_no_event_is_refused(shop: Shop, text: str) -> None:
    assert await post(shop, text) == 400


async def test_what_is_no_text_is_refused(shop: Shop) -> None:
    assert await post(shop, b"\xff\xfe", signed(event())) == 400


async def test_what_is_too_large_is_refused(shop: Shop) -> None:
    assert await post(shop, event(filling="x" * 300_000)) == 413


async def test_what_is_nothing_to_us_is_recorded_and_ignored(shop: Shop) -> None:
    assert [await post(shop, event("price.created")) for _ in range(2)] == [200, 200]
    async with shop.database.begin() as session:
        row = (await session.scalars(select(StripeEvent))).one()
    assert (row.id, row.type, row.state, row.attempts) == ("evt_1", "price.created", "ignored", 1)


async def test_what_could_not_be_acted_on_is_tried_again_and_is_seen(shop: Shop) -> None:
    shop.stripe.faults.extend([Fault("GET", "/v1/subscriptions")] * 4)
    nora = await shop.subscriber()
    assert (await shop.organisation(nora)).status == "active"
    assert {one.status for one in shop.stripe.webhooks.log} == {200}
    async with shop.database.begin() as session:
        assert await stripe_events.failed(session, nora.organisation_id) == []
        entries = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "webhook.retried"))).all()
    assert {entry.organisation_id for entry in entries} == {nora.organisation_id}


async def test_a_failure_is_kept_with_its_error(shop: Shop) -> None:
    nora = await shop.newcomer()
    customer = await shop.customer(nora)
    shop.stripe.faults.extend([Fault("GET", "/v1/subscriptions")] * 1000)
    assert await post(shop, event("invoice.paid", customer=customer)) == 200
    row = await failed(shop, nora)
    assert (row.id, row.state) == ("evt_1", "failed")
    assert row.error is not None
    assert row.error.startswith("StripeError: ")
    shop.stripe.faults.clear()
    await shop.acted()
    assert await failure(shop, nora) is None


async def failed(shop: Shop, owner: Member) -> StripeEvent:
    """The owner's event that could not be acted on, once the worker has tried."""
    async with asyncio.timeout(SECONDS):
        while True:
            row = await failure(shop, owner)
            if row is not None:
                return row
            await asyncio.sleep(PAUSE_SECONDS)


async def failure(shop: Shop, owner: Member) -> StripeEvent | None:
    async with shop.database.begin() as session:
        return next(iter(await stripe_events.failed(session, owner.organisation_id)), None)


@pytest.mark.parametrize("bad", ["\0", "\ud800", "a\udfffb"])
@pytest.mark.parametrize("place", ["id", "type", "customer", "client_reference_id", "metadata"])
async def test_what_no_row_can_hold_is_refused(shop: Shop, bad: str, place: str) -> None:
    sent = json.loads(event("invoice.paid", customer="cus_1", metadata={"organisation": "x"}))
    match place:
        case "id" | "type":
            sent[place] += bad
        case "metadata":
            sent["data"]["object"]["metadata"]["organisation"] = bad
        case _:
            sent["data"]["object"][place] = bad
    assert await post(shop, json.dumps(sent)) == 400


async def test_an_event_that_is_done_is_not_done_again(shop: Shop) -> None:
    nora = await shop.subscriber()
    for happened in shop.stripe.events:
        shop.stripe.resend(happened["id"])
    before = await state(shop, nora)
    await shop.delivered()
    assert await state(shop, nora) == before
    assert {one.status for one in shop.stripe.webhooks.log} == {200}
    assert (await shop.organisation(nora)).status == "active"


def fail(stripe: Stripe, one: Object) -> None:
    stripe.give_card(one["customer"], "declined")
    stripe.clock.advance(days=32)


def recover(stripe: Stripe, one: Object) -> None:
    stripe.give_card(one["customer"], "visa")
    for invoice in stripe.account.all("invoice", customer=one["customer"], status="open"):
        stripe.pay_invoice(invoice["id"])


def grow(stripe: Stripe, one: Object) -> None:
    item = one["items"]["data"][0]
    wanted = [{"id": item["id"], "quantity": item["quantity"] + 1}]
    subscriptions.change_seats(stripe.account, one, wanted, "create_prorations", or_fail=False)


def end_later(stripe: Stripe, one: Object) -> None:
    lifecycle.cancel_later(stripe.account, one, not one["cancel_at_period_end"])


def end(stripe: Stripe, one: Object) -> None:
    lifecycle.end(stripe.account, one)


def give_back(stripe: Stripe, one: Object) -> None:
    for charge in stripe.account.all("charge", customer=one["customer"], refunded=False, status="succeeded")[:1]:
        stripe.refund(charge["id"])


ACTS = (fail, recover, grow, end_later, end, give_back)


@pytest.mark.slow
@hypothesis_settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(ACTS), max_size=4), st.integers())
async def test_any_order_of_any_events_ends_where_stripe_is(shop: Shop, acts: list[Act], seed: int) -> None:
    """Real events of one subscription's life: late, repeated, jumbled, several at a time."""
    chance = Random(seed)
    happened: list[Object] = []
    shop.stripe.account.on_event = [happened.append]
    nora = await shop.subscriber(email=f"{uuid4()}@numbat.example")
    (one,) = shop.stripe.account.all("subscription", customer=await shop.customer(nora))
    for act in acts:
        await deliver(shop, chance.sample(happened, chance.randint(0, len(happened))))
        if one["status"] != "canceled":
            act(shop.stripe, one)
    await deliver(shop, chance.sample(happened * 2, len(happened) * 2))
    ours, theirs = await state(shop, nora), await expected(shop, nora)
    numbers = ours.pop("numbers")
    assert ours == theirs
    assert numbers == 1 if ENTITLEMENTS[theirs["organisation"]].connects else numbers <= 1
    if one["status"] != "canceled":
        end(shop.stripe, one)  # or every later clock would have to renew it


async def deliver(shop: Shop, events: list[Object]) -> None:
    """Send them in this order, three at a time."""
    for batch in (events[at : at + 3] for at in range(0, len(events), 3)):
        answers = await asyncio.gather(*(post(shop, json.dumps(each)) for each in batch))
        assert set(answers) <= {200}
        await shop.acted()


async def state(shop: Shop, owner: Member) -> dict[str, Any]:
    """Where an organisation's money stands with us."""
    row = await shop.subscription(owner.organisation_id)
    assert row is not None
    async with shop.database.begin() as session:
        orders = await NumberOrders(session, owner.organisation_id).all()
        entries = await AuditLog(session, owner.organisation_id).page(AuditFilter(action="payment"))
    return {
        "organisation": (await shop.organisation(owner)).status,
        "subscription": row.status,
        "seats": row.seats,
        "ends": row.cancel_at_period_end,
        "numbers are given back": row.release_after is not None,
        "numbers": len(orders),
        "payments": sorted(str(details_of(entry)["event"]) for entry in entries),
    }


async def expected(shop: Shop, owner: Member) -> dict[str, Any]:
    """The same, as Stripe has it."""
    customer = await shop.customer(owner)
    one = chosen(await shop.api.subscriptions(customer))
    assert one is not None
    return {
        "organisation": one.means,
        "subscription": one.status,
        "seats": one.seats,
        "ends": one.cancel_at_period_end,
        "numbers are given back": not ENTITLEMENTS[one.means].keeps_numbers,
        "payments": sorted(
            each["id"]
            for each in shop.stripe.events
            if each["type"] in PAYMENTS and each["data"]["object"]["customer"] == customer
        ),
    }


async def test_few_of_a_swarm_are_recorded_at_a_time(shop: Shop, owners_database: Database) -> None:
    """The other connections to the database are left to callers."""
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, owners_database.begin() as holding:
        await holding.execute(text("LOCK TABLE stripe_events IN EXCLUSIVE MODE"))
        posts = [post(shop, event(identifier=f"evt_{number}")) for number in range(20)]
        swarm = [tasks.create_task(each) for each in posts]
        while await _waiting(shop.database) < webhook.AT_ONCE:  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.02)
        assert (await (await shop.browser().get("/readyz")).json())["database"], "there are connections left"
        assert await _waiting(shop.database) == webhook.AT_ONCE
    assert {task.result() for task in swarm} <= {
        200,
        503,
    }  # 503: it waited for the lock too long; Stripe sends it again
    for number, task in enumerate(swarm):
        if task.result() == 503:
            assert await post(shop, event(identifier=f"evt_{number}")) == 200


async def _waiting(database: Database) -> int:
    """How many statements wait for the table's lock."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'stripe_events'::regclass"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with database.begin() as session:
        return int(await session.scalar(text(waiting)) or 0)
