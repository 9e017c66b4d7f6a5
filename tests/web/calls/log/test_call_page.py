"""The page of one call: who may see it, what happened in it, and who watched."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, update

from db.call_progress import CallReport, LegReport
from db.engine import Database
from db.models import Call, Leg, Offer as OfferRow
from db.queries.calls import Calls
from db.queries.contacts.contacts import Contacts
from db.queries.log.call_moments import CallMoments, Moment
from protocol.messages import Delay, GapReport
from protocol.times import milliseconds
from tests.kit.vendors.twilio_caller import stands
from tests.kit.web.cast import Cast
from tests.kit.web.phones import JSON
from tests.kit.web.site import Browser
from web.calls.log.course import why_no_words

Browsers = Callable[[], Browser]
SID = "CA" + "7" * 32
CUSTOMER = "+61412345678"


async def _call(database: Database, cast: Cast) -> UUID:
    """A call that rang at Dana, then at Bob, was held once, and passed on to Dana; Sam listened."""
    async with database.begin() as session:
        calls, moments = Calls(session, cast.a.id), CallMoments(session, cast.a.id)
        ends = {"from_number": CUSTOMER, "to_number": cast.number.e164, "number_id": cast.number.id}
        call = await calls.open(SID, direction="inbound", customer=CUSTOMER, **ends)  # type: ignore[arg-type]
        began, common = call.started_at, {"organisation_id": cast.a.id, "call_id": call.id}

        def after(seconds: int) -> datetime:
            return began + timedelta(seconds=seconds)

        rang = [(cast.dana, 8, 20, "declined"), (cast.bob, 20, 25, "claimed")]
        for member, offered, ended, result in rang:
            row = {"member_id": member.id, "offered_at": after(offered), "until": after(40), "ended_at": after(ended)}
            session.add(OfferRow(id=uuid4(), result=result, **row, **common))
        await calls.report(SID, LegReport("in-progress", after(25), member_id=cast.bob.id))
        await calls.set_transcription(SID, "transcribing")
        await calls.set_hold(SID, on_hold=True, at=after(60))
        await calls.set_hold(SID, on_hold=False, at=after(90))
        await moments.note(call.id, Moment(after(91), "transfer", cast.dana.id, "warm member"))
        await moments.note(call.id, Moment(after(100), "transferred", cast.dana.id, "warm member"))
        for member, role, joined, left in (
            (cast.bob, "agent", 25, 100),
            (cast.dana, "agent", 95, 124),
            (cast.sam, "supervisor", 50, 70),
        ):
            row = {"member_id": member.id, "joined_at": after(joined), "left_at": after(left)}
            session.add(Leg(leg_sid=f"CA{uuid4().hex}", role=role, status="completed", **row, **common))
        await calls.report(SID, CallReport("completed", after(125), duration_s=125))
        await Contacts(session, cast.a.id).keep({CUSTOMER: "Erin Example"})
        return call.id


async def test_the_page_tells_the_course_and_the_times_apart(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    call = await _call(database, cast)
    alice = await browser().sign_in(cast.alice)
    assert f'href="/calls/{call}"' in await (await alice.get("/calls")).text()
    page = await alice.page(f"/calls/{call}")
    course = [each for each in page.data("event") if each != "words"]
    assert course == [
        *("began", "rang", "rang", "answered", "joined", "joined", "held", "left"),
        *("transfer", "joined", "left", "transfer", "left", "ended"),
    ]
    text = await (await alice.get(f"/calls/{call}")).text()
    times = {
        name: text.split(f'data-time="{name}">')[1].split("<")[0]
        for name in ("prompt", "ringing", "waited", "talked", "held")
    }
    assert times == {"prompt": "0:08", "ringing": "0:17", "waited": "0:25", "talked": "1:10", "held": "0:30"}
    assert "Erin Example" in text
    assert page.data("outcome") == ["answered"]
    assert page.data("untranscribed") == []


async def test_who_may_see_it(cast: Cast, database: Database, browser: Browsers) -> None:
    call = await _call(database, cast)
    async with database.begin() as session:
        await session.execute(update(Leg).where(Leg.member_id == cast.dana.id).values(joined_at=None))
    who = (cast.alice, cast.sam, cast.bob, cast.dana, cast.charlie)
    seen = {
        each.name.split()[0]: (await (await browser().sign_in(each)).get(f"/calls/{call}")).status for each in who
    }
    assert seen == {"Alice": 200, "Sam": 200, "Bob": 200, "Dana": 404, "Charlie": 404}
    async with database.begin() as session:
        now = datetime.now(UTC)
        await session.execute(update(Leg).where(Leg.member_id == cast.dana.id).values(joined_at=now))
    dana = await browser().sign_in(cast.dana)
    assert (await dana.get(f"/calls/{call}")).status == 200  # it was passed on to her
    assert (await dana.get(f"/calls/{uuid4()}")).status == 404
    assert (await dana.get("/calls/nothing")).status == 404


async def test_agents_see_who_watched_where_their_organisation_shows_it(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    call = await _call(database, cast)
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    assert (await sam.post(f"/helping/{SID}/read", json={}, headers=JSON)).status == 200
    for shown in (True, False):
        await stands(database, cast.a, watchers_shown=shown)
        for mine, sees in ((sam, True), (bob, shown)):
            page = await mine.page(f"/calls/{call}")
            assert ("watched" in page.data("event")) == sees
            assert page.data("event").count("joined") == (3 if sees else 2)


async def test_a_moment_of_a_call_is_kept_once_and_goes_with_it(cast: Cast, database: Database) -> None:
    call = await _call(database, cast)
    async with database.begin() as session:
        moments = CallMoments(session, cast.a.id)
        before = await moments.of(call)
        await moments.note(call, before[0])
        await moments.note_of("CA-unknown", before[0])
        assert await moments.of(call) == before
        assert await CallMoments(session, cast.b.id).of(call) == []


async def test_why_there_were_no_words(cast: Cast, database: Database) -> None:
    call = await _call(database, cast)
    async with database.begin() as session:
        row = (await session.scalars(select(Call).where(Call.id == call))).one()
        assert why_no_words(row) is None
        reasons = set()
        for changed in (
            {"transcription": "failed", "transcription_reason": "Refused"},
            {"transcription": None},
            {"agent_id": None},
            {"words_stopped_at": row.started_at},
            {"consent_declined_at": row.started_at},
        ):
            for name, value in changed.items():
                setattr(row, name, value)
            reasons.add(why_no_words(row))
        assert len(reasons - {None}) == 5
        session.expunge(row)


async def test_gaps_and_delay_of_the_words_are_on_the_page_the_log_and_the_spreadsheet(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    call = await _call(database, cast)
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        row = await calls.get(SID)
        assert row is not None
        began = milliseconds(row.started_at)
        for missed in (GapReport(began + 30_000, 1500, "twilio"), GapReport(began + 40_000, 2000, "transcribe")):
            for _ in range(2):  # every web process hears it
                await calls.note_gap(SID, missed)
        await calls.set_delay(SID, Delay(840, 2310))
        await calls.note_gap("CA" + "8" * 32, GapReport(began, 100, "bilby"))  # of a call that is not there
    alice = await browser().sign_in(cast.alice)
    page = await alice.page(f"/calls/{call}")
    assert (page.data("gaps"), page.data("delay")) == (["2"], ["840"])
    assert page.data("event").count("gap") == 2
    assert (await alice.page("/calls?words=gaps")).data("gaps") == ["2"]
    assert (await alice.page("/calls?words=failed")).data("gaps") == []
    [line] = csv.DictReader((await (await alice.get("/calls.csv")).text()).removeprefix("\ufeff").splitlines())
    assert [line[name] for name in ("Gaps", "Seconds missing", "Delay", "Longest delay")] == [
        "2",
        "3.5",
        "0.8",
        "2.3",
    ]


async def test_a_call_without_words_has_neither(cast: Cast, database: Database, browser: Browsers) -> None:
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        ends = {"from_number": CUSTOMER, "to_number": cast.number.e164, "number_id": cast.number.id}
        call = await calls.open(SID, direction="inbound", customer=CUSTOMER, **ends)  # type: ignore[arg-type]
        await calls.report(SID, CallReport("completed", call.started_at + timedelta(seconds=5), duration_s=5))
    alice = await browser().sign_in(cast.alice)
    page = await alice.page(f"/calls/{call.id}")
    assert (page.data("gaps"), page.data("delay"), page.data("untranscribed")) == ([], [], ["yes"])
