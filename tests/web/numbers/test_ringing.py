"""How a number rings: the form, the page, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.engine import Database
from db.queries.audit import TWILIO, AuditFilter, AuditLog, details_of
from db.queries.numbers import Numbers
from db.queries.phone.groups import Group, Groups
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.numbers import ringing_form
from web.numbers.ringing_form import place_field

Browsers = Callable[[], Browser]
FRONT, BACK = Group(UUID(int=1), "Front"), Group(UUID(int=2), "Back")
PLANS = [
    RingingPlan(),
    RingingPlan("all", 5, 10, "music", offers_callback=True, asks_consent=True, groups=(BACK.id, FRONT.id)),
    RingingPlan("fixed", 120, 3600, "position", groups=(FRONT.id,)),
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_plan_survives_its_form(plan: RingingPlan) -> None:
    found = ringing_form.read(ringing_form.typed(plan, [FRONT, BACK]), [FRONT, BACK])
    assert (found.plan, found.wrong) == (plan, {})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("strategy", ["", "random"]),
        ("waiting", ["", "silence"]),
        ("ring_seconds", ["", "4", "121", "-5", "5.5", "ten", "9" * 30, "٥٥"]),
        ("wait_seconds", ["", "9", "3601", "1e3"]),
        (place_field(FRONT.id), ["0", "1000", "first", "-1"]),
    ],
)
def test_what_is_wrong_is_said_at_its_field(field: str, values: list[str]) -> None:
    for value in values:
        sent = ringing_form.typed(RingingPlan(), [FRONT]) | {field: value}
        assert list(ringing_form.read(sent, [FRONT]).wrong) == [field]


def test_changes_are_recorded_by_field() -> None:
    names = {FRONT.id: "Front", BACK.id: "Back"}
    changed = ringing_form.changes(PLANS[0], PLANS[1], names)
    assert len(changed) == 7
    assert changed["groups"] == "everybody → Back, Front"
    assert ringing_form.changes(PLANS[1], PLANS[1], names) == {}


async def stored(database: Database, cast: Cast) -> RingingPlan:
    async with database.begin() as session:
        return await RingingPlans(session, cast.a.id).of(cast.number.id)


def form(**values: str) -> dict[str, str]:
    return ringing_form.typed(RingingPlan(), []) | values


async def test_saving_for_one_number_or_for_all(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        other = await Numbers(session, cast.a.id).add(e164="+61255501999", twilio_sid=f"PN{'c' * 32}")
        group = await Groups(session, cast.a.id).add("Front")
    alice = await browser().sign_in(cast.alice)
    path = f"/numbers/{cast.number.id}/ringing"
    assert (await alice.get(path)).status == 200
    sent: dict[str, Any] = {**form(strategy="all", wait_seconds="300"), place_field(group): "1"}
    assert (await alice.post(path, data=sent)).status == 303
    assert await stored(database, cast) == RingingPlan("all", wait_seconds=300, groups=(group,))
    async with database.begin() as session:
        rows = RingingPlans(session, cast.a.id)
        assert await rows.of(other.id) == RingingPlan()
        (entry,) = await AuditLog(session, cast.a.id, TWILIO).page(AuditFilter(action="number.ringing_changed"))
        assert details_of(entry)["groups"] == "everybody → Front"
    assert (await alice.post(path, data=form(waiting="music") | {"everywhere": "yes"})).status == 303
    async with database.begin() as session:
        rows = RingingPlans(session, cast.a.id)
        assert {each.waiting for each in (await rows.all()).values()} == {"music"}
        assert len(await rows.all()) == 2


async def test_a_wrong_form_is_shown_as_typed_and_changes_nothing(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post(f"/numbers/{cast.number.id}/ringing", data=form(ring_seconds="soon"))
    assert answer.status == 400
    page = await answer.text()
    assert 'value="soon"' in page
    assert 'aria-invalid="true"' in page
    assert await stored(database, cast) == RingingPlan()


async def test_only_for_who_may_and_only_ones_own(browser: Browsers, cast: Cast) -> None:
    alice, bob = await browser().sign_in(cast.alice), await browser().sign_in(cast.bob)
    assert (await bob.get(f"/numbers/{cast.number.id}/ringing")).status == 403
    for number in (cast.number_b.id, uuid4(), "nonsense"):
        assert (await alice.get(f"/numbers/{number}/ringing")).status == 404
        assert (await alice.post(f"/numbers/{number}/ringing", data=form())).status == 404
