"""The emulated Stripe, asked by the official package: selling, changing, renewing, failing, ending."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import stripe as official

from sandbox.stripe.emulator import FillError, stripe
from tests.kit.vendors.stripe import ABN, ACACIA, PRICE, SETTINGS, Till, open_till

DAY = 86_400


@pytest_asyncio.fixture
async def till() -> AsyncIterator[Till]:
    async with open_till() as opened:
        yield opened


async def test_a_checkout_paid_by_card_is_a_subscription_with_gst(till: Till) -> None:
    subscription = await till.bought(3)
    item = subscription["items"].data[0]
    invoice = subscription.latest_invoice
    assert (subscription.status, item.quantity, item.price.id) == ("active", 3, PRICE)
    assert 28 * DAY <= item.current_period_end - item.current_period_start <= 31 * DAY
    assert (invoice.subtotal, invoice.total, invoice.status) == (12000, 13200, "paid")
    assert (invoice.total_taxes[0].amount, invoice.total_taxes[0].tax_behavior) == (1200, "exclusive")
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.customer_tax_ids[0].value == ABN
    (checkout,) = (await till.v1.checkout.sessions.list_async({"subscription": subscription.id})).data
    assert (checkout.status, checkout.payment_status, checkout.amount_total) == ("complete", "paid", 13200)
    await till.emulator.delivered()
    assert {"customer.subscription.created", "invoice.paid", "checkout.session.completed"} <= set(till.endpoint.kinds)


@pytest.mark.parametrize(("instrument", "code"), [("declined", "generic_decline"), ("funds", "insufficient_funds")])
async def test_a_declined_card_leaves_the_checkout_open(till: Till, instrument: str, code: str) -> None:
    checkout = await till.checkout()
    with pytest.raises(FillError) as refused:
        till.emulator.buy(checkout.id, replace(ACACIA, instrument=instrument))
    assert refused.value.decline_code == code
    assert (await till.v1.checkout.sessions.retrieve_async(checkout.id)).status == "open"
    assert (await till.v1.subscriptions.list_async({"status": "all"})).data == []
    assert till.emulator.buy(checkout.id, ACACIA)["status"] == "complete"


@pytest.mark.parametrize(("clears", "kind", "status"), [(True, "succeeded", "paid"), (False, "failed", "unpaid")])
async def test_a_bank_debit_ends_days_later(till: Till, clears: bool, kind: str, status: str) -> None:
    subscription = await till.bought(instrument="debit" if clears else "bounces")
    (checkout,) = (await till.v1.checkout.sessions.list_async({"subscription": subscription.id})).data
    assert (checkout.status, checkout.payment_status, subscription.status) == ("complete", "unpaid", "active")
    assert subscription.latest_invoice.status == "open"
    till.emulator.clock.advance(days=3, hours=1)
    await till.emulator.delivered()
    assert f"checkout.session.async_payment_{kind}" in till.endpoint.kinds
    assert (await till.v1.checkout.sessions.retrieve_async(checkout.id)).payment_status == status
    after = await till.subscription(subscription.id)
    assert after.status == ("active" if clears else "past_due")


async def test_seats_are_prorated_and_put_on_the_next_invoice(till: Till) -> None:
    subscription = await till.bought(2)
    item = subscription["items"].data[0]
    till.emulator.clock.advance(seconds=(item.current_period_end - till.emulator.clock.now()) // 2)
    wanted = {"items": [{"id": item.id, "quantity": 4}], "proration_behavior": "create_prorations"}
    changed = await till.v1.subscriptions.update_async(subscription.id, wanted)
    assert changed["items"].data[0].quantity == 4
    till.renew(subscription.id)
    lines = (await till.subscription(subscription.id)).latest_invoice.lines.data
    assert [line.parent.subscription_item_details.proration for line in lines] == [True, True, False]
    assert lines[0].amount == pytest.approx(-4000, abs=10)
    assert lines[1].amount == pytest.approx(8000, abs=10)
    assert lines[2].amount == 16000


async def test_a_preview_costs_what_the_change_will_and_changes_nothing(till: Till) -> None:
    subscription = await till.bought(2)
    item = {"id": subscription["items"].data[0].id, "quantity": 3}
    details = {"items": [item], "proration_behavior": "always_invoice"}
    params = {"subscription": subscription.id, "subscription_details": details}
    preview = await till.v1.invoices.create_preview_async(params)
    assert (await till.subscription(subscription.id))["items"].data[0].quantity == 2
    update = {"items": [item], "proration_behavior": "always_invoice"}
    await till.v1.subscriptions.update_async(subscription.id, update)
    assert (await till.subscription(subscription.id)).latest_invoice.total == pytest.approx(preview.total, abs=2)


async def test_fewer_seats_become_credit(till: Till) -> None:
    subscription = await till.bought(3)
    params = {
        "items": [{"id": subscription["items"].data[0].id, "quantity": 1}],
        "proration_behavior": "always_invoice",
    }
    await till.v1.subscriptions.update_async(subscription.id, params)
    customer = await till.v1.customers.retrieve_async(subscription.customer)
    assert customer.balance == pytest.approx(-8800, abs=10)
    till.renew(subscription.id)
    invoice = (await till.subscription(subscription.id)).latest_invoice
    assert (invoice.total, invoice.amount_due, invoice.status) == (4400, 0, "paid")


@pytest.mark.parametrize(("after", "ends"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")])
async def test_a_renewal_that_is_never_paid_ends_as_set(after: str, ends: str) -> None:
    async with open_till(replace(SETTINGS, after_retries=after)) as till:  # type: ignore[arg-type]
        subscription = await till.bought(instrument="later")
        till.renew(subscription.id)
        late = await till.subscription(subscription.id)
        assert (late.status, late.latest_invoice.attempt_count) == ("past_due", 1)
        till.emulator.clock.advance(days=16)
        ended = await till.subscription(subscription.id)
        assert (ended.status, ended.latest_invoice.attempt_count) == (ends, 4)
        await till.emulator.delivered()
        assert till.endpoint.kinds.count("invoice.payment_failed") == 4
        assert ("customer.subscription.deleted" in till.endpoint.kinds) == (ends == "canceled")


async def test_paid_again_in_time_is_active_again(till: Till) -> None:
    subscription = await till.bought()
    till.emulator.fail_next_payment(subscription.customer)
    till.renew(subscription.id)
    late = await till.subscription(subscription.id)
    assert late.status == "past_due"
    await till.v1.invoices.pay_async(late.latest_invoice.id)
    assert (await till.subscription(subscription.id)).status == "active"


async def test_paying_an_invoice_with_a_bad_card_is_402(till: Till) -> None:
    subscription = await till.bought(instrument="later")
    till.renew(subscription.id)
    invoice = (await till.subscription(subscription.id)).latest_invoice.id
    with pytest.raises(official.CardError) as caught:
        await till.v1.invoices.pay_async(invoice)
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")


async def test_a_bank_that_asks_for_its_customer(till: Till) -> None:
    subscription = await till.bought(instrument="asks")
    till.renew(subscription.id)
    await till.emulator.delivered()
    assert "invoice.payment_action_required" in till.endpoint.kinds
    late = await till.subscription(subscription.id)
    assert late.status == "past_due"
    till.emulator.pay_invoice(late.latest_invoice.id)
    assert (await till.subscription(subscription.id)).status == "active"


async def test_cancelled_at_the_periods_end_and_taken_back(till: Till) -> None:
    subscription = await till.bought()
    v1 = till.v1.subscriptions
    asked = await v1.update_async(subscription.id, {"cancel_at_period_end": True})
    assert asked.cancel_at == asked["items"].data[0].current_period_end
    kept = await v1.update_async(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at, kept.status) == (None, None, "active")
    await v1.update_async(subscription.id, {"cancel_at_period_end": True})
    till.renew(subscription.id)
    ended = await till.subscription(subscription.id)
    assert (ended.status, ended.latest_invoice.billing_reason) == ("canceled", "subscription_create")
    assert (await v1.list_async({"customer": subscription.customer})).data == []


async def test_cancelled_at_once_paused_and_resumed(till: Till) -> None:
    subscription = await till.bought()
    till.emulator.pause(subscription.id)
    assert (await till.subscription(subscription.id)).status == "paused"
    assert (await till.v1.subscriptions.resume_async(subscription.id)).status == "active"
    assert (await till.v1.subscriptions.cancel_async(subscription.id)).status == "canceled"
    await till.emulator.delivered()
    assert {"customer.subscription.paused", "customer.subscription.deleted"} <= set(till.endpoint.kinds)


async def test_a_trial_costs_nothing_until_it_ends(till: Till) -> None:
    subscription = await till.bought(subscription_data={"trial_period_days": 14})
    assert (subscription.status, subscription.latest_invoice.total) == ("trialing", 0)
    till.renew(subscription.id)
    after = await till.subscription(subscription.id)
    assert (after.status, after.latest_invoice.total) == ("active", 8800)


async def test_refunds_and_disputes(till: Till) -> None:
    subscription = await till.bought()
    (charge,) = (await till.v1.charges.list_async({"customer": subscription.customer})).data
    await till.v1.refunds.create_async({"charge": charge.id, "amount": 100})
    till.emulator.dispute(charge.id)
    again = await till.v1.charges.retrieve_async(charge.id)
    assert (again.amount_refunded, again.refunded, again.disputed) == (100, False, True)
    await till.emulator.delivered()
    assert {"charge.refunded", "charge.dispute.created"} <= set(till.endpoint.kinds)


async def test_an_unfinished_checkout_expires(till: Till) -> None:
    checkout = await till.checkout()
    till.emulator.clock.advance(days=1, seconds=5)
    over = await till.v1.checkout.sessions.retrieve_async(checkout.id)
    assert (over.status, over.url) == ("expired", None)
    with pytest.raises(FillError):
        till.emulator.buy(checkout.id, ACACIA)


async def test_without_a_registration_there_is_no_gst_and_no_error() -> None:
    async with open_till(replace(SETTINGS, gst_registered=False)) as till:
        invoice = (await till.bought()).latest_invoice
        assert (invoice.total, invoice.total_taxes) == (8000, [])
        assert (await till.v1.tax.registrations.list_async({"status": "active"})).data == []


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    settings = replace(SETTINGS, state=tmp_path / "stripe.json")
    async with open_till(settings) as till:
        bought = await till.bought()
        till.emulator.clock.advance(days=2)
        now = till.emulator.clock.now()
    async with stripe(settings) as emulator:
        assert emulator.account.find("subscription", bought.id)["status"] == "active"
        assert emulator.clock.now() >= now
        assert len(emulator.account.all("price")) == 1
