"""Nobody pays and gets nothing: subscriptions whose customer is in no row of ours are found at night."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from db.engine import Database
from provisioning.billing.customers import UNLINKED, link_subscriptions
from provisioning.stripe.api import StripeApi, StripeError
from sandbox.stripe.emulator import Fault
from tests.kit.vendors.stripe import PRICE, Till
from tests.kit.web.paying_organisation import Payer


async def test_who_checked_out_is_no_stray(payer: Payer, database: Database) -> None:
    await payer.buy()
    assert await link_subscriptions(database, payer.api) == 0


async def test_one_that_names_an_organisation_is_its(payer: Payer, till: Till, database: Database) -> None:
    await payer.change(stripe_customer_id=None)
    bought = await till.bought(2, subscription_data={"metadata": {"organisation": str(payer.id)}})
    assert [await link_subscriptions(database, payer.api) for _ in range(2)] == [1, 0]
    assert (await payer.row()).stripe_customer_id == bought.customer
    assert (await payer.look()).status == "active"
    details = {"difference": UNLINKED, "about": bought.id, "repaired": "yes"}
    assert await payer.log("subscription.reconciled") == [("subscription.reconciled", details)]


@pytest.mark.parametrize("named", ["nobody", "00000000-0000-0000-0000-000000000000", None])
async def test_any_other_is_reported(payer: Payer, till: Till, database: Database, named: str | None) -> None:
    # None: one that names an organisation which is another customer already
    bought = await till.bought(2, subscription_data={"metadata": {"organisation": named or str(payer.id)}})
    with capture_logs() as lines:
        assert await link_subscriptions(database, payer.api) == 1
    assert [line["about"] for line in lines if line["log_level"] == "error" and line["event"] == "difference"] == [
        bought.id
    ]
    assert (await payer.row()).stripe_customer_id == payer.customer


async def test_all_pages_are_read_and_what_has_ended_is_not(till: Till, payer: Payer) -> None:
    bought = [await till.bought(1) for _ in range(5)]
    await till.v1.subscriptions.cancel_async(bought[0].id)
    sold = await StripeApi(till.client, PRICE, page=2).sold()
    assert {one.subscription for one in sold} == {each.id for each in bought[1:]}


async def test_stripe_away_is_an_error_of_its_own(payer: Payer, till: Till, database: Database) -> None:
    till.emulator.faults.extend([Fault("GET", "/v1/subscriptions", status=0)] * 4)
    with pytest.raises(StripeError):
        await link_subscriptions(database, payer.api)
