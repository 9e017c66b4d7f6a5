"""The checklist by itself: what is done, what it says, and who is led where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from db.base import BundleStatus, OrderState, OrganisationStatus
from db.models import Bundle, Member, Number, NumberOrder, Organisation
from web.numbers.view import STEPS, steps as steps_of
from web.organisation import checklist
from web.organisation.checklist import Item, Setup

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
KEYS = ["details", "plan", "number", "webhooks", "prompt", "call", "team"]
DETAILS = {
    "legal_name": "Numbat Nursery Pty Ltd",
    "abn": "51824753556",
    "street": "1 Bligh Street",
    "locality": "Sydney",
    "region": "NSW",
    "postcode": "2000",
}


def organisation(
    status: OrganisationStatus = "incomplete",
    known: Mapping[str, str | None] | None = None,
    prompt: str | None = None,
) -> Organisation:
    return Organisation(id=uuid4(), name="Numbat Nursery", status=status, consent_prompt=prompt, **(known or {}))


def number(*, verified: bool = True) -> Number:
    return Number(id=uuid4(), e164="+61255501234", verified_at=NOW if verified else None)


def order(state: OrderState, **more: object) -> NumberOrder:
    return NumberOrder(id=uuid4(), **{"state": state, "candidate": "+61255500037", "wanted": {}, **more})


def member() -> Member:
    return Member(id=uuid4(), name="Nora North", role="owner")


def setup(**known: object) -> Setup:
    values: dict[str, object] = {
        "organisation": organisation(),
        "bundle": None,
        "has_platform_bundle": True,
        "numbers": [],
        "orders": [],
        "answered": False,
        "members": [member()],
        "pays": True,
    }
    return Setup(**{**values, **known})  # type: ignore[arg-type]


def item(key: str, which: Setup) -> Item:
    return next(each for each in checklist.items(which) if each.key == key)


def test_a_newcomer_has_everything_before_them() -> None:
    found = checklist.items(setup())
    assert [each.key for each in found] == KEYS
    assert not any(each.done for each in found)
    assert all(each.words and each.fix.startswith("/") and each.action for each in found)


def test_a_customer_has_everything_behind_them() -> None:
    ready = setup(
        organisation=organisation("active", DETAILS, "We write along."),
        numbers=[number()],
        orders=[order("done")],
        answered=True,
        members=[member(), member()],
    )
    found = checklist.items(ready)
    assert all(each.done for each in found)
    assert all(each.fix and each.action for each in found)
    assert checklist.order_under_way(ready) is None


@pytest.mark.parametrize("missing", DETAILS)
def test_details_are_all_or_not_done(missing: str) -> None:
    assert item("details", setup(organisation=organisation(known=DETAILS))).done
    assert not item("details", setup(organisation=organisation(known={**DETAILS, missing: None}))).done


@pytest.mark.parametrize("status", get_args(OrganisationStatus))
def test_the_plan_is_paid_when_words_come(status: OrganisationStatus) -> None:
    plan = item("plan", setup(organisation=organisation(status)))
    assert plan.done == (status in ("active", "trialing"))
    assert plan.fix == ("/checkout" if status in ("incomplete", "cancelled") else "/billing")
    assert bool(plan.words) != plan.done


def test_who_may_not_pay_has_no_link() -> None:
    plan = item("plan", setup(pays=False))
    assert (plan.fix, plan.action) == ("", "")
    assert plan.words


@pytest.mark.parametrize("status", get_args(BundleStatus))
def test_an_own_bundle_is_followed(status: BundleStatus) -> None:
    mine = setup(organisation=organisation(known=DETAILS), bundle=Bundle(status=status), has_platform_bundle=False)
    details = item("details", mine)
    assert details.done == (status != "twilio-rejected")
    assert bool(details.words) == ("approved" not in status)
    platform = setup(organisation=organisation(known=DETAILS), bundle=Bundle(status=status))
    assert item("details", platform).words == ""


def test_a_held_number_is_named() -> None:
    assert "(02) 5550 0037" in item("number", setup(orders=[order("held")])).words


def test_a_number_counts_when_it_is_there_and_checked() -> None:
    unchecked = setup(numbers=[number(), number(verified=False)])
    assert item("number", unchecked).done
    assert not item("webhooks", unchecked).done
    assert item("webhooks", setup(numbers=[number()])).done
    assert checklist.number_to_ring(setup(numbers=[number(verified=False), number()])) == "(02) 5550 1234"
    assert checklist.number_to_ring(setup(numbers=[number(verified=False)])) == ""


def test_the_first_call_says_which_number_to_ring() -> None:
    assert "(02) 5550 1234" in item("call", setup(numbers=[number()])).words
    assert item("call", setup(numbers=[number()], answered=True)).words == ""


@pytest.mark.parametrize("state", get_args(OrderState))
def test_the_way_of_an_order(state: OrderState) -> None:
    steps = steps_of(order(state))
    if state not in STEPS:
        assert steps == []
        return
    states = [step.state for step in steps]
    reached = list(STEPS).index(state)
    assert states[:reached] == ["done"] * reached
    assert states[reached] == ("done" if state == "done" else "now")
    assert set(states[reached + 1 :]) <= {"later"}


def test_nothing_is_under_way_without_an_order() -> None:
    assert steps_of(None) == []
    assert checklist.again(None, NOW) == ""


def test_what_moves_is_shown_before_what_has_failed() -> None:
    failed, moving, done = order("failed"), order("bought"), order("done")
    assert checklist.order_under_way(setup(orders=[failed, done, moving])) is moving
    assert checklist.order_under_way(setup(orders=[done, failed])) is failed
    assert checklist.order_under_way(setup(orders=[done, order("held"), order("releasing")])) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-90, "now"), (3, "now"), (12, "in 12 seconds"), (120, "in 2 minutes"), (3600, "in 60 min")],
)
def test_the_next_try_is_said(seconds: int, words: str) -> None:
    stuck = order("chosen", error_sentence="Twilio is busy.", next_try_at=NOW + timedelta(seconds=seconds))
    assert words in checklist.again(stuck, NOW)
    waiting = order("paid", next_try_at=NOW + timedelta(seconds=seconds))
    assert words in checklist.again(waiting, NOW)
    assert checklist.again(waiting, NOW) != checklist.again(stuck, NOW)


def test_what_is_not_tried_again_says_so() -> None:
    assert checklist.again(order("failed", error_sentence="No."), NOW)
    assert checklist.again(order("done"), NOW) == ""


numbers = st.lists(st.builds(number, verified=st.booleans()), max_size=3)
orders = st.lists(st.builds(order, st.sampled_from(get_args(OrderState))), max_size=4)
everything = st.builds(
    setup,
    organisation=st.builds(organisation, st.sampled_from(get_args(OrganisationStatus))),
    bundle=st.none() | st.builds(Bundle, status=st.sampled_from(get_args(BundleStatus))),
    has_platform_bundle=st.booleans(),
    numbers=numbers,
    orders=orders,
    answered=st.booleans(),
    members=st.lists(st.builds(member), min_size=1, max_size=3),
    pays=st.booleans(),
)


@given(everything)
def test_there_are_always_seven_and_what_is_open_has_words(which: Setup) -> None:
    found = checklist.items(which)
    assert [each.key for each in found] == KEYS
    assert all(each.words for each in found if not each.done)
    assert all(bool(each.fix) == bool(each.action) for each in found)
    assert all(each.fix or (each.key == "plan" and not which.pays) for each in found)


def test_what_is_best_done_next() -> None:
    assert checklist.next_up(setup()) == "details"
    known = organisation("incomplete", DETAILS)
    assert checklist.next_up(setup(organisation=known)) == "plan"
    assert checklist.next_up(setup(organisation=known, pays=False)) == "prompt"  # paying is somebody else's
    paid = organisation("active", DETAILS, "We write along.")
    assert checklist.next_up(setup(organisation=paid)) == "team"  # nothing to ring yet
    assert checklist.next_up(setup(organisation=paid, numbers=[number()])) == "call"
    both = [member(), member()]
    assert checklist.next_up(setup(organisation=paid, members=both)) is None  # the number comes by itself


def test_a_number_may_be_picked_until_one_is_taken() -> None:
    pickable = [state for state in get_args(OrderState) if checklist.may_choose(order(state))]
    assert pickable == ["paid", "failed"]
    assert not checklist.may_choose(None)


@given(everything)
def test_what_is_next_is_open_and_has_a_link(which: Setup) -> None:
    key = checklist.next_up(which)
    assert key is None or (not item(key, which).done and item(key, which).fix)


@given(everything)
def test_at_most_one_step_is_now(which: Setup) -> None:
    steps = steps_of(checklist.order_under_way(which))
    assert [step.state for step in steps].count("now") <= 1
    assert [step.words for step in steps] in ([], list(STEPS.values()))


@given(everything)
def test_a_webhook_is_never_verified_without_a_number(which: Setup) -> None:
    assert item("number", which).done or not item("webhooks", which).done
