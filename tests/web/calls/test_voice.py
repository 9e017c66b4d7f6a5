"""Twilio asks what to do with a call: on a real database, signed as Twilio signs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from pydantic import SecretStr
from sqlalchemy import text, update

from db.base import OrganisationStatus
from db.engine import Database
from db.models import Call
from db.queries.words.hearings import Hearings, NumberHearing
from provisioning.twilio import webhook_url
from tests.kit.vendors.twilio_caller import (
    CALL,
    CALLER,
    DIALLED,
    INBOUND,
    LEG,
    OUTBOUND,
    WHISPER,
    Twilio,
    available,
    calling,
    calls,
    dialling,
    stands,
    ticket,
    twilio_of,
)
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.calls import answering, spoken, voice
from web.config import CONSENT_PROMPT, SETTINGS, Settings


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


# A call comes in.


async def test_a_caller_hears_the_prompt_and_rings_at_the_agents_who_are_available(
    cast: Cast, database: Database, twilio: Twilio, settings: Settings
) -> None:
    await available(database, cast.bob, cast.sam)
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert answer.tags == ["Say", "Start", "Dial"]
    assert answer.said == CONSENT_PROMPT
    assert answer.one("Start/Stream").get("url") == "ws://127.0.0.1:8081/twilio/stream"
    assert [client.findtext("Identity") for client in answer.one("Dial")] == [cast.bob.id.hex, cast.sam.id.hex]
    shown = {p.get("name"): p.get("value") for p in answer.one("Dial")[0].findall("Parameter")}
    assert shown == {"call": CALL, "caller": "0412 345 678"}
    opened = ticket(answer, settings)
    assert (opened.org, opened.call, opened.direction, opened.agent) == (str(cast.a.id), CALL, "inbound", None)
    (call,) = await calls(database)
    assert (call.organisation_id, call.direction, call.outcome) == (cast.a.id, "inbound", None)
    assert (call.from_number, call.to_number, call.number_id) == (CALLER, cast.number.e164, cast.number.id)


async def test_asked_again_it_answers_the_same_with_a_fresh_ticket(
    cast: Cast, database: Database, twilio: Twilio, settings: Settings
) -> None:
    await available(database, cast.bob)
    first = await twilio.post(INBOUND, calling(cast.number))
    again = await twilio.post(INBOUND, calling(cast.number))
    tickets = [ticket(answer, settings) for answer in (first, again)]
    assert tickets[0].jti != tickets[1].jti
    without = [
        answer.text.replace(answer.one("Start/Stream/Parameter").get("value", ""), "") for answer in (first, again)
    ]
    assert without[0] == without[1]
    assert len(await calls(database)) == 1


@pytest.mark.parametrize("path", [INBOUND, OUTBOUND])
@pytest.mark.parametrize(("seconds", "is_given"), [(0, True), (115, True), (125, False), (86_400, False)])
async def test_a_webhook_kept_and_sent_again_later_gets_no_ticket(
    cast: Cast, database: Database, twilio: Twilio, path: str, seconds: int, *, is_given: bool
) -> None:
    await available(database, cast.bob)
    form = calling(cast.number) if path == INBOUND else dialling(cast.bob)
    assert "Start" in (await twilio.post(path, form)).tags
    async with database.begin() as session:
        await session.execute(update(Call).values(started_at=datetime.now(UTC) - timedelta(seconds=seconds)))
    assert ("Start" in (await twilio.post(path, form)).tags) is is_given


async def test_a_call_that_is_over_gets_no_ticket(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    for path, form in ((INBOUND, calling(cast.number)), (OUTBOUND, dialling(cast.sam) | {"CallSid": LEG})):
        assert "Start" in (await twilio.post(path, form)).tags
        await twilio.post("/twilio/voice/status", form | {"CallStatus": "completed"})
        assert "Start" not in (await twilio.post(path, form)).tags


async def test_who_has_talked_already_is_not_rung_for_again(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    leg = {"CallSid": LEG, "ParentCallSid": CALL, "To": f"client:{cast.bob.id}", "CallStatus": "in-progress"}
    await twilio.post("/twilio/voice/answered", leg)
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Hangup"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_fallback_needs_neither_signature_nor_database(site: Site, method: str) -> None:
    async with ClientSession() as http, http.request(method, f"{site.url}{webhook_url.FALLBACK}") as answer:
        assert (answer.status, answer.content_type) == (200, "text/xml")
        verbs = list(ET.fromstring(await answer.text()))
    assert [verb.tag for verb in verbs] == ["Say", "Pause", "Redirect"]
    assert webhook_url.is_same(verbs[-1].text or "", site.app[SETTINGS].web_public_url + INBOUND)


async def test_an_organisation_may_prompt_in_its_own_words(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await stands(database, cast.a, consent_prompt="We write down <what> you & we say.")
    assert (await twilio.post(INBOUND, calling(cast.number))).said == "We write down <what> you & we say."


async def test_a_number_may_prompt_in_words_of_its_own(cast: Cast, database: Database, twilio: Twilio) -> None:
    """Without any, its callers hear the organisation's."""
    await available(database, cast.bob)
    await stands(database, cast.a, consent_prompt="We write down what you & we say.")
    async with database.begin() as session:
        own = NumberHearing(prompt="The nurses write down what you & they say.")
        await Hearings(session, cast.a.id).set(cast.number.id, own)
    assert (await twilio.post(INBOUND, calling(cast.number))).said == own.prompt
    async with database.begin() as session:
        await Hearings(session, cast.a.id).set(cast.number.id, NumberHearing())
    again = calling(cast.number) | {"CallSid": "CA" + "9" * 32}
    assert (await twilio.post(INBOUND, again)).said == "We write down what you & we say."


