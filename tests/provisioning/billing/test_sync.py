"""What Stripe says becomes an organisation's state, orders, mails and entries: `decide`, by example and property."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given, strategies as st

from db.base import OrganisationStatus, SubscriptionStatus
from db.queries.organisations import ENTITLEMENTS
from provisioning.billing.sync import Decision, Known, decide
from provisioning.stripe.subscription import StripeSubscription, chosen
from tests.kit.web.paying_organisation import GRACE

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
ONE = StripeSubscription("sub_1", "cus_1", "active", 2, "si_1", NOW + timedelta(days=30), False, NOW, paid=True)
MONTH_AGO = NOW - timedelta(days=30)


def _decided(known: Known, *found: StripeSubscription) -> Decision:
    return decide(known, found, NOW, GRACE)


def _known(status: OrganisationStatus, one: StripeSubscription = ONE, **more: Any) -> Known:
    return replace(Known(status, one.id, one.seats, one.cancel_at_period_end, MONTH_AGO), **more)


# -- deciding, by example ----------------------------------------------------------------------------------------


def test_who_never_went_to_pay_stays_as_they_are() -> None:
    assert _decided(Known("active")) == Decision("active", {}, (), (), None)


def test_the_first_payment_brings_a_number() -> None:
    decision = _decided(Known("incomplete"), ONE)
    assert (decision.status, decision.paid_by, decision.notice) == ("active", ("sub_1",), None)
    assert decision.values["paid_at"] == NOW
    assert [action for action, _ in decision.entries] == ["subscription.changed", "seats.changed"]


def test_money_on_its_way_brings_nothing() -> None:
    decision = _decided(Known("incomplete"), replace(ONE, paid=False))
    assert (decision.status, decision.paid_by, decision.values["paid_at"]) == ("incomplete", (), None)


def test_a_failed_payment_is_told_once() -> None:
    late = replace(ONE, status="past_due")
    first = _decided(_known("active"), late)
    assert first.notice == ("past_due", f"sub_1 {NOW.isoformat()}")
    assert first.values["past_due_since"] == NOW
    again = _decided(_known("past_due", past_due_since=MONTH_AGO), late)
    assert (again.notice, again.values["past_due_since"], again.entries) == (None, MONTH_AGO, [])


@pytest.mark.parametrize("status", ["paused", "unpaid", "canceled"])
def test_an_end_sets_the_day_and_only_once(status: SubscriptionStatus) -> None:
    over = replace(ONE, status=status)
    first = _decided(_known("active"), over)
    assert (first.values["ended_at"], first.values["release_after"]) == (NOW, NOW + GRACE)
    assert first.notice == ("ended", (NOW + GRACE).isoformat())
    known = _known(over.means, ended_at=MONTH_AGO, release_after=NOW + timedelta(days=1))
    again = _decided(known, over)
    assert (again.values["release_after"], again.notice) == (NOW + timedelta(days=1), None)


def test_a_payment_in_time_takes_the_day_back() -> None:
    known = _known("unpaid", ended_at=MONTH_AGO, release_after=NOW + timedelta(days=1))
    decision = _decided(known, ONE)
    assert (decision.status, decision.values["ended_at"], decision.values["release_after"]) == ("active", None, None)
    assert decision.paid_by == ("sub_1", f"sub_1:{MONTH_AGO.isoformat()}")  # a number, should it be gone


def test_an_end_to_come_is_written_down_and_an_end_taken_back_as_well() -> None:
    ending = replace(ONE, cancel_at_period_end=True)
    assert [action for action, _ in _decided(_known("active"), ending).entries] == ["subscription.ending"]
    assert [action for action, _ in _decided(_known("active", ending), ONE).entries] == ["subscription.continued"]


def test_a_second_subscription_changes_nothing_but_is_written_down() -> None:
    second = replace(ONE, id="sub_2", created=NOW + timedelta(minutes=1))
    decision = _decided(Known("incomplete"), second, ONE)
    assert decision.values["stripe_subscription_id"] == "sub_1"
    assert decision.doubled == ["sub_2"]


# -- deciding, by property ---------------------------------------------------------------------------------------

moments = st.integers(-60, 60).map(lambda days: NOW + timedelta(days=days))
found = st.lists(
    st.builds(
        StripeSubscription,
        id=st.sampled_from(["sub_1", "sub_2", "sub_3"]),
        customer=st.just("cus_1"),
        status=st.sampled_from(get_args(SubscriptionStatus)),
        seats=st.integers(1, 9),
        item=st.just("si_1"),
        period_end=st.none() | moments,
        cancel_at_period_end=st.booleans(),
        created=moments,
        paid=st.booleans(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda one: one.id,
)
earlier = st.none() | st.integers(1, 60).map(lambda days: NOW - timedelta(days=days))
knowns = st.builds(
    Known,
    status=st.sampled_from(get_args(OrganisationStatus)),
    subscription=st.none() | st.sampled_from(["sub_1", "sub_2", "sub_9"]),
    seats=st.integers(0, 9),
    cancel_at_period_end=st.booleans(),
    paid_at=earlier,
    past_due_since=earlier,
    ended_at=earlier,
    release_after=st.none() | moments,
)


def _after(decision: Decision) -> Known:
    """What is known once the decision is written down."""
    values = {name: value for name, value in decision.values.items() if name in Known.__dataclass_fields__}
    subscription = decision.values["stripe_subscription_id"]
    return Known(**(values | {"status": decision.status, "subscription": subscription}))


@given(knowns, found, st.randoms())
def test_the_order_in_which_they_come_is_no_matter(
    known: Known, found: list[StripeSubscription], random: Any
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    first, second = _decided(known, *found), _decided(known, *shuffled)
    assert first == second


@given(knowns, found)
def test_deciding_again_changes_nothing_more(known: Known, found: list[StripeSubscription]) -> None:
    first = _decided(known, *found)
    again = decide(_after(first), found, NOW + timedelta(hours=1), GRACE)
    assert (again.status, again.values) == (first.status, first.values)
    assert (list(again.paid_by), list(again.entries), again.notice) == ([], [], None)


@given(knowns, found)
def test_nothing_is_granted_unpaid_and_nothing_kept_for_ever(known: Known, found: list[StripeSubscription]) -> None:
    decision, one = _decided(known, *found), chosen(found)
    assert one is not None
    entitlements = ENTITLEMENTS[decision.status]
    assert one.paid or not entitlements.connects
    assert entitlements.connects or not decision.paid_by
    assert (decision.values["release_after"] is None) == entitlements.keeps_numbers
    assert (decision.values["past_due_since"] is None) == (decision.status != "past_due")


@given(found)
def test_what_works_is_chosen_before_what_does_not(found: list[StripeSubscription]) -> None:
    best = chosen(found)
    assert best is not None
    if any(ENTITLEMENTS[one.means].connects for one in found):
        assert ENTITLEMENTS[best.means].connects
