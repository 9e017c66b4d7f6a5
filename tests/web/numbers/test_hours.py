"""The page of a number's opening hours: who may use it, what is saved, and what is recorded."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from db.engine import Database
from db.queries.answering_plans import Alternative, AnsweringPlans, Plan
from db.queries.numbers import Numbers
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
YEARS_AWAY = f"{datetime.now(UTC).year + 2}-12-24"
WEEK = {"open": "hours", "monday": "9-17", "tuesday": "9-12, 13-17", "zone": "Australia/Perth", "region": "WA"}
FORM = WEEK | {
    "own-0-first": YEARS_AWAY,
    "own-0-name": "Shutdown <b>",
    "closed_announcement": "We are closed.",
    "closed_overflow": "0412 345 678",
}


def _path(cast: Cast) -> str:
    return f"/numbers/{cast.number.id}/hours"


async def _plans(database: Database, cast: Cast) -> dict[str, Plan]:
    async with database.begin() as session:
        plans = await AnsweringPlans(session, cast.a.id).all()
        return {
            number.e164: plans[number.id] for number in await Numbers(session, cast.a.id).all() if number.id in plans
        }


async def test_hours_are_saved_shown_and_recorded(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(_path(cast), data=FORM)).status == 303
    plan = (await _plans(database, cast))[cast.number.e164]
    assert plan.week == (((540, 1020),), ((540, 720), (780, 1020)), (), (), (), (), ())
    assert (plan.time_zone, plan.region, plan.own_days[0].name) == ("Australia/Perth", "WA", "Shutdown <b>")
    assert plan.closed == Alternative(FORM["closed_announcement"], "+61412345678")
    page = await (await alice.get(_path(cast))).text()
    assert html.escape("Shutdown <b>") in page
    assert 'value="9:00–12:00, 13:00–17:00"' in page
    (entry,) = await recorded(database, cast.a, "number.answering_changed")
    assert entry["number"] == cast.number.e164
    assert {"hours", "time_zone", "public_holidays", "own_days", "overflow_outside_hours"} <= set(entry)
    assert (await alice.post(_path(cast), data=FORM)).status == 303
    assert len(await recorded(database, cast.a, "number.answering_changed")) == 1  # nothing has changed


async def test_the_page_of_numbers_says_whether_each_is_open(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    state = r'class="now" data-state="(\w+)"'
    assert re.findall(state, await (await alice.get("/numbers")).text()) == ["open"]
    never = {"open": "hours", "own-0-first": YEARS_AWAY, "own-0-name": "x", "own-0-hours": "9-10"}
    assert (await alice.post(_path(cast), data=never)).status == 303
    page = await (await alice.get("/numbers")).text()
    assert re.findall(state, page) == ["closed"]
    assert f'href="{_path(cast)}"' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("monday", "9-5"),
        ("own-0-hours", "soon"),
        ("closed_overflow", "1900 123 456"),
        ("closed_overflow", "+61255501234"),  # the number itself
        ("unanswered_overflow", "(03) 5550 9876"),  # another organisation's here
    ],
)
async def test_with_anything_wrong_nothing_is_saved_and_nothing_lost(
    browser: Browsers, cast: Cast, database: Database, field: str, value: str
) -> None:
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post(_path(cast), data=FORM | {field: value})
    page = html.unescape(await answer.text())
    assert answer.status == 400
    found = re.search(rf'<input[^>]* name="{field}"[^>]*>', page)
    assert found is not None
    assert 'aria-invalid="true"' in found[0]
    assert f'value="{value}"' in found[0]
    assert FORM["closed_announcement"] in page
    assert await _plans(database, cast) == {}


async def test_hours_may_be_saved_for_all_numbers(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).add(e164="+61255505678", twilio_sid=None)
    alice = await browser().sign_in(cast.alice)
    await alice.post(_path(cast), data=WEEK)
    assert set(await _plans(database, cast)) == {cast.number.e164}
    await alice.post(_path(cast), data=WEEK | {"everywhere": "yes"})
    plans = await _plans(database, cast)
    assert set(plans) == {cast.number.e164, "+61255505678"}
    assert len(set(map(repr, plans.values()))) == 1
    assert len(await recorded(database, cast.a, "number.answering_changed")) == 2


async def test_only_who_runs_the_numbers_may(browser: Browsers, cast: Cast, database: Database) -> None:
    for member, status in ((cast.bob, 403), (cast.sam, 403), (cast.charlie, 404)):
        other = await browser().sign_in(member)
        assert (await other.get(_path(cast))).status == status
        assert (await other.post(_path(cast), data=WEEK)).status == status
    alice = await browser().sign_in(cast.alice)
    assert (await alice.get("/numbers/nonsense/hours")).status == 404
    alice.csrf = ""
    assert (await alice.post(_path(cast), data=WEEK)).status == 403
    assert await _plans(database, cast) == {}
