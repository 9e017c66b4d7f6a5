"""An agent dials: from the organisation's number, as a member, to where calls may go."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import func, update

from db.engine import Database
from db.members import Members
from db.models import Number
from tests.cast import Cast
from tests.site import Site
from tests.twilio_caller import (
    CALL,
    CALLER,
    DIALLED,
    LEG,
    OUTBOUND,
    WHISPER,
    Twilio,
    calls,
    dialling,
    stands,
    ticket,
    twilio_of,
)
from web import voice
from web.config import Settings


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


async def test_an_agent_calls_from_the_organisations_number(
    cast: Cast, database: Database, twilio: Twilio, settings: Settings
) -> None:
    answer = await twilio.post(OUTBOUND, dialling(cast.bob))
    assert answer.tags == ["Start", "Dial"]
    assert answer.one("Dial").get("callerId") == cast.number.e164
    assert answer.one("Dial/Number").text == "+61293744000"
    opened = ticket(answer, settings)
    assert (opened.org, opened.direction, opened.agent) == (str(cast.a.id), "outbound", str(cast.bob.id))
    (call,) = await calls(database)
    assert (call.direction, call.agent_id) == ("outbound", cast.bob.id)
    assert (call.from_number, call.to_number) == (cast.number.e164, "+61293744000")


async def test_what_a_softphone_claims_counts_for_nothing(cast: Cast, twilio: Twilio, settings: Settings) -> None:
    claims = {"org": str(cast.a.id), "agent": str(cast.bob.id), "callerId": cast.number.e164, "role": "owner"}
    answer = await twilio.post(OUTBOUND, dialling(cast.charlie, **claims))
    assert answer.one("Dial").get("callerId") == cast.number_b.e164
    assert (ticket(answer, settings).org, ticket(answer, settings).agent) == (str(cast.b.id), str(cast.charlie.id))


@pytest.mark.parametrize(
    ("to", "word"),
    [("000", "Emergency"), ("112", "Emergency"), ("1900 123 456", "Premium"), ("client:bob", "not a phone number")],
)
async def test_some_numbers_are_refused_in_words(
    cast: Cast, database: Database, twilio: Twilio, to: str, word: str
) -> None:
    answer = await twilio.post(OUTBOUND, dialling(cast.bob, to))
    assert answer.tags == ["Say", "Hangup"]
    assert word in answer.said
    assert await calls(database) == []


@pytest.mark.parametrize("caller", [CALLER, "client:bob", "client:00000000-0000-0000-0000-000000000000", ""])
async def test_who_is_no_member_may_not_call(cast: Cast, twilio: Twilio, caller: str) -> None:
    assert (await twilio.post(OUTBOUND, dialling(cast.bob) | {"From": caller})).said == voice.NOT_ALLOWED


async def test_who_was_removed_may_not_call(cast: Cast, database: Database, twilio: Twilio) -> None:
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).said == voice.NOT_ALLOWED


async def test_who_does_not_pay_may_not_call(cast: Cast, database: Database, twilio: Twilio) -> None:
    await stands(database, cast.a, status="cancelled")
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).said == voice.NOT_ALLOWED


async def test_without_a_number_there_is_nothing_to_call_from(cast: Cast, database: Database, twilio: Twilio) -> None:
    async with database.begin() as session:
        await session.execute(update(Number).values(released_at=func.now()))
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).said == voice.NO_NUMBER


async def test_whom_an_agent_calls_hears_the_prompt_of_that_organisation(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await stands(database, cast.a, consent_prompt="Ours.")
    await twilio.post(OUTBOUND, dialling(cast.bob))
    answer = await twilio.post(WHISPER, {"CallSid": LEG, "ParentCallSid": CALL})
    assert (answer.tags, answer.said) == (["Say"], "Ours.")


@pytest.mark.parametrize(("status", "outcome"), [("busy", "busy"), ("no-answer", "unanswered"), ("failed", "failed")])
async def test_an_agent_hears_why_nobody_came(
    cast: Cast, database: Database, twilio: Twilio, status: str, outcome: str
) -> None:
    await twilio.post(OUTBOUND, dialling(cast.bob))
    answer = await twilio.post(DIALLED, dialling(cast.bob, DialCallStatus=status))
    assert answer.said == voice.UNREACHED[status]
    (call,) = await calls(database)
    assert call.outcome == outcome