@pytest.mark.parametrize("called", ["+61255509999", "client:someone", ""])
async def test_a_number_that_is_not_ours_gets_a_sentence(
    cast: Cast, database: Database, twilio: Twilio, called: str
) -> None:
    answer = await twilio.post(INBOUND, calling(cast.number) | {"To": called})
    assert (answer.tags, answer.said) == (["Say", "Hangup"], voice.NOT_IN_SERVICE)
    assert await calls(database) == []


async def test_late_payers_still_talk_but_are_not_transcribed(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await stands(database, cast.a, status="past_due")
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Dial"]


@pytest.mark.parametrize("status", ["incomplete", "unpaid", "cancelled"])
async def test_who_does_not_pay_is_not_connected(
    cast: Cast, database: Database, twilio: Twilio, status: OrganisationStatus
) -> None:
    await available(database, cast.bob)
    await stands(database, cast.a, status=status)
    assert (await twilio.post(INBOUND, calling(cast.number))).said == voice.NOT_IN_SERVICE


async def test_with_nobody_available_the_caller_is_told_and_the_call_is_missed(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await available(database, cast.charlie)  # of another organisation
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], answering.NOBODY)
    (call,) = await calls(database)
    assert call.outcome == "missed"


async def test_an_agent_on_a_call_is_not_rung(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob, cast.dana)
    await twilio.post(OUTBOUND, dialling(cast.bob))
    answer = await twilio.post(INBOUND, calling(cast.number) | {"CallSid": LEG})
    assert [client.findtext("Identity") for client in answer.one("Dial")] == [cast.dana.id.hex]


async def test_a_call_that_can_not_be_recorded_is_connected_without_transcription(
    cast: Cast, database: Database, owners_database: Database, twilio: Twilio
) -> None:
    await available(database, cast.bob)
    async with owners_database.begin() as session:
        await session.execute(text("ALTER TABLE calls ADD CONSTRAINT full_disk CHECK (false)"))
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Dial"]
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).tags == ["Dial"]


@pytest.mark.parametrize("caller", ["anonymous", "+266696687", "", "sip:<&>@x", "\x00\x1b+61"])
async def test_any_caller_is_connected(cast: Cast, database: Database, twilio: Twilio, caller: str) -> None:
    await available(database, cast.bob)
    assert (await twilio.post(INBOUND, calling(cast.number, caller))).tags == ["Say", "Start", "Dial"]


class TestWithoutADatabase:
    @pytest.fixture
    def settings(self, settings: Settings, free_port: Callable[[], int]) -> Settings:
        nowhere = SecretStr(f"postgresql://x@127.0.0.1:{free_port()}/x")
        return settings.model_copy(update={"database_url": nowhere})

    @pytest.mark.parametrize("path", [INBOUND, OUTBOUND])
    async def test_the_caller_is_told_to_try_again(self, cast: Cast, twilio: Twilio, path: str) -> None:
        answer = await twilio.post(path, dialling(cast.bob))
        assert (answer.tags, answer.said) == (["Say", "Hangup"], spoken.SORRY)

    async def test_the_end_of_a_dial_is_still_answered(self, cast: Cast, twilio: Twilio) -> None:
        form = calling(cast.number) | {"DialCallStatus": "completed"}
        assert (await twilio.post(DIALLED, form)).tags == ["Hangup"]

    async def test_consent_is_still_asked_for(self, cast: Cast, twilio: Twilio) -> None:
        answer = await twilio.post(WHISPER, {"CallSid": LEG, "ParentCallSid": CALL})
        assert answer.said == CONSENT_PROMPT


# The dial is over.


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
async def test_a_caller_whom_nobody_answers_is_told_and_missed(
    cast: Cast, database: Database, twilio: Twilio, status: str
) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(DIALLED, calling(cast.number) | {"DialCallStatus": status})
    assert (answer.tags, answer.said) == (["Say", "Hangup"], answering.NOBODY)
    (call,) = await calls(database)
    assert call.outcome == "missed"


@pytest.mark.parametrize("status", ["completed", "answered"])
async def test_after_a_conversation_there_is_nothing_to_say(
    cast: Cast, database: Database, twilio: Twilio, status: str
) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(DIALLED, calling(cast.number) | {"DialCallStatus": status})
    assert answer.tags == ["Hangup"]
    (call,) = await calls(database)
    assert call.outcome == "answered"


@pytest.mark.parametrize("form", [{}, {"CallSid": "nonsense"}, {"CallSid": "\x00"}])
@pytest.mark.parametrize("path", [INBOUND, OUTBOUND, DIALLED])
async def test_a_form_that_names_no_call_gets_a_sentence(
    twilio: Twilio, cast: Cast, path: str, form: dict[str, str]
) -> None:
    assert (await twilio.post(path, form)).said == spoken.SORRY


@pytest.mark.parametrize(
    "path",
    [
        *(INBOUND, OUTBOUND, DIALLED, WHISPER),
        *("/twilio/voice/status", "/twilio/voice/answered", "/twilio/stream/status"),
    ],
)
async def test_nothing_is_done_for_who_is_not_twilio(
    site: Site, cast: Cast, database: Database, settings: Settings, path: str
) -> None:
    form = calling(cast.number) | {"AccountSid": settings.twilio_account_sid}
    async with ClientSession() as http, http.post(site.url + path, data=form) as answer:
        assert answer.status == 403
    assert await calls(database) == []
