"""Groups: made, changed and removed by who may, with everything else kept out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

import pytest

from db.engine import Database
from db.models import Member
from db.queries.members import Members
from db.queries.phone.groups import Group, Groups
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.people.groups import LONGEST_NAME, place_field

Browsers = Callable[[], Browser]


async def groups(database: Database, organisation_id: UUID) -> Sequence[Group]:
    async with database.begin() as session:
        return await Groups(session, organisation_id).all()


async def made(browser: Browser, database: Database, cast: Cast, name: str = "Front") -> Group:
    assert (await browser.post("/team/groups", data={"name": name})).status == 303
    return next(each for each in await groups(database, cast.a.id) if each.name == name)


def places(*members: Member) -> dict[str, str]:
    return {place_field(member): str(place) for place, member in enumerate(members, 1)}


async def test_a_group_from_its_making_to_its_removal(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    group = await made(alice, database, cast)
    path = f"/team/groups/{group.id}"
    assert (await alice.post(path, data={"name": "Desk", **places(cast.dana, cast.bob)})).status == 303
    (changed,) = await groups(database, cast.a.id)
    assert (changed.name, changed.members) == ("Desk", (cast.dana.id, cast.bob.id))
    async with database.begin() as session:
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(groups=(group.id,)))
    page = await (await alice.get("/team/groups")).text()
    assert 'value="Desk"' in page
    assert (await alice.post(f"{path}/remove")).status == 303
    assert await groups(database, cast.a.id) == []
    async with database.begin() as session:
        assert (await RingingPlans(session, cast.a.id).of(cast.number.id)).groups == ()


async def test_who_is_removed_from_the_team_is_in_no_group(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    group = await made(alice, database, cast)
    await alice.post(f"/team/groups/{group.id}", data={"name": "Front", **places(cast.bob, cast.dana)})
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await groups(database, cast.a.id))[0].members == (cast.dana.id,)


async def test_members_of_another_organisation_do_not_come_in(cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        rows = Groups(session, cast.a.id)
        group = await rows.add("Front")
        await rows.change(group, "Front", [cast.charlie.id, cast.bob.id, uuid4()])
        await Groups(session, cast.b.id).change(group, "Taken", [cast.charlie.id])
        await Groups(session, cast.b.id).remove(group)
    assert [(each.name, each.members) for each in await groups(database, cast.a.id)] == [("Front", (cast.bob.id,))]


@pytest.mark.parametrize("name", ["", "   ", "front", "x" * (LONGEST_NAME + 1)])
async def test_a_name_is_one_of_its_own(browser: Browsers, cast: Cast, database: Database, name: str) -> None:
    alice = await browser().sign_in(cast.alice)
    group, other = await made(alice, database, cast), await made(alice, database, cast, "Back")
    assert (await alice.post("/team/groups", data={"name": name})).status == 400
    assert (await alice.post(f"/team/groups/{other.id}", data={"name": name})).status == 400
    assert {each.id for each in await groups(database, cast.a.id)} == {group.id, other.id}


async def test_a_wrong_place_is_shown_as_typed(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    group = await made(alice, database, cast)
    answer = await alice.post(f"/team/groups/{group.id}", data={"name": "Front", place_field(cast.bob): "first"})
    assert answer.status == 400
    assert 'value="first"' in await answer.text()
    assert (await groups(database, cast.a.id))[0].members == ()


async def test_only_for_who_may_and_only_ones_own(browser: Browsers, cast: Cast, database: Database) -> None:
    alice, bob, charlie = [await browser().sign_in(each) for each in (cast.alice, cast.bob, cast.charlie)]
    group = await made(alice, database, cast)
    assert (await bob.get("/team/groups")).status == 403
    assert (await bob.post("/team/groups", data={"name": "Back"})).status == 403
    for path in (f"/team/groups/{group.id}", f"/team/groups/{group.id}/remove", f"/team/groups/{uuid4()}"):
        assert (await charlie.post(path, data={"name": "Mine"})).status == 404
