"""What is done about each of Stripe's events, and that it is done once: at the desk itself, without web."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, strategies as st
from sqlalchemy import select

from db.engine import Database
from db.models import StripeEvent
from db.models.billing import PATIENCE
from provisioning.billing.events import (
    ACT,
    ACTED_ON,
    LONGEST_PAUSE,
    Event,
    EventError,
    Events,
    pause_after,
    read,
    receive,
)
from provisioning.jobs import TryAgain
from sandbox.stripe.emulator import Fault
from tests.kit.vendors.stripe import Till
from tests.kit.web.paying_organisation import GRACE, Payer

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


class Told:
    """Whoever is told of a change."""

    def __init__(self, payer: Payer) -> None:
        self._payer = payer
        self.count = 0

    def __call__(self, organisation_id: UUID) -> None:
        assert organisation_id == self._payer.id
        self.count += 1


@pytest.fixture
def told(payer: Payer) -> Told:
    return Told(payer)


class Desk:
    """Web's webhook and the worker's job, one after the other."""

    def __init__(self, payer: Payer, events: Events) -> None:
        self._payer = payer
        self._events = events

    async def take(self, event: Event) -> str:
        """What has become of ``event`` after one try, if it had to be tried."""
        async with self._payer.database.begin() as session:
            await receive(session, event)
        with suppress(TryAgain):
            await self.act(event)
        return (await _row(self._payer.database, event)).state

    async def act(self, event: Event) -> None:
        """One try at the job."""
        subject = json.dumps(dict(event.subject))
        payload = {"event": event.id, "kind": event.kind, "subject": subject}
        await self._events.act(self._payer.database, payload)


@pytest.fixture
def desk(payer: Payer, told: Told) -> Desk:
    return Desk(payer, Events(payer.api, GRACE, told))


def _events(till: Till, *kinds: str) -> list[Event]:
    """The emulated Stripe's events, of those kinds if any are named."""
    return [read(event) for event in till.emulator.events if not kinds or event["type"] in kinds]


async def _take(desk: Desk, till: Till, *kinds: str) -> list[str]:
    return [await desk.take(event) for event in _events(till, *kinds)]


async def _row(database: Database, event: Event) -> StripeEvent:
    async with database.begin() as session:
        return (await session.scalars(select(StripeEvent).where(StripeEvent.id == event.id))).one()


@given(json_values)
def test_whatever_was_signed_is_an_event_or_refused(payload: Any) -> None:
    try:
        event = read(payload)
    except EventError:
        return
    assert event.id


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(_text.filter(bool), _text, st.dictionaries(_text, st.integers() | _text))
def test_an_event_is_read_as_it_is(identifier: str, kind: str, subject: dict[str, Any]) -> None:
    event = read({"id": identifier, "type": kind, "data": {"object": subject}, "livemode": False})
    assert event == Event(identifier, kind, subject)
    assert event.customer is None or isinstance(event.customer, str)


def test_everything_that_moves_money_is_acted_on() -> None:
    assert {
        *("checkout.session.completed", "checkout.session.async_payment_succeeded"),
        *("checkout.session.async_payment_failed", "invoice.paid", "invoice.payment_failed"),
        *(f"customer.subscription.{end}" for end in ("created", "updated", "deleted", "paused")),
        *("invoice.payment_action_required", "charge.refunded", "charge.dispute.created"),
    } <= ACTED_ON


async def test_a_change_is_told_once_and_after_it_is_written_down(
    payer: Payer, till: Till, desk: Desk, told: Told
) -> None:
    subscription = await payer.buy()
    assert set(await _take(desk, till)) == {"done", "ignored"}
    assert told.count == 1
    payer.fall_behind(subscription)
    for _ in range(2):
        await _take(desk, till)
    assert told.count == 2


async def test_a_failed_payment_is_written_down_with_its_amount(payer: Payer, till: Till, desk: Desk) -> None:
    payer.fall_behind(await payer.buy())
    await _take(desk, till)
    ((_, details),) = await payer.log("payment.failed")
    assert (details["amount_due"], details["currency"], details["attempt_count"]) == (8800, "aud", 1)


async def test_a_bounced_debit_is_told_to_the_owners(payer: Payer, till: Till, desk: Desk) -> None:
    await payer.buy(instrument="bounces")
    till.emulator.settle_debits()
    await _take(desk, till)
    assert (await payer.organisation()).status == "incomplete"
    assert await payer.orders() == []
    assert await payer.log("payment.failed") != []
    assert "send_mail" in await payer.jobs()


async def test_refunds_and_disputes_are_written_down_and_change_nothing(payer: Payer, till: Till, desk: Desk) -> None:
    await payer.buy()
    (charge,) = till.emulator.account.all("charge", customer=payer.customer)
    till.emulator.refund(charge["id"], 1000)
    till.emulator.dispute(charge["id"])  # which names the charge alone
    await _take(desk, till)
    assert (await payer.organisation()).status == "active"
    ((_, refund),), ((_, dispute),) = await payer.log("payment.refunded"), await payer.log("payment.disputed")
    assert refund["amount_refunded"] == 1000
    assert "reason" in dispute


async def test_the_same_event_at_the_same_time_is_written_down_once(payer: Payer, till: Till, desk: Desk) -> None:
    payer.fall_behind(await payer.buy())
    (event,) = _events(till, "invoice.payment_failed")
    assert await asyncio.gather(*(desk.take(event) for _ in range(4))) == ["done"] * 4
    assert len(await payer.log("payment.failed")) == 1
    assert (await payer.jobs()).count("send_mail") == 1


