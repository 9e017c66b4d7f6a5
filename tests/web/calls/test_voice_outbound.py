"""An agent dials: from the organisation's number, as a member, to where calls may go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import func, update

from db.engine import Database
from db.models import Call, Number
from db.queries.members import Members
from tests.kit.vendors.twilio_caller import (
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
from tests.kit.web.cast import Cast
from tests.kit.web.paying_organisation import pays_for
from tests.kit.web.site import Site
from web.calls import dial_ends, voice
from web.config import Settings
from web.request.dialling import SENTENCES, Reason


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
    ("to", "reason"),
    [
        ("000", "emergency"),
        ("112", "emergency"),
        ("1900 123 456", "premium"),
        ("+8816 1234 5678", "satellite"),
        ("0011 44 20 7946 0958", "country"),
        ("1300 123 456", "unreachable"),
        ("client:bob", "invalid"),
    ],
)
async def test_some_numbers_are_refused_in_words(
    cast: Cast, database: Database, twilio: Twilio, to: str, reason: Reason
) -> None:
    answer = await twilio.post(OUTBOUND, dialling(cast.bob, to))
    assert answer.tags == ["Say", "Hangup"]
    assert answer.said == SENTENCES[reason]
    assert await calls(database) == []


async def test_a_call_lasts_so_long_at_most(cast: Cast, twilio: Twilio, settings: Settings) -> None:
    answer = await twilio.post(OUTBOUND, dialling(cast.bob))
    assert answer.one("Dial").get("timeLimit") == str(settings.outbound_call_minutes * 60)


async def test_no_more_calls_go_out_at_once_than_there_are_seats(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await pays_for(database, cast.a, 2)
    sids = [f"CA{number:032x}" for number in range(4)]
    forms = [dialling(cast.bob) | {"CallSid": sid} for sid in sids]
    answers = await asyncio.gather(*(twilio.post(OUTBOUND, form) for form in forms))
    assert sorted(answer.tags[-1] for answer in answers) == ["Dial", "Dial", "Hangup", "Hangup"]
    refused = [answer for answer in answers if answer.tags[-1] == "Hangup"]
    assert {answer.said for answer in refused} == {SENTENCES["seats"]}
    assert len(await calls(database)) == 2


async def test_asked_again_a_call_does_not_count_against_itself(
    cast: Cast, database: Database, twilio: Twilio, settings: Settings
) -> None:
    await pays_for(database, cast.a, 1)
    for _ in range(2):
        answer = await twilio.post(OUTBOUND, dialling(cast.bob))
        assert answer.tags == ["Start", "Dial"]
        assert ticket(answer, settings).call == CALL


async def test_a_seat_is_free_again_when_its_call_is_over(cast: Cast, database: Database, twilio: Twilio) -> None:
    await pays_for(database, cast.a, 1)
    await twilio.post(OUTBOUND, dialling(cast.bob))
    assert (await twilio.post(OUTBOUND, dialling(cast.dana, CallSid=LEG))).tags == ["Say", "Hangup"]
    await twilio.post(DIALLED, dialling(cast.bob, DialCallStatus="completed"))
    assert (await twilio.post(OUTBOUND, dialling(cast.dana, CallSid=LEG))).tags[-1] == "Dial"


@pytest.mark.parametrize(("hours_ago", "tags"), [(23, ["Say", "Hangup"]), (25, ["Start", "Dial"])])
async def test_a_day_of_calls_has_a_ceiling(
    cast: Cast, database: Database, twilio: Twilio, settings: Settings, hours_ago: int, tags: list[str]
) -> None:
    await pays_for(database, cast.a, 1)
    await twilio.post(OUTBOUND, dialling(cast.bob))
    began = datetime.now(UTC) - timedelta(hours=hours_ago)
    async with database.begin() as session:
        values = {"started_at": began, "outcome": "answered", "status": "completed"}
        seconds = settings.outbound_minutes_per_seat * 60
        await session.execute(update(Call).values(**values, duration_s=seconds))
    answer = await twilio.post(OUTBOUND, dialling(cast.bob, CallSid=LEG))
    assert answer.tags == tags
    assert tags[-1] == "Dial" or answer.said == SENTENCES["ceiling"]


async def test_another_organisations_calls_do_not_count(cast: Cast, database: Database, twilio: Twilio) -> None:
    await pays_for(database, cast.a, 1)
    await twilio.post(OUTBOUND, dialling(cast.charlie, CallSid=LEG))
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).tags[-1] == "Dial"


@pytest.mark.parametrize("parent", [{}, {"ParentCallSid": ""}])
async def test_a_whisper_without_a_parent_is_about_the_call_itself(
    cast: Cast, database: Database, twilio: Twilio, parent: dict[str, str]
) -> None:
    await stands(database, cast.a, consent_prompt="Ours.")
    await twilio.post(OUTBOUND, dialling(cast.bob))
    assert (await twilio.post(WHISPER, {"CallSid": CALL, **parent})).said == "Ours."


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
    assert answer.said == dial_ends.UNREACHED[status]
    (call,) = await calls(database)
    assert call.outcome == outcome
