"""Who rings, who answers first, and what the others are told: over HTTP, on the real database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from db.base import RingStrategy
from db.call_progress import TurnedAway
from db.engine import Database
from db.models import Member, Number
from db.queries.calls import Calls
from db.queries.phone.conferences import Conferences
from db.queries.phone.groups import Groups
from db.queries.phone.presence import Presences
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.web.cast import Cast
from tests.kit.web.phones import (
    JSON,
    beat,
    come_on,
    command,
    end_call,
    happens,
    joins,
    offers_of,
    page,
    pass_time,
    room_of,
    state_of,
    until,
    waiting_call,
)
from tests.kit.web.site import Browser, Site
from web.conferences import rooms
from web.conferences.machine.events import BeginTransfer, Claim, HangUp, Seen, Tick
from web.conferences.machine.room import Target, agent_label
from web.phone.dispatcher import DISPATCHER
from web.phone.presence import REACHABLE
from web.request import access

Browsers = Callable[[], Browser]
HOUR = timedelta(hours=1)


async def ring(
    database: Database, number: Number, strategy: RingStrategy, *groups: list[Member], **plan: Any
) -> None:
    """Set the number's plan; ``groups`` are made for it."""
    async with database.begin() as session:
        rows = Groups(session, number.organisation_id)
        made = []
        for place, members in enumerate(groups):
            made.append(await rows.add(f"Group {place}"))
            await rows.change(made[-1], f"Group {place}", [member.id for member in members])
        await RingingPlans(session, number.organisation_id).set(
            number.id, RingingPlan(strategy, groups=tuple(made), **plan)
        )


async def rung(database: Database, number: Number, call: UUID) -> set[UUID]:
    """At whom the call rings."""
    return {member for member, result in await offers_of(database, number, call) if result is None}


async def rings_at(database: Database, number: Number, call: UUID, *members: Member) -> None:
    """Wait until the call rings at exactly these."""
    wanted = {member.id for member in members}

    async def check() -> bool:
        return await rung(database, number, call) == wanted

    await until(check)


