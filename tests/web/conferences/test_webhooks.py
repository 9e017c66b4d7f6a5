"""Twilio asks what a customer gets who has dropped out of the room, or for whom nobody comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from db.engine import Database
from db.models import Call
from db.queries.answering_plans import Alternative, AnsweringPlans, Plan
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.vendors.twilio_caller import CALLER, Twilio, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.phones import come_on, happens, joins, room_of, waiting_call
from tests.kit.web.site import Site
from web.calls import answering, spoken
from web.conferences.machine.events import Claim
from web.conferences.machine.room import agent_label
from web.config import Settings

OVERFLOW = "+61291234567"


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as asking:
        yield asking


@pytest_asyncio.fixture
async def call(cast: Cast, database: Database) -> UUID:
    """A customer who waits."""
    return await waiting_call(database, cast.number, CALLER)


async def row_of(database: Database, call: UUID) -> Call:
    async with database.begin() as session:
        found = await session.get(Call, call)
    assert found is not None
    return found


async def form(database: Database, call: UUID, cast: Cast) -> dict[str, str]:
    sid = (await row_of(database, call)).call_sid
    return {"CallSid": sid, "From": CALLER, "To": cast.number.e164, "CallStatus": "in-progress"}


async def offers_callbacks(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(offers_callback=True))


async def test_back_leads_into_the_room_without_a_prompt(
    twilio: Twilio, call: UUID, database: Database, cast: Cast
) -> None:
    answer = await twilio.post(f"/twilio/conference/back?room={call.hex}", await form(database, call, cast))
    assert answer.tags == ["Dial"]
    conference = answer.one("Dial/Conference")
    assert (conference.text, conference.get("participantLabel")) == (call.hex, "customer")
    assert (conference.get("startConferenceOnEnter"), conference.get("endConferenceOnExit")) == ("false", "true")


@pytest.mark.parametrize("path", ["back", "back?room=", "back?room=nonsense", "elsewhere", "elsewhere?room=nonsense"])
async def test_without_a_room_there_is_an_apology(twilio: Twilio, path: str) -> None:
    answer = await twilio.post(f"/twilio/conference/{path}", {"CallSid": "CA" + "a" * 32})
    assert (answer.tags, answer.said) == (["Say", "Hangup"], spoken.SORRY)


@pytest.mark.parametrize(
    ("reason", "rings"),
    [
        ("moderator_ended_conference", False),
        ("conference_ended_via_api", False),
        ("participant_hung_up", True),
        ("participant_updated_via_api", True),
        ("", True),
    ],
)
async def test_an_agent_who_left_with_the_conference_leaves_nobody_to_be_rung_for(
    site: Site, twilio: Twilio, database: Database, cast: Cast, reason: str, *, rings: bool
) -> None:
    await come_on(database, cast.bob)  # a call that nobody could take goes elsewhere at once
    call = await waiting_call(database, cast.number, CALLER)
    await happens(site, cast.number, call, Claim(cast.bob.id))
    left = {
        "CallSid": await joins(site, cast.number, call, cast.bob),
        "ConferenceSid": f"CF{call.hex}",
        "FriendlyName": call.hex,
        "StatusCallbackEvent": "participant-leave",
        "SequenceNumber": "8",
        "ParticipantLabel": agent_label(cast.bob.id),
        "ParticipantCallStatus": "in-progress",
        "ReasonParticipantLeft": reason,
    }
    assert (await twilio.post("/twilio/conference/events", left)).status == 204
    assert (await room_of(database, cast.number, call)).rings == rings


@pytest.mark.parametrize("path", ["back", "elsewhere"])
async def test_nobody_but_twilio_is_answered(site: Site, twilio: Twilio, call: UUID, path: str) -> None:
    url = f"{site.url}/twilio/conference/{path}?room={call.hex}"
    async with twilio.http.post(url, data={"CallSid": "CA" + "a" * 32}) as answer:
        assert answer.status == 403


async def test_elsewhere_is_an_announcement_and_the_call_is_missed(
    twilio: Twilio, call: UUID, database: Database, cast: Cast
) -> None:
    answer = await twilio.post(f"/twilio/conference/elsewhere?room={call.hex}", await form(database, call, cast))
    assert (answer.tags[-2:], answer.said) == (["Say", "Hangup"], answering.NOBODY)
    assert (await row_of(database, call)).outcome == "missed"


async def test_elsewhere_is_the_overflow_number(twilio: Twilio, call: UUID, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        plan = Plan(unanswered=Alternative(overflow=OVERFLOW))
        await AnsweringPlans(session, cast.a.id).set(cast.number.id, plan)
    answer = await twilio.post(f"/twilio/conference/elsewhere?room={call.hex}", await form(database, call, cast))
    assert answer.one("Dial/Number").text == OVERFLOW
    assert "Stop" in answer.tags, "who answers there has not heard the prompt"
    assert (await row_of(database, call)).outcome is None


async def test_elsewhere_offers_once_to_call_back(twilio: Twilio, call: UUID, database: Database, cast: Cast) -> None:
    await offers_callbacks(database, cast)
    asked = await form(database, call, cast)
    first = await twilio.post(f"/twilio/conference/elsewhere?room={call.hex}", asked)
    assert first.tags == ["Stop", "Gather", "Redirect"]
    assert "offered=yes" in (first.one("Redirect").text or "")
    assert (await row_of(database, call)).outcome is None
    second = await twilio.post(f"/twilio/conference/elsewhere?room={call.hex}&offered=yes", asked)
    assert second.tags == ["Say", "Hangup"]
    assert (await row_of(database, call)).outcome == "missed"


async def test_a_key_asks_to_be_called_back_and_others_do_not(
    twilio: Twilio, call: UUID, database: Database, cast: Cast
) -> None:
    await offers_callbacks(database, cast)
    asked = await form(database, call, cast)
    other = await twilio.post(f"/twilio/conference/call-back?room={call.hex}", asked | {"Digits": "7"})
    assert other.tags == ["Redirect"]
    assert not (await row_of(database, call)).callback_requested_at
    yes = await twilio.post(f"/twilio/conference/call-back?room={call.hex}", asked | {"Digits": "1"})
    assert yes.tags == ["Say", "Hangup"]
    assert (await row_of(database, call)).callback_requested_at


async def test_a_room_that_is_not_known_gets_the_usual_announcement(twilio: Twilio) -> None:
    path = f"/twilio/conference/elsewhere?room={uuid4().hex}"
    answer = await twilio.post(path, {"CallSid": "CA" + "a" * 32})
    assert (answer.tags[-2:], answer.said) == (["Say", "Hangup"], answering.NOBODY)
