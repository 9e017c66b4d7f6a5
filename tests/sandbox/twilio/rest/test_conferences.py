"""REST of conferences, asked by Twilio's own client and judged by Twilio's OpenAPI file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from twilio.base.exceptions import TwilioRestException

from tests.kit.vendors.twilio_room import ROOM, Meeting, meeting, sound_file
from tests.kit.vendors.twilio_specification import Judge

Official = Any  # twilio.rest.Client, which is half typed


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Meeting]:
    """A customer and an agent in a room; every answer is judged."""
    async with meeting() as opened:
        judge = Judge()
        opened.emulator.registry.watchers.append(judge.watch)
        await opened.join("customer", startConferenceOnEnter="false", endConferenceOnExit="true", waitUrl="")
        await opened.join("agent")
        yield opened
        assert judge.faults == []


async def refused(request: Any) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as caught:
        await request
    return caught.value.status, caught.value.code


async def test_a_conference_is_fetched_by_sid_and_by_name(place: Meeting, client: Official) -> None:
    for key in (place.room.sid, ROOM):
        conference = await client.conferences(key).fetch_async()
        assert (conference.sid, conference.friendly_name, conference.status) == (place.room.sid, ROOM, "in-progress")
        assert (conference.region, conference.reason_conference_ended) == ("au1", None)


async def test_conferences_are_listed_and_filtered(place: Meeting, client: Official) -> None:
    place.room.end()
    await place.join("second")
    assert len(await client.conferences.list_async()) == 2
    assert [c.status for c in await client.conferences.list_async(status="completed")] == ["completed"]
    assert len(await client.conferences.list_async(friendly_name=ROOM)) == 2
    assert await client.conferences.list_async(friendly_name="another") == []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert await client.conferences.list_async(date_created_after=tomorrow) == []
    assert len(await client.conferences.list_async(date_created_before=tomorrow)) == 2


async def test_a_conference_is_ended(place: Meeting, client: Official) -> None:
    room = place.room
    ended = await client.conferences(ROOM).update_async(status="completed")
    assert (ended.status, ended.reason_conference_ended, ended.call_sid_ending_conference) == (
        "completed",
        "conference-ended-via-api",
        None,
    )
    end = await place.told("conference-end")
    assert (end["ReasonConferenceEnded"], "CallSidEndingConference" in end) == ("conference-ended-via-api", False)
    reasons = {form["ReasonParticipantLeft"] for form in place.events("participant-leave")}
    assert reasons == {"conference_ended_via_api"}
    assert (await client.conferences(room.sid).fetch_async()).status == "completed"
    assert await client.conferences(room.sid).participants.list_async() == []
    assert await refused(client.conferences(ROOM).fetch_async()) == (404, 20404)
    assert await refused(client.conferences(room.sid).update_async(status="completed")) == (404, 20404)
    agent = place.legs["agent"].sid
    assert await refused(client.conferences(room.sid).participants(agent).fetch_async()) == (404, 20404)


async def test_an_announcement_is_heard_by_all_who_talk(place: Meeting, client: Official) -> None:
    place.customer.says("/announce", lambda _: sound_file())
    await place.speaking()
    await client.conferences(ROOM).update_async(announce_url=f"{place.customer.url}/announce")
    await place.until(lambda: place.heard() == {"customer": {"agent", "other"}, "agent": {"customer", "other"}})
    place.customer.says("/short", "<Pause length='1'/>")
    await client.conferences(ROOM).update_async(announce_url=f"{place.customer.url}/short", announce_method="GET")
    told = await place.told("announcement-end")
    assert (told["AnnounceUrl"], "CallSid" in told) == (f"{place.customer.url}/short", False)


@pytest.mark.parametrize(
    "fields",
    [{}, {"status": "init"}, {"announce_url": "ftp://x"}, {"announce_url": "http://x", "announce_method": "PUT"}],
)
async def test_what_cannot_be_done_is_refused(place: Meeting, client: Official, fields: dict[str, str]) -> None:
    place.emulator.registry.watchers.clear()  # the judge would complain as well
    status, _ = await refused(client.conferences(ROOM).update_async(**fields))
    assert (status, place.room.status) == (400, "in-progress")