class TestRinging:
    """The dispatcher, woken by what changes."""

    async def test_the_longest_idle_is_rung_first_and_a_decline_passes_it_on(
        self, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob, cast.dana, idle=HOUR)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob)
        bob = await browser().sign_in(cast.bob)
        await command(bob, f"/phone/calls/{call}/decline")
        await rings_at(database, cast.number, call, cast.dana)
        await command(bob, f"/phone/calls/{call}/decline")
        assert await offers_of(database, cast.number, call) == [(cast.bob.id, "declined"), (cast.dana.id, None)]

    async def test_nobody_is_rung_who_cannot_hear_it(self, site: Site, cast: Cast, database: Database) -> None:
        await come_on(database, cast.bob, cast.dana, cast.sam, cast.alice, idle=HOUR)
        await pass_time(database, cast.bob, REACHABLE)
        talking = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, talking, cast.dana)
        await happens(site, cast.number, talking, Claim(cast.dana.id))
        other = await waiting_call(database, cast.number, "+61400000077")
        await rings_at(database, cast.number, other, cast.sam)

    async def test_all_at_once(self, site: Site, cast: Cast, database: Database) -> None:
        del site
        await ring(database, cast.number, "all", [cast.bob, cast.dana])
        await come_on(database, cast.bob, cast.dana, cast.sam)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob, cast.dana)

    async def test_whoever_comes_back_is_rung_for_who_waits(self, site: Site, cast: Cast, database: Database) -> None:
        del site
        await come_on(database, cast.bob)
        await pass_time(database, cast.bob, REACHABLE)
        call = await waiting_call(database, cast.number)
        assert await rung(database, cast.number, call) == set()
        await come_on(database, cast.bob)
        await rings_at(database, cast.number, call, cast.bob)

    @pytest.mark.parametrize(("is_there", "reason"), [(True, "nobody_answered"), (False, "nobody_available")])
    async def test_a_caller_who_waited_long_enough_goes_elsewhere_for_the_right_reason(
        self, site: Site, cast: Cast, database: Database, is_there: bool, reason: str
    ) -> None:
        await come_on(database, cast.bob)
        if not is_there:
            await pass_time(database, cast.bob, REACHABLE)
        await ring(database, cast.number, "longest_idle", wait_seconds=600, ring_seconds=5)
        call = await waiting_call(database, cast.number, waited=timedelta(seconds=31))
        if is_there:
            await rings_at(database, cast.number, call, cast.bob)
        await ring(database, cast.number, "longest_idle", wait_seconds=30, ring_seconds=5)

        async def is_elsewhere() -> bool:
            return (await room_of(database, cast.number, call)).phase == "elsewhere"

        await until(is_elsewhere)
        assert (await room_of(database, cast.number, call)).reason == reason
        assert await rung(database, cast.number, call) == set()
        del site

    async def test_who_sends_a_caller_elsewhere_locks_the_room_before_the_call(
        self, site: Site, cast: Cast, database: Database
    ) -> None:
        """Everybody else does: in another order they would wait for each other."""
        del site
        await come_on(database, cast.bob)
        await ring(database, cast.number, "longest_idle", wait_seconds=600, ring_seconds=5)
        call = await waiting_call(database, cast.number, waited=timedelta(seconds=31))
        await rings_at(database, cast.number, call, cast.bob)

        async def somebody_waits() -> bool:
            async with database.begin() as session:
                waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
                return bool(await session.scalar(waiting))

        async with database.begin() as session:
            stored = await Conferences(session, cast.a.id).get(call, locked=True)
            assert stored is not None
            await ring(database, cast.number, "longest_idle", wait_seconds=30, ring_seconds=5)
            await until(somebody_waits)
            await session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            assert await Calls(session, cast.a.id).report(stored.call_sid, TurnedAway("declined")) is not None

    async def test_a_call_that_nobody_could_ever_take_does_not_wait(
        self, site: Site, cast: Cast, database: Database
    ) -> None:
        del site
        call = await waiting_call(database, cast.number)

        async def is_elsewhere() -> bool:
            return (await room_of(database, cast.number, call)).phase == "elsewhere"

        await until(is_elsewhere)
        assert (await room_of(database, cast.number, call)).reason == "nobody_available"

    async def test_a_call_whose_room_was_being_changed_rings_as_soon_as_it_is_not(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob)
        await command(await browser().sign_in(cast.bob), f"/phone/calls/{call}/decline")
        async with database.begin() as session:
            await Conferences(session, cast.a.id).get(call, locked=True)
            await come_on(database, cast.dana)
            for _ in range(3):
                site.app[DISPATCHER].nudge(cast.a.id)
                await asyncio.sleep(0.1)
            assert await rung(database, cast.number, call) == set()
        await rings_at(database, cast.number, call, cast.dana)

    async def test_calls_of_others_do_not_ring_here(self, site: Site, cast: Cast, database: Database) -> None:
        del site
        await come_on(database, cast.bob, cast.charlie)
        call = await waiting_call(database, cast.number_b)
        await rings_at(database, cast.number_b, call, cast.charlie)

    async def test_a_transfer_rings_at_its_target_and_returns_when_declined(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob, cast.dana, cast.sam, idle=HOUR)
        call = await waiting_call(database, cast.number)
        bob, dana, sam = [await browser().sign_in(each) for each in (cast.bob, cast.dana, cast.sam)]
        await command(bob, f"/phone/calls/{call}/claim")
        await joins(site, cast.number, call, cast.bob)
        await happens(
            site, cast.number, call, BeginTransfer(cast.bob.id, "warm", Target("member", cast.dana.id), seconds=60)
        )
        await rings_at(database, cast.number, call, cast.dana)
        await command(sam, f"/phone/calls/{call}/claim", 409)
        await command(dana, f"/phone/calls/{call}/decline")
        room = await room_of(database, cast.number, call)
        assert (room.transfer, room.problem) == (None, "declined")

    async def test_a_transfer_to_nobody_returns_at_once(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob)
        call = await waiting_call(database, cast.number)
        await command(await browser().sign_in(cast.bob), f"/phone/calls/{call}/claim")
        await joins(site, cast.number, call, cast.bob)
        await happens(
            site, cast.number, call, BeginTransfer(cast.bob.id, "blind", Target("member", cast.dana.id), seconds=60)
        )

        async def is_back() -> bool:
            return (await room_of(database, cast.number, call)).transfer is None

        await until(is_back)
        assert (await room_of(database, cast.number, call)).problem == "nobody_available"


