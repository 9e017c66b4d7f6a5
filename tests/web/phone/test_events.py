"""The event stream of a phone: whole, then by changes; woken by Postgres alone; bounded; ended with the sign-in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from db.engine import Database, asyncpg_dsn
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.phone.groups import Groups
from db.queries.phone.presence import Presences
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.vendors.twilio_caller import CALLER
from tests.kit.web.cast import Cast
from tests.kit.web.phones import JSON, beat, come_on, command, happens, joins, page, waiting_call
from tests.kit.web.site import Browser, Site
from web.conferences.machine.events import BeginTransfer
from web.conferences.machine.room import Target
from web.phone.boards import BOARDS, MOST_OF_MEMBER, Timing

Browsers = Callable[[], Browser]
HOUR = timedelta(hours=1)
PARTS = {
    *(
        "now",
        "presence",
        "breaks",
        "offers",
        "call",
        "wrap_up",
        "help",
        "live",
        "helping",
        "helped",
        "waiting",
        "waiting_total",
        "team",
        "groups",
        "group_members",
    ),
}


@pytest.fixture(autouse=True)
def patient(site: Site) -> None:
    """No look without a nudge during a test, unless it asks for one."""
    site.app[BOARDS].timing = Timing(look=600)


def states(state: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["state"] for each in state["team"]}


async def test_a_page_opens_with_the_whole_state(browser: Browsers, cast: Cast, database: Database) -> None:
    await come_on(database, cast.bob)
    async with page(await browser().sign_in(cast.bob)) as shown:
        assert (await shown.next()).keys() == PARTS
    assert shown.state["presence"]["state"] == "available"
    assert (shown.state["offers"], shown.state["call"], shown.state["wrap_up"]) == ([], None, None)
    assert states(shown.state) == {
        "Alice Ashby": "offline",
        "Bob Brown": "available",
        "Dana Dow": "offline",
        "Sam Singh": "offline",
    }


async def test_a_call_from_ringing_to_talking_as_each_sees_it(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep({CALLER: "Mia Moore"})
    await come_on(database, cast.bob, cast.dana, idle=HOUR)
    await waiting_call(database, cast.number)
    bob, dana = await browser().sign_in(cast.bob), await browser().sign_in(cast.dana)
    async with page(bob) as bobs, page(dana) as danas:
        await bobs.sees(lambda state: len(state["offers"]) == 1)
        (offer,) = bobs.state["offers"]
        assert (offer["kind"], offer["caller"]["name"], offer["line"]) == ("call", "Mia Moore", "(02) 5550 1234")
        assert offer["until"] > offer["since"]
        await danas.sees(lambda state: state["waiting_total"] == 1)
        assert danas.state["waiting"][0]["position"] == 1
        assert danas.state["offers"] == []
        await command(bob, f"/phone/calls/{offer['call']}/claim")
        await bobs.sees(lambda state: state["call"] is not None and state["offers"] == [])
        assert (bobs.state["call"]["phase"], bobs.state["call"]["joined"]) == ("claimed", False)
        await danas.sees(lambda state: state["waiting_total"] == 0 and states(state)["Bob Brown"] == "on_call")
        await joins(site, cast.number, UUID(offer["call"]), cast.bob)
        await bobs.sees(lambda state: state["call"]["joined"])
        parties = {each["kind"]: each["name"] for each in bobs.state["call"]["parties"]}
        assert parties == {"customer": "Mia Moore", "agent": "Bob Brown"}
        assert danas.state["call"] is None


@pytest.mark.parametrize("notes_on", [True, False])
async def test_the_latest_notes_are_shown_as_it_rings_where_notes_are_kept(
    browser: Browsers, cast: Cast, database: Database, notes_on: bool
) -> None:
    async with database.begin() as session:
        (await session.merge(cast.a)).notes_on = notes_on
        contacts, notes = Contacts(session, cast.a.id), ContactNotes(session, cast.a.id)
        mia = await contacts.add("Mia Moore", "+61293744000")
        other = await contacts.give(mia, CALLER)
        for number in range(4):
            await notes.add(mia.id if number % 2 else other.id, cast.sam.id, f"note {number}")
    await come_on(database, cast.bob)
    await waiting_call(database, cast.number)
    async with page(await browser().sign_in(cast.bob)) as shown:
        await shown.sees(lambda state: len(state["offers"]) == 1)
        noted = shown.state["offers"][0]["noted"]
        assert not any("note 3" in str(each) for each in shown.state["waiting"])  # which everybody sees
    expected = [("note 3", "Sam Singh"), ("note 2", "Sam Singh"), ("note 1", "Sam Singh")] if notes_on else []
    assert [(each["text"], each["by"]) for each in noted] == expected


async def test_who_may_see_all_calls_sees_who_asks_for_help(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    await come_on(database, cast.bob)
    call = await waiting_call(database, cast.number)
    bob, sam = await browser().sign_in(cast.bob), await browser().sign_in(cast.sam)
    await command(bob, f"/phone/calls/{call}/claim")
    await joins(site, cast.number, call, cast.bob)
    async with page(bob) as bobs, page(sam) as sams:
        await command(bob, f"/phone/calls/{call}/help")
        await sams.sees(lambda state: len(state["help"]) == 1)
        asked = {"call": str(call), "member": str(cast.bob.id), "name": "Bob Brown", "state": "asked"}
        assert sams.state["help"][0].pop("call_sid").startswith("CA")
        assert sams.state["help"] == [asked]
        await command(sam, f"/phone/calls/{call}/help/acknowledge")
        await bobs.sees(lambda state: (state["call"] or {}).get("help") == "acknowledged")
        assert bobs.state["help"] == []


async def test_who_may_see_all_calls_sees_whose_each_is(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    await come_on(database, cast.bob)
    call = await waiting_call(database, cast.number)
    bob, sam = await browser().sign_in(cast.bob), await browser().sign_in(cast.sam)
    async with page(bob) as bobs, page(sam) as sams:
        await sams.sees(lambda state: [each["rings"] for each in state["live"]] == [True])
        [live] = sams.state["live"]
        waiting = sams.state["waiting"][0]
        assert (live["call"], live["number"], live["line"]) == (
            *(str(call), waiting["caller"]["number"]),
            waiting["line"],
        )
        assert live["call_sid"].startswith("CA")
        await command(bob, f"/phone/calls/{call}/claim")
        await joins(site, cast.number, call, cast.bob)
        await sams.sees(lambda state: [each["rings"] for each in state["live"]] == [False])
        await bobs.sees(lambda state: state["call"] is not None)
        assert bobs.state["live"] == []


async def test_who_may_see_all_calls_sees_whose_group_each_concerns(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        groups = Groups(session, cast.a.id)
        bookings, accounts = await groups.add("Bookings"), await groups.add("Accounts")
        await groups.change(bookings, "Bookings", [cast.bob.id])
        await groups.change(accounts, "Accounts", [cast.dana.id])
        plan = RingingPlan(groups=(bookings,), wait_seconds=3600)
        await RingingPlans(session, cast.a.id).set(cast.number.id, plan)
    await come_on(database, cast.bob, cast.dana)
    call = await waiting_call(database, cast.number)
    bob, sam = await browser().sign_in(cast.bob), await browser().sign_in(cast.sam)
    async with page(bob) as bobs, page(sam) as sams:
        await sams.sees(lambda state: [each["groups"] for each in state["live"]] == [[str(bookings)]])
        assert [each["groups"] for each in sams.state["waiting"]] == [[str(bookings)]]
        assert sams.state["group_members"] == [
            {"id": str(accounts), "name": "Accounts", "members": [str(cast.dana.id)]},
            {"id": str(bookings), "name": "Bookings", "members": [str(cast.bob.id)]},
        ]
        await bobs.sees(lambda state: len(state["offers"]) == 1)
        assert bobs.state["group_members"] == []
        await command(bob, f"/phone/calls/{call}/claim")
        await joins(site, cast.number, call, cast.bob)
        await sams.sees(lambda state: [each["groups"] for each in state["live"]] == [[]])
        handed = BeginTransfer(cast.bob.id, "blind", Target("group", accounts), 60)
        await happens(site, cast.number, call, handed)
        await sams.sees(lambda state: [each["groups"] for each in state["live"]] == [[str(accounts)]])


async def test_a_caller_who_is_turned_away_blinds_nobody(browser: Browsers, cast: Cast, database: Database) -> None:
    async with page(await browser().sign_in(cast.sam)) as sams:
        await waiting_call(database, cast.number)  # nobody is there who could be rung
        await sams.sees(lambda state: [each["rings"] for each in state["live"]] == [False])
        await come_on(database, cast.bob)
        await sams.sees(lambda state: states(state)["Bob Brown"] == "available")


async def test_a_quiet_stream_beats(site: Site, browser: Browsers, cast: Cast) -> None:
    site.app[BOARDS].timing = Timing(look=600, beat=0.2)
    async with page(await browser().sign_in(cast.bob)) as shown:
        await shown.sees(lambda state: state.keys() == PARTS)
        assert (await shown.next()).keys() == {"now"}


async def test_looks_that_change_nothing_put_off_no_beat(site: Site, browser: Browsers, cast: Cast) -> None:
    site.app[BOARDS].timing = Timing(look=0.05, beat=0.2)
    async with page(await browser().sign_in(cast.bob)) as shown:
        while (await shown.next()).keys() != {"now"}:
            pass


async def test_who_called_before_is_told_and_who_withholds_the_number_is_nobody(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    del site
    await come_on(database, cast.bob)
    for caller in (CALLER, CALLER, "anonymous"):
        await waiting_call(database, cast.number, caller)
    async with page(await browser().sign_in(cast.bob)) as shown:
        await shown.sees(lambda state: state["waiting_total"] == 3)
    assert [each["caller"]["number"] for each in shown.state["waiting"]] == ["0412 345 678"] * 2 + [None]
    wishes = {"do_not_call": False, "do_not_transcribe": False}
    nobody = {"number": None, "name": None, "calls": 0, "more_calls": False, "last": None}
    assert shown.state["waiting"][2]["caller"] == {**nobody, **wishes}


async def test_another_organisation_sees_nothing_of_it(browser: Browsers, cast: Cast, database: Database) -> None:
    await come_on(database, cast.bob, cast.charlie)  # whom nobody could answer is not kept waiting
    async with page(await browser().sign_in(cast.charlie)) as shown:
        await shown.next()
        await waiting_call(database, cast.number)
        await waiting_call(database, cast.number_b)
        await shown.sees(lambda state: state["waiting_total"] == 1)
    assert shown.state["waiting"][0]["line"] == "(03) 5550 9876"
    assert list(states(shown.state)) == ["Charlie Cho"]


@pytest.mark.parametrize("path", ["/sign-out", "/account/sign-out"])
async def test_a_stream_ends_with_the_sign_in(site: Site, browser: Browsers, cast: Cast, path: str) -> None:
    site.app[BOARDS].timing = Timing(check=0.2, beat=0.2)
    bob = await browser().sign_in(cast.bob)
    async with page(bob) as shown:
        await shown.next()
        assert (await bob.post(path)).status == 303
        await shown.ended()


async def test_a_stream_ends_with_membership(site: Site, browser: Browsers, cast: Cast) -> None:
    bob, alice = await browser().sign_in(cast.bob), await browser().sign_in(cast.alice)
    async with page(bob) as shown:
        await shown.next()
        assert (await alice.post(f"/team/{cast.bob.id}/remove")).status == 303
        await shown.ended()
    assert site.app[BOARDS].listeners(cast.a.id) == 0


async def test_streams_are_bounded_and_end_in_time(site: Site, browser: Browsers, cast: Cast) -> None:
    site.app[BOARDS].timing = Timing(stream=3600, beat=1)
    bob = await browser().sign_in(cast.bob)
    async with AsyncExitStack() as stack:
        for _ in range(MOST_OF_MEMBER):
            await (await stack.enter_async_context(page(bob))).next()
        refused = await bob.get("/phone/events", headers=JSON)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        async with page(await browser().sign_in(cast.dana)) as danas:
            await danas.next()
            site.app[BOARDS].close()
            await danas.ended()


async def test_a_stream_comes_to_an_end(site: Site, browser: Browsers, cast: Cast) -> None:
    site.app[BOARDS].timing = Timing(stream=0.5)
    async with page(await browser().sign_in(cast.bob)) as shown:
        await shown.ended()


async def test_a_broken_connection_to_postgres_is_made_again_and_nothing_is_missed(
    browser: Browsers, cast: Cast, database: Database, owner_url: str
) -> None:
    bob = await browser().sign_in(cast.bob)
    async with page(bob) as shown:
        await shown.next()
        owner = await asyncpg.connect(asyncpg_dsn(owner_url))
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = $1",
            "SELECT 'listening'",
        )
        await owner.close()
        await beat(bob)
        await command(bob, "/phone/presence", state="available")
        await shown.sees(lambda state: state["presence"]["state"] == "available")
        await command(bob, "/phone/presence", state="offline")
        await shown.sees(lambda state: state["presence"]["state"] == "offline")
    del database


async def test_somebody_becomes_unreachable_without_anything_happening(
    site: Site, browser: Browsers, cast: Cast, database: Database
) -> None:
    site.app[BOARDS].timing = Timing(look=0.2)
    site.app[BOARDS].nudge_all()
    async with database.begin() as session:
        rows = Presences(session, cast.a.id)
        before, now = await rows.locked(cast.bob.id), await rows.now()
        assert before is not None
        almost = now - timedelta(seconds=11)
        ready = {"chosen": "available", "beat_at": almost, "registered": True, "microphone": True, "console": "desk"}
        await rows.store(cast.bob.id, replace(before, since=almost, **ready))  # type: ignore[arg-type]

    async with page(await browser().sign_in(cast.dana)) as shown:
        await shown.sees(lambda state: states(state)["Bob Brown"] == "unreachable")


async def test_nothing_without_a_sign_in(browser: Browsers) -> None:
    assert (await browser().get("/phone/events", headers=JSON)).status == 401