async def test_what_fails_is_kept_with_its_error_and_done_when_it_comes_again(
    payer: Payer, till: Till, desk: Desk
) -> None:
    await payer.buy()
    (event,) = _events(till, "invoice.paid")
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=503)] * 2)
    assert await desk.take(event) == "failed"
    row = await _row(payer.database, event)
    assert (row.state, (row.error or "").partition(":")[0]) == ("failed", "StripeError")
    assert (await payer.organisation()).status == "incomplete"
    assert await desk.take(event) == "done"
    row = await _row(payer.database, event)
    assert (row.state, row.error, row.attempts) == ("done", None, 2)
    ((_, details),) = await payer.log("webhook.retried")
    assert details == {"event": event.id, "type": "invoice.paid", "attempt": 2}


async def test_it_is_bounded_in_time(payer: Payer, till: Till) -> None:
    await payer.buy()
    desk = Desk(payer, Events(payer.api, GRACE, seconds=0.0))
    (event,) = _events(till, "invoice.paid")
    assert await desk.take(event) == "failed"
    assert (await _row(payer.database, event)).error == "TimeoutError"


async def test_a_customer_made_by_hand_is_adopted_by_the_organisation_it_names(
    payer: Payer, till: Till, desk: Desk
) -> None:
    await payer.change(stripe_customer_id=None)
    await till.bought(2, subscription_data={"metadata": {"organisation": str(payer.id)}})
    await _take(desk, till, "customer.subscription.created", "invoice.paid")
    assert (await payer.organisation()).status == "active"
    assert (await payer.row()).stripe_customer_id not in (None, payer.customer)


async def test_a_second_customer_is_left_alone(payer: Payer, till: Till, desk: Desk) -> None:
    await till.bought(2, subscription_data={"metadata": {"organisation": str(payer.id)}})
    assert set(await _take(desk, till)) == {"ignored"}
    assert (await payer.row()).stripe_customer_id == payer.customer
    assert (await payer.organisation()).status == "incomplete"


@pytest.mark.parametrize("named", ["nobody", "", "00000000-0000-0000-0000-000000000000"])
async def test_who_is_no_organisation_of_ours_is_ignored(till: Till, desk: Desk, named: str) -> None:
    await till.bought(2, subscription_data={"metadata": {"organisation": named}})
    assert set(await _take(desk, till)) == {"ignored"}


async def test_grace_is_what_the_desk_was_given(payer: Payer, till: Till, desk: Desk) -> None:
    await payer.cancel(await payer.buy())
    desk = Desk(payer, Events(payer.api, timedelta(days=3)))
    await _take(desk, till)
    row = await payer.row()
    assert row.ended_at is not None
    assert row.release_after == row.ended_at + timedelta(days=3)


async def test_what_fails_is_tried_again_by_the_worker_for_days(payer: Payer, till: Till, desk: Desk) -> None:
    await payer.buy()
    (event,) = _events(till, "invoice.paid")
    async with payer.database.begin() as session:
        assert await receive(session, event) == "received"
        assert await receive(session, event) == "received"
    assert await payer.jobs() == [ACT]
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=503)] * 2)
    with pytest.raises(TryAgain):
        await desk.act(event)
    async with payer.database.begin() as session:
        row = await session.get(StripeEvent, event.id)
        assert row is not None
        row.received_at -= PATIENCE
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=503)] * 2)
    await desk.act(event)  # and is left to be seen, and to the nightly comparison
    assert (await _row(payer.database, event)).state == "failed"


def test_pauses_grow_with_age_and_end() -> None:
    ages = [timedelta(seconds=1), timedelta(minutes=5), timedelta(hours=5), PATIENCE + timedelta(seconds=1)]
    assert [pause_after(age, timedelta(seconds=2)) for age in ages] == [
        timedelta(seconds=2),
        timedelta(minutes=5),
        LONGEST_PAUSE,
        None,
    ]


@pytest.mark.parametrize("bad", ["evt_\0", "evt_\ud800", "\udfff"])
@pytest.mark.parametrize("place", ["id", "type", "customer", "deep"])
def test_what_no_row_can_hold_is_no_event(bad: str, place: str) -> None:
    event: dict[str, Any] = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"customer": "cus_1"}}}
    match place:
        case "customer":
            event["data"]["object"]["customer"] = bad
        case "deep":
            event["data"]["object"]["metadata"] = [{bad: 1}]
        case _:
            event[place] = bad
    with pytest.raises(EventError):
        read(event)


async def test_an_invoice_that_cannot_be_finished_is_told_and_put_right(payer: Payer, till: Till, desk: Desk) -> None:
    subscription = await payer.buy()
    customer = till.emulator.account.find("customer", payer.customer)
    address, customer["address"] = customer["address"], None
    till.renew(subscription)
    await _take(desk, till)
    assert ((await payer.organisation()).status, (await payer.row()).attention) == ("active", "invoice_not_finalized")
    assert [details["event"] for _, details in await payer.log("invoice.not_finalized")]
    assert "send_mail" in await payer.jobs()
    customer["address"] = address
    till.emulator.clock.advance(hours=2)
    await _take(desk, till)
    assert ((await payer.organisation()).status, (await payer.row()).attention) == ("active", None)


async def test_an_add_on_that_stands_first_is_not_counted(payer: Payer, till: Till) -> None:
    subscription = till.emulator.account.find("subscription", await payer.buy(4))
    item = subscription["items"]["data"][0]
    add_on = item | {"id": "si_add_on", "quantity": 1, "price": item["price"] | {"id": "price_support"}}
    subscription["items"]["data"].insert(0, add_on)
    await payer.look()
    assert (await payer.row()).seats == 4