class TestClaiming:
    """The first wins."""

    async def test_of_many_who_answer_at_once_one_wins_and_the_others_are_told_by_whom(
        self, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        everybody = [cast.bob, cast.dana, cast.sam, cast.alice]
        await ring(database, cast.number, "all", everybody)
        await come_on(database, *everybody)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, *everybody)
        pages = {each.name: await browser().sign_in(each) for each in everybody}
        answers = await asyncio.gather(
            *(each.post(f"/phone/calls/{call}/claim", json={}, headers=JSON) for each in pages.values())
        )
        winners = [name for name, answer in zip(pages, answers, strict=True) if answer.status == 200]
        assert len(winners) == 1
        refused = [await answer.json() for answer in answers if answer.status != 200]
        assert [(each["code"], each["by"]) for each in refused] == [("taken", winners[0])] * 3
        results = sorted(str(result) for _, result in await offers_of(database, cast.number, call))
        assert results == ["claimed", "taken", "taken", "taken"]

    async def test_a_doubled_click_is_one_claim(self, browser: Browsers, cast: Cast, database: Database) -> None:
        await come_on(database, cast.bob)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob)
        bob = await browser().sign_in(cast.bob)
        for _ in range(2):
            await command(bob, f"/phone/calls/{call}/claim")
        assert (await room_of(database, cast.number, call)).agent == cast.bob.id
        assert await offers_of(database, cast.number, call) == [(cast.bob.id, "claimed")]

    async def test_nobody_answers_two_calls_at_once(self, browser: Browsers, cast: Cast, database: Database) -> None:
        await ring(database, cast.number, "all")
        await come_on(database, cast.bob, cast.dana)
        calls = [await waiting_call(database, cast.number, f"+6140000007{place}") for place in range(2)]
        for call in calls:
            await rings_at(database, cast.number, call, cast.bob, cast.dana)
        bob = await browser().sign_in(cast.bob)
        answers = await asyncio.gather(
            *(bob.post(f"/phone/calls/{call}/claim", json={}, headers=JSON) for call in calls)
        )
        assert sorted(answer.status for answer in answers) == [200, 409]
        (refused,) = [await answer.json() for answer in answers if answer.status == 409]
        assert refused["code"] == "busy"
        agents = [(await room_of(database, cast.number, call)).agent for call in calls]
        assert sorted(map(str, agents)) == sorted([str(cast.bob.id), "None"])

    async def test_a_claim_without_a_phone_changes_nothing(
        self, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob, cast.dana)
        await pass_time(database, cast.bob, REACHABLE)
        call = await waiting_call(database, cast.number)
        bob = await browser().sign_in(cast.bob)
        assert (await command(bob, f"/phone/calls/{call}/pick", 409))["code"] == "no_phone"
        assert (await room_of(database, cast.number, call)).agent is None
        await beat(bob)
        await command(bob, f"/phone/calls/{call}/pick")
        assert (await room_of(database, cast.number, call)).agent == cast.bob.id

    async def test_whose_page_opens_again_has_their_call_back_before_the_phone_could_ring(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob, cast.dana, idle=HOUR)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob)
        bob = await browser().sign_in(cast.bob)
        await command(bob, f"/phone/calls/{call}/claim")
        sid = await joins(site, cast.number, call, cast.bob)
        async with database.begin() as session:
            rows = Presences(session, cast.a.id)
            before = await rows.locked(cast.bob.id)
            assert before is not None
            await rows.store(cast.bob.id, replace(before, registered=False))
        conference, label = f"CF{call.hex}", agent_label(cast.bob.id)
        left = Seen("leave", conference, 2, sid, label, held=False, muted=False, call_over=True)
        assert (await happens(site, cast.number, call, left)).phase == "alone"
        await rings_at(database, cast.number, call, cast.bob)
        await command(bob, f"/phone/calls/{call}/claim")
        assert (await room_of(database, cast.number, call)).agent == cast.bob.id

    async def test_whose_softphone_does_not_join_loses_the_call_again(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob, cast.dana, idle=HOUR)
        call = await waiting_call(database, cast.number)
        await rings_at(database, cast.number, call, cast.bob)
        await command(await browser().sign_in(cast.bob), f"/phone/calls/{call}/claim")
        async with access.by_fact(site.app, cast.a.id) as rows:
            await rooms.apply(rows, call, Tick(), rooms.now_ms() + 11_000)
        await rings_at(database, cast.number, call, cast.dana)

    @pytest.mark.parametrize("path", ["claim", "pick", "decline"])
    async def test_a_call_of_somebody_else_or_of_nobody(
        self, browser: Browsers, cast: Cast, database: Database, path: str
    ) -> None:
        await come_on(database, cast.bob, cast.charlie)
        call = await waiting_call(database, cast.number_b)
        bob = await browser().sign_in(cast.bob)
        for other in (call, uuid4(), "nonsense"):
            assert (await bob.post(f"/phone/calls/{other}/{path}", json={}, headers=JSON)).status == 404
        assert (await room_of(database, cast.number_b, call)).agent is None

    async def test_a_call_that_is_over(self, site: Site, browser: Browsers, cast: Cast, database: Database) -> None:
        await come_on(database, cast.bob)
        call = await waiting_call(database, cast.number)
        await end_call(site, database, cast.number, call)
        bob = await browser().sign_in(cast.bob)
        assert (await command(bob, f"/phone/calls/{call}/claim", 409))["code"] == "over"


class TestWrapUp:
    """The time after a call."""

    async def test_nobody_is_rung_before_it_ends(
        self, site: Site, browser: Browsers, cast: Cast, database: Database
    ) -> None:
        await come_on(database, cast.bob)
        call = await waiting_call(database, cast.number)
        bob = await browser().sign_in(cast.bob)
        await command(bob, f"/phone/calls/{call}/claim")
        await joins(site, cast.number, call, cast.bob)
        await happens(site, cast.number, call, HangUp(cast.bob.id))
        await end_call(site, database, cast.number, call)
        await beat(bob)
        assert await state_of(database, cast.bob) == "wrap_up"
        other = await waiting_call(database, cast.number, "+61400000088")
        async with page(bob) as shown:
            await shown.sees(lambda state: len(state["waiting"]) == 1)
        assert await rung(database, cast.number, other) == set()
        await pass_time(database, cast.bob, timedelta(seconds=31))
        await beat(bob)
        await rings_at(database, cast.number, other, cast.bob)
