"""*Press 1 not to be transcribed*, and the ways in which a caller comes into a room without a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from db.engine import Database
from db.models import Call, Conference
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.vendors.twilio_caller import CALL, CALLER, INBOUND, Twilio, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.room_town import web_process
from web.config import Settings

FORM = {"CallSid": CALL, "From": CALLER, "CallStatus": "ringing", "Direction": "inbound"}


@pytest_asyncio.fixture
async def asked(settings: Settings) -> AsyncIterator[Twilio]:
    """Twilio, which asks a web process that connects calls in rooms."""
    rooms = settings.model_copy(update={"call_routing": "rooms"})
    async with web_process(rooms), twilio_of(rooms) as asking:
        yield asking


async def _plan(database: Database, cast: Cast, **values: Any) -> None:
    async with database.begin() as session:
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(**values))


async def _call(database: Database) -> Call:
    async with database.begin() as session:
        return (await session.scalars(select(Call).where(Call.call_sid == CALL))).one()


@pytest.mark.parametrize(("digits", "tags"), [("1", ["Dial"]), ("5", ["Start", "Dial"])])
async def test_the_key_decides_whether_a_stream_is_started(
    asked: Twilio, database: Database, cast: Cast, digits: str, tags: list[str]
) -> None:
    await _plan(database, cast, asks_consent=True)
    form = FORM | {"To": cast.number.e164}
    assert (await asked.post(INBOUND, form)).tags == ["Gather", "Start", "Dial"]
    call = await _call(database)
    pressed = await asked.post(f"/twilio/conference/consent?room={call.id.hex}", form | {"Digits": digits})
    assert pressed.tags == tags
    call = await _call(database)
    assert (call.consent_declined_at is not None, call.words_stopped_at is not None) == (digits == "1",) * 2


async def test_a_repeated_webhook_finds_the_same_room(asked: Twilio, database: Database, cast: Cast) -> None:
    form = FORM | {"To": cast.number.e164}
    first, second = await asked.post(INBOUND, form), await asked.post(INBOUND, form)
    assert first.one("Dial/Conference").text == second.one("Dial/Conference").text == (await _call(database)).id.hex
    async with database.begin() as session:
        assert len((await session.scalars(select(Conference))).all()) == 1


async def test_who_was_in_the_room_comes_back_without_prompt_and_second_stream(
    asked: Twilio, database: Database, cast: Cast
) -> None:
    form = FORM | {"To": cast.number.e164}
    assert (await asked.post(INBOUND, form)).tags == ["Say", "Start", "Dial"]
    call = await _call(database)
    assert (await asked.post(f"/twilio/conference/wait?room={call.id.hex}", form)).tags == ["Play"]
    assert (await asked.post(INBOUND, form)).tags == ["Dial"]


async def test_without_a_place_for_the_room_the_caller_is_kept_and_twilio_asks_again(
    asked: Twilio, owners_database: Database, cast: Cast
) -> None:
    async with owners_database.begin() as session:
        await session.execute(text("LOCK TABLE conferences IN ACCESS EXCLUSIVE MODE"))
        answer = await asked.post(INBOUND, FORM | {"To": cast.number.e164})
    assert answer.tags == ["Say", "Pause", "Redirect"]
    assert INBOUND in (answer.one("Redirect").text or ""), (
        "nobody is dialled: pages with rooms have no phone that rings"
    )


async def test_a_softphone_that_tests_its_line_is_kept_for_a_while(asked: Twilio, cast: Cast) -> None:
    form = {"CallSid": CALL, "From": f"client:{cast.bob.id.hex}", "To": ""}
    assert (await asked.post("/twilio/voice/outbound", form)).tags == ["Say", "Pause", "Hangup"]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("events", {"ConferenceSid": "x", "StatusCallbackEvent": "participant-join"}),
        ("events", {"ConferenceSid": "CF" + "1" * 32, "StatusCallbackEvent": "participant-join", "CallSid": ""}),
        ("events", {"ConferenceSid": "CF" + "1" * 32, "StatusCallbackEvent": "conference-end", "FriendlyName": "é"}),
        ("status?room=nonsense&leg=customer", {"CallSid": CALL, "CallStatus": "ringing"}),
        ("status?room=" + "0" * 32 + "&leg=me", {"CallSid": CALL, "CallStatus": "ringing"}),
    ],
)
async def test_junk_about_rooms_is_refused(asked: Twilio, path: str, form: dict[str, str]) -> None:
    assert (await asked.post(f"/twilio/conference/{path}", form)).status == 400


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("events", {"ConferenceSid": "CF" + "1" * 32, "StatusCallbackEvent": "conference-x"}),
        (
            "events",
            {"ConferenceSid": "CF" + "1" * 32, "StatusCallbackEvent": "conference-end", "FriendlyName": "0" * 32},
        ),
        ("status?room=" + "0" * 32 + "&leg=customer", {"CallSid": CALL, "CallStatus": "ringing"}),
    ],
)
async def test_what_is_about_no_room_of_ours_is_answered(asked: Twilio, path: str, form: dict[str, str]) -> None:
    assert (await asked.post(f"/twilio/conference/{path}", form)).status == 204
