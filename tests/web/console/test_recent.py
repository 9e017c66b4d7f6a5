"""Missed calls beside the phone: who sees them, whose badge counts them, and who calls back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from db.call_progress import CallReport, TurnedAway
from db.engine import Database
from db.models import Call, Member
from db.queries.calls import Calls
from tests.kit.vendors.twilio_caller import CALLER
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
_numbers = count(1)


async def missed(database: Database, cast: Cast, caller: str = CALLER) -> Call:
    """A call outside hours."""
    sid = f"CA{next(_numbers):032}"
    async with database.begin() as session:
        rows = Calls(session, cast.a.id)
        number = cast.number
        call = await rows.open(
            sid,
            direction="inbound",
            from_number=caller,
            to_number=number.e164,
            number_id=number.id,
            customer=caller if caller.startswith("+") else None,
        )
        await rows.report(sid, TurnedAway("outside_hours"))
        await rows.report(sid, CallReport("completed", datetime.now(UTC)))
    return call


async def called_back(database: Database, cast: Cast, member: Member) -> Call:
    sid = f"CA{next(_numbers):032}"
    async with database.begin() as session:
        return await Calls(session, cast.a.id).open(
            sid,
            direction="outbound",
            from_number=cast.number.e164,
            to_number=CALLER,
            agent_id=member.id,
            customer=CALLER,
        )


async def listed(browser: Browser) -> tuple[int, list[tuple[str, str]]]:
    """What the list says: how many are new, and each entry's call and what its button knows."""
    text = await (await browser.get("/console/recent")).text()
    (unseen,) = re.findall(r'data-unseen="(\d+)"', text)
    return int(unseen), re.findall(r'data-call-back="([^"]*)" data-knows="([^"]*)"', text)


async def call_back(browser: Browser, call: UUID, knows: str = "") -> Mapping[str, Any]:
    answer = await browser.post(f"/console/recent/{call}/call-back", data={"knows": knows})
    assert answer.status == 200
    return dict(await answer.json())


async def test_every_agent_sees_the_organisations_missed_calls_and_nobody_else(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    call = await missed(database, cast)
    for member in (cast.bob, cast.dana, cast.sam, cast.alice):
        assert await listed(await browser().sign_in(member)) == (1, [(str(call.id), "")])
    charlie = await browser().sign_in(cast.charlie)
    assert await listed(charlie) == (0, [])
    assert (await charlie.post(f"/console/recent/{call.id}/call-back")).status == 404
    assert (await browser().get("/console/recent")).status in (302, 303, 401)


async def test_the_badge_counts_what_this_member_has_not_seen(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    await missed(database, cast)
    bob, dana = await browser().sign_in(cast.bob), await browser().sign_in(cast.dana)
    assert (await bob.post("/console/recent/seen")).status == 204
    assert ((await listed(bob))[0], (await listed(dana))[0]) == (0, 1)
    await missed(database, cast, "+61400000002")
    assert ((await listed(bob))[0], (await listed(dana))[0]) == (1, 2)


async def test_calling_back_is_claimed_by_one(browser: Browsers, cast: Cast, database: Database) -> None:
    call = await missed(database, cast)
    bob, dana = await browser().sign_in(cast.bob), await browser().sign_in(cast.dana)
    answers = await asyncio.gather(call_back(bob, call.id), call_back(dana, call.id))
    assert sorted(answer.get("refused", "") for answer in answers) == ["", "taken"]
    (won,) = [answer for answer in answers if "number" in answer]
    assert won == {"number": CALLER, "shown": "0412 345 678"}
    winner = bob if answers[0] is won else dana
    assert await call_back(winner, call.id) == won  # the phone was not ready: again


async def test_a_call_back_is_seen_by_the_others(browser: Browsers, cast: Cast, database: Database) -> None:
    call = await missed(database, cast)
    dana = await browser().sign_in(cast.dana)
    back = await called_back(database, cast, cast.bob)
    assert await listed(dana) == (0, [])  # Bob is on the phone with them
    assert (await call_back(dana, call.id, str(back.id)))["refused"] == "taken"
    async with database.begin() as session:
        await Calls(session, cast.a.id).report(back.call_sid, CallReport("completed", datetime.now(UTC)))
    assert await listed(dana) == (0, [(str(call.id), str(back.id))])
    assert (await call_back(dana, call.id))["refused"] == "taken"  # the page did not know of it yet
    assert (await call_back(dana, call.id, str(back.id)))["number"] == CALLER


@pytest.mark.parametrize(("caller", "refused"), [("+442079460958", "country"), ("anonymous", "invalid")])
async def test_who_may_not_be_dialled_is_not_called_back(
    browser: Browsers, cast: Cast, database: Database, caller: str, refused: str
) -> None:
    call = await missed(database, cast, caller)
    bob = await browser().sign_in(cast.bob)
    answer = await call_back(bob, call.id)
    assert (answer["refused"], "number" in answer) == (refused, False)
    assert answer["error"]


async def test_what_was_not_missed_cannot_be_called_back(browser: Browsers, cast: Cast, database: Database) -> None:
    bob = await browser().sign_in(cast.bob)
    back = await called_back(database, cast, cast.bob)
    for call in (back.id, uuid4(), "nonsense"):
        assert (await bob.post(f"/console/recent/{call}/call-back")).status == 404
    bob.csrf = ""
    assert (await bob.post("/console/recent/seen")).status == 403
