"""Members who are away are switched off, see by whom, and come back by themselves."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from db.engine import Database
from db.queries.audit import AuditFilter, AuditLog, details_of
from tests.kit.web.cast import Cast
from tests.kit.web.phones import JSON, beat, come_on, command, page, standing_of
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]


async def test_who_is_away_is_switched_off_and_comes_back(browser: Browsers, cast: Cast, database: Database) -> None:
    await come_on(database, cast.bob)
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    async with page(bob) as shown:
        await shown.sees(lambda state: state["presence"]["state"] == "available")
        await command(sam, f"/helping/members/{cast.bob.id}/switch-off")
        await command(sam, f"/helping/members/{cast.bob.id}/switch-off")
        await shown.sees(lambda state: state["presence"]["state"] == "offline")
        assert shown.state["presence"]["by"] == "Sam Singh"
        await beat(bob)
        assert (await standing_of(database, cast.bob)).chosen == "offline"
        await command(bob, "/phone/presence", state="available")
        await shown.sees(lambda state: state["presence"]["by"] is None)
    assert (await standing_of(database, cast.bob)).chosen == "available"
    async with database.begin() as session:
        [entry] = await AuditLog(session, cast.a.id).page(AuditFilter(action="member.switched_off"))
    assert (entry.actor, details_of(entry)) == ("Sam Singh", {"member": "Bob Brown"})


async def test_who_chose_to_be_offline_was_switched_off_by_nobody(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    sam = await browser().sign_in(cast.sam)
    await command(sam, f"/helping/members/{cast.bob.id}/switch-off")
    assert (await standing_of(database, cast.bob)).switched_off_by is None


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("charlie", 404), ("sam", 200), ("alice", 200)])
async def test_supervisors_of_the_organisation_may(
    browser: Browsers, cast: Cast, database: Database, who: str, status: int
) -> None:
    await come_on(database, cast.bob)
    mine = await browser().sign_in(getattr(cast, who))
    await command(mine, f"/helping/members/{cast.bob.id}/switch-off", status)
    assert ((await standing_of(database, cast.bob)).chosen == "offline") == (status == 200)


async def test_nobody_is_switched_off_who_is_no_member(browser: Browsers, cast: Cast) -> None:
    sam = await browser().sign_in(cast.sam)
    answer = await sam.post(f"/helping/members/{uuid4()}/switch-off", json={}, headers=JSON)
    assert answer.status == 404
