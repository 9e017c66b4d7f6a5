"""Who is rung: longest idle, all at once, fixed order, groups, what was declined, and who is never rung."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given, strategies as st

from db.base import RingStrategy
from db.queries.phone.offers import Offer, OfferResult
from db.queries.phone.ringing_plans import RingingPlan
from web.phone import ringing
from web.phone.ringing import MOST_AT_ONCE, Free, New, Ringing

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SPACE = UUID(int=0)
STRATEGIES: list[RingStrategy] = ["longest_idle", "all", "fixed"]


def one(name: str) -> UUID:
    return uuid5(SPACE, name)


A, B, C, D = (one(name) for name in "abcd")


def call(
    name: str = "call", strategy: RingStrategy = "longest_idle", groups: list[list[UUID]] | None = None, at: float = 0
) -> Ringing:
    since = T0 + timedelta(seconds=at)
    plan = RingingPlan(strategy, ring_seconds=20, wait_seconds=120)
    return Ringing(one(name), "call", since, since + timedelta(seconds=120), plan, groups or [[A, B, C, D]])


@dataclass
class Scene:
    """What decisions make of the offers, second by second; ``idle`` are those who could answer, longest first."""

    calls: list[Ringing]
    idle: list[UUID]
    offers: list[Offer] = field(default_factory=list)
    given_up: list[UUID] = field(default_factory=list)

    def at(self, seconds: float) -> set[tuple[UUID, UUID]]:
        """Decide then; return which call rings at whom."""
        now = T0 + timedelta(seconds=seconds)
        free = [Free(member, T0 - timedelta(minutes=60 - place)) for place, member in enumerate(self.idle)]
        decision = ringing.plan(self.known, free, self.open, now)
        for offer_id, result in decision.ended.items():
            self.end(offer_id, result, now)
        self.offers += [_made(each, now, len(self.offers) + place) for place, each in enumerate(decision.made)]
        self.given_up += decision.given_up
        assert not ringing.plan(self.known, free, self.open, now).made, "deciding again adds nothing"
        return {(offer.call, offer.member) for offer in self.open}

    def rings(self, seconds: float) -> set[UUID]:
        """Decide then; return at whom anything rings."""
        return {member for _, member in self.at(seconds)}

    def end(self, offer_id: UUID, result: OfferResult, now: datetime = T0) -> None:
        place = next(place for place, each in enumerate(self.offers) if each.id == offer_id)
        self.offers[place] = replace(self.offers[place], ended_at=now, result=result)

    def decline(self, member: UUID) -> None:
        for offer in self.open:
            if offer.member == member:
                self.end(offer.id, "declined")

    @property
    def known(self) -> list[Ringing]:
        return [
            replace(each, offers=[offer for offer in self.offers if offer.call == each.call]) for each in self.calls
        ]

    @property
    def open(self) -> list[Offer]:
        return [offer for offer in self.offers if offer.ended_at is None]


def _made(new: New, now: datetime, number: int) -> Offer:
    return Offer(one(f"offer {number}"), new.call, new.member, new.kind, now, new.until)


def test_longest_idle_rings_one_after_the_other_and_begins_again() -> None:
    scene = Scene([call()], [C, A])
    assert [scene.rings(at) for at in (0, 19, 20, 39, 40)] == [{C}, {C}, {A}, {A}, {C}]
    assert [offer.result for offer in scene.offers] == ["timeout", "timeout", None]


def test_fixed_order_is_the_groups_order_however_long_somebody_was_idle() -> None:
    scene = Scene([call(strategy="fixed", groups=[[B, A], [D, C]])], [C, D, A, B])
    assert [scene.rings(at) for at in (0, 20, 40, 60, 80)] == [{B}, {A}, {D}, {C}, {B}]


def test_longest_idle_goes_group_by_group() -> None:
    scene = Scene([call(groups=[[B, A], [D, C]])], [C, D, A, B])
    assert [scene.rings(at) for at in (0, 20, 40, 60, 80)] == [{A}, {B}, {C}, {D}, {A}]


def test_all_at_once_rings_everybody_until_the_caller_has_waited_enough() -> None:
    scene = Scene([call(strategy="all")], [A, B, C])
    assert scene.rings(0) == scene.rings(100) == {A, B, C}
    assert {offer.until for offer in scene.offers} == {T0 + timedelta(seconds=120)}
    scene.idle.append(D)
    assert scene.rings(101) == {A, B, C, D}


def test_all_at_once_adds_a_group_after_each_ring_time() -> None:
    scene = Scene([call(strategy="all", groups=[[A], [B, C], [D]])], [A, B, C, D])
    assert [scene.rings(at) for at in (0, 19, 20, 40)] == [{A}, {A}, {A, B, C}, {A, B, C, D}]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_group_without_anybody_free_keeps_nobody_waiting(strategy: RingStrategy) -> None:
    assert Scene([call(strategy=strategy, groups=[[A], [B]])], [B]).rings(0) == {B}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whoever_is_in_none_of_the_groups_is_not_rung(strategy: RingStrategy) -> None:
    assert Scene([call(strategy=strategy, groups=[[A]])], [B, C]).rings(0) == set()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_declined_is_not_rung_again_for_that_call(strategy: RingStrategy) -> None:
    scene = Scene([call(strategy=strategy, groups=[[A, B]])], [A, B])
    assert A in scene.rings(0)
    scene.decline(A)
    for at in range(1, 120, 10):
        assert scene.rings(at) == {B}
    scene.calls.append(call("another", strategy, [[A, B]], at=1))
    assert (one("another"), A) in scene.at(119)


def test_two_calls_ring_at_two_members_and_the_older_comes_first() -> None:
    scene = Scene([call("late", at=1), call("early")], [A, B])
    assert scene.at(1) == {(one("early"), A), (one("late"), B)}
    scene = Scene([call("late", at=1), call("early")], [A])
    assert scene.at(1) == {(one("early"), A)}


def test_few_calls_ring_at_one_member_at_once() -> None:
    calls = [call(f"call {number}", "all", at=number) for number in range(MOST_AT_ONCE + 2)]
    scene = Scene(calls, [A, B])
    ringing_at = scene.at(10)
    assert {offered for offered, _ in ringing_at} == {one(f"call {number}") for number in range(MOST_AT_ONCE)}
    assert len(ringing_at) == 2 * MOST_AT_ONCE


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_rings_stops_when_its_member_is_not_free_any_more(strategy: RingStrategy) -> None:
    scene = Scene([call(strategy=strategy, groups=[[A, B]])], [A, B])
    scene.at(0)
    scene.idle.remove(A)
    assert scene.rings(1) == {B}
    assert [offer.result for offer in scene.offers if offer.member == A] == ["withdrawn"]


def test_what_rings_stops_when_the_call_waits_no_longer() -> None:
    scene = Scene([call()], [A])
    scene.at(0)
    scene.calls.clear()
    assert scene.at(1) == set()
    assert [offer.result for offer in scene.offers] == ["withdrawn"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_caller_who_waited_long_enough_is_given_up(strategy: RingStrategy) -> None:
    scene = Scene([call(strategy=strategy)], [A])
    scene.at(119)
    assert scene.given_up == []
    assert scene.at(120) == set()
    assert scene.given_up == [one("call")]


def test_a_call_that_is_handed_over_comes_first() -> None:
    transfer = replace(call("transfer", at=50), kind="transfer", groups=[[A]], gives_up=False)
    scene = Scene([call(), transfer], [A])
    assert scene.at(50) == {(one("transfer"), A)}
    assert scene.at(200) == set()
    assert scene.given_up == [one("call")], "whom a transfer does not reach is the room's business"


@pytest.mark.parametrize(
    ("results", "why"),
    [
        ([], "nobody_available"),
        ([(A, "timeout")], "nobody_answered"),
        ([(A, "declined")], "declined"),
        ([(A, "timeout"), (A, "declined")], "declined"),
        ([(A, "declined"), (B, "timeout")], "nobody_answered"),
        ([(A, "withdrawn")], "nobody_answered"),
    ],
)
def test_why_nobody_took_it(results: list[tuple[UUID, OfferResult]], why: str) -> None:
    offers = [
        Offer(one(str(place)), one("call"), member, "call", T0, T0, T0, result)
        for place, (member, result) in enumerate(results)
    ]
    assert ringing.why_missed(offers) == why


@given(st.data())
def test_nobody_is_rung_who_may_not_be(data: st.DataObject) -> None:
    """Whatever happens in whichever order: only who is free, in a group, and did not decline; one at a time."""
    everybody = [A, B, C, D]
    calls = [
        call(
            f"call {number}",
            data.draw(st.sampled_from(STRATEGIES)),
            [data.draw(st.lists(st.sampled_from(everybody)))] * 2,
        )
        for number in range(data.draw(st.integers(1, 4)))
    ]
    scene, now = Scene(calls, []), 0.0
    for _ in range(data.draw(st.integers(1, 12))):
        now += data.draw(st.sampled_from([0.0, 1, 19, 20, 60]))
        scene.idle = data.draw(st.lists(st.sampled_from(everybody), unique=True))
        ringing_at = scene.at(now)
        for offered, member in ringing_at:
            of = next(each for each in calls if each.call == offered)
            assert member in scene.idle
            assert member in of.groups[0]
            assert now < 120
            if of.plan.strategy != "all":
                assert len([each for each in ringing_at if each[0] == offered]) == 1
        declined = {(each.call, each.member) for each in scene.offers if each.result == "declined"}
        assert not declined & ringing_at
        if data.draw(st.booleans()) and ringing_at:
            scene.decline(min(member for _, member in ringing_at))
