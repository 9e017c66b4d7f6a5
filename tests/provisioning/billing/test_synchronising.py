"""What Stripe says is written down once, whoever asks and how often: a real database, the emulated Stripe."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from db.engine import Database, HeldTransactionError
from db.models import NumberOrder
from provisioning.billing.sync import ask, correct, synchronise, write
from provisioning.stripe import api as stripe_api
from provisioning.stripe.api import StripeError
from sandbox.stripe.emulator import Fault
from tests.kit.vendors.stripe import KEY, PRICE, Till
from tests.kit.web.paying_organisation import GRACE, Payer


async def test_who_has_paid_works_and_gets_a_number(payer: Payer) -> None:
    assert (await payer.look()).status == "incomplete"
    subscription = await payer.buy(3)
    assert (await payer.look()).status == "active"
    row, (order,) = await payer.row(), await payer.orders()
    assert (row.stripe_subscription_id, row.status, row.seats) == (subscription, "active", 3)
    assert (order.state, order.paid_by) == ("paid", subscription)
    assert await payer.jobs() == ["provision_number"]


async def test_a_debit_brings_nothing_until_it_has_cleared(payer: Payer, till: Till) -> None:
    await payer.buy(instrument="debit")
    assert (await payer.look()).status == "incomplete"
    assert await payer.orders() == []
    till.emulator.settle_debits(clears=True)
    assert (await payer.look()).status == "active"
    assert len(await payer.orders()) == 1


async def test_late_and_paid_again_keeps_the_number(payer: Payer) -> None:
    subscription = await payer.buy()
    await payer.look()
    payer.fall_behind(subscription)
    assert (await payer.look()).status == "past_due"
    assert (await payer.row()).past_due_since is not None
    payer.catch_up()
    assert (await payer.look()).status == "active"
    assert (await payer.row()).past_due_since is None
    assert len(await payer.orders()) == 1
    assert (await payer.jobs()).count("send_mail") == 1


async def test_ended_and_subscribed_again_in_time_keeps_the_number(payer: Payer) -> None:
    subscription = await payer.buy()
    await payer.look()
    await payer.cancel(subscription)
    assert (await payer.look()).status == "cancelled"
    row = await payer.row()
    assert row.ended_at is not None
    assert row.release_after == row.ended_at + GRACE
    again = await payer.buy()
    assert (await payer.look()).status == "active"
    row = await payer.row()
    assert (row.stripe_subscription_id, row.ended_at, row.release_after) == (again, None, None)
    assert [order.paid_by for order in await payer.orders()] == [subscription]


async def test_whose_number_is_gone_gets_a_new_one(payer: Payer, database: Database) -> None:
    await payer.cancel(first := await payer.buy())
    await payer.look()
    await payer.buy()
    await payer.look()
    async with database.begin() as session:
        await session.execute(update(NumberOrder).values(state="released"))
    (one,) = await payer.orders()
    assert one.paid_by != first  # which had ended before anybody looked, so nothing was ever ordered for it
    await payer.cancel(one.paid_by or "")
    await payer.look()
    await payer.buy()
    await payer.look()
    assert [order.state for order in await payer.orders()] == ["released", "paid"]


async def test_many_at_once_are_one(payer: Payer) -> None:
    subscription = await payer.buy()
    await asyncio.gather(*(payer.look() for _ in range(5)))
    payer.fall_behind(subscription)
    await asyncio.gather(*(payer.look() for _ in range(5)))
    assert len(await payer.orders()) == 1
    assert (await payer.jobs()).count("send_mail") == 1
    changes = [details["to"] for _, details in await payer.log("subscription.changed")]
    assert changes == ["active", "past_due"]


async def test_a_second_checkout_is_seen_and_changes_nothing(payer: Payer) -> None:
    first = await payer.buy()
    await payer.look()
    payer.till.emulator.clock.advance(seconds=1)  # Stripe tells their age in whole seconds
    second = await payer.buy()
    await payer.look()
    await payer.look()
    assert (await payer.row()).stripe_subscription_id == first
    assert len(await payer.orders()) == 1
    assert await payer.log("subscription.doubled") == [("subscription.doubled", {"subscription": second})]
    assert (await payer.jobs()).count("send_mail") == 1


async def test_stripe_away_leaves_everything_as_it_was(payer: Payer, till: Till, database: Database) -> None:
    await payer.buy()
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=0)] * 4)
    with pytest.raises(StripeError):
        await payer.look()
    assert (await payer.organisation()).status == "incomplete"
    assert await payer.orders() == []
    assert await payer.log() == []


async def test_who_is_no_customer_is_left_alone(payer: Payer, database: Database) -> None:
    await payer.change(stripe_customer_id=None)
    assert not await synchronise(database, payer.api, payer.id, GRACE)
    assert await payer.log() == []


async def test_a_correction_says_whether_there_was_something_to_correct(payer: Payer, database: Database) -> None:
    await payer.buy()
    assert await correct(database, payer.api, payer.id, GRACE)
    assert not await correct(database, payer.api, payer.id, GRACE)


async def test_an_answer_to_an_earlier_question_is_not_written_over_a_later_one(
    payer: Payer, database: Database
) -> None:
    subscription = await payer.buy()
    early = await ask(database, payer.api, payer.id)
    payer.fall_behind(subscription)
    late = await ask(database, payer.api, payer.id)
    for look in (late, early):
        async with database.begin() as session:
            await write(session, look, GRACE)
    assert (await payer.organisation()).status == "past_due"
    assert (await payer.row()).asked_at == late.asked_at


async def test_what_was_asked_of_another_customer_is_not_written(payer: Payer, database: Database) -> None:
    await payer.buy()
    look = await ask(database, payer.api, payer.id)
    await payer.change(stripe_customer_id="cus_other")
    async with database.begin() as session:
        assert not await write(session, look, GRACE)
    assert (await payer.organisation()).status == "incomplete"


async def test_stripe_is_not_asked_inside_a_transaction(payer: Payer, database: Database) -> None:
    async with stripe_api.opened(KEY, PRICE, payer.till.emulator.url) as api, database.begin():
        with pytest.raises(HeldTransactionError):
            await api.subscriptions(payer.customer)
