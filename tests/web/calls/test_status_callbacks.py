"""Callbacks keep the call's row true, whatever their order; media hears who answered, and web how it transcribes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy import select

from db.engine import Database
from db.models import Call, Leg
from protocol.facts import Fact, State
from protocol.messages import Delay, GapReport
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import settled
from tests.kit.vendors.twilio_caller import (
    CALL,
    DIALLED,
    INBOUND,
    LEG,
    OUTBOUND,
    Twilio,
    available,
    calling,
    calls,
    dialling,
    twilio_of,
)
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.config import Settings
from web.facts import take_fact

STATUS, ANSWERED, STREAM = "/twilio/voice/status", "/twilio/voice/answered", "/twilio/stream/status"
BEGAN = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
WAIT = 60  # seconds that any one wait may take
Callback = tuple[str, dict[str, str]]


@pytest.fixture
def settings(settings: Settings, nats_server: NatsServer) -> Settings:
    nowhere = "http://127.0.0.1:9"  # where streams are not started again
    return settings.model_copy(update={"nats_url": SecretStr(nats_server.url("web")), "twilio_api_base": nowhere})


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


def at(seconds: int) -> str:
    return format_datetime(BEGAN + timedelta(seconds=seconds))


def leg(member: Any, status: str, seconds: int, **more: str) -> Callback:
    form = {"CallSid": LEG, "ParentCallSid": CALL, "To": f"client:{member.id.hex}", "CallStatus": status}
    return ANSWERED, form | {"Timestamp": at(seconds)} | more


def own(status: str, seconds: int, **more: str) -> Callback:
    return STATUS, {"CallSid": CALL, "CallStatus": status, "Timestamp": at(seconds)} | more


def stream(event: str, **more: str) -> Callback:
    return STREAM, {"CallSid": CALL, "StreamSid": "MZ1", "StreamEvent": event} | more


def conversation(cast: Cast) -> list[Callback]:
    """What Twilio reports of a call that Bob answers after 9 seconds and that lasts for a minute."""
    return [
        own("in-progress", 1),
        stream("stream-started"),
        leg(cast.bob, "in-progress", 9),
        leg(cast.bob, "completed", 60, CallDuration="51"),
        (DIALLED, calling(cast.number) | {"DialCallStatus": "completed"}),
        stream("stream-stopped"),
        own("completed", 61, CallDuration="61"),
    ]


async def the_call(database: Database) -> Call:
    (call,) = await calls(database)
    return call


def kept(call: Call) -> dict[str, Any]:
    """The row, but for what says when we heard and wrote it."""
    ours = {"id", "call_sid", "started_at", "heard_at"}
    return {c.name: getattr(call, c.name) for c in Call.__table__.columns if c.name not in ours}


async def rung(twilio: Twilio, database: Database, cast: Cast) -> None:
    await available(database, cast.bob, cast.dana)
    assert "Dial" in (await twilio.post(INBOUND, calling(cast.number))).tags


async def report(twilio: Twilio, callbacks: Sequence[Callback], call: str = CALL, leg_sid: str = LEG) -> None:
    """Post ``callbacks``, as those of ``call`` with ``leg_sid``."""
    for path, form in callbacks:
        renamed = {name: value.replace(CALL, call).replace(LEG, leg_sid) for name, value in form.items()}
        answer = await twilio.post(path, renamed)
        assert answer.status in (200, 204), answer


async def test_a_conversation(twilio: Twilio, database: Database, cast: Cast) -> None:
    await rung(twilio, database, cast)
    await report(twilio, conversation(cast))
    call = await the_call(database)
    assert (call.outcome, call.agent_id, call.duration_s) == ("answered", cast.bob.id, 61)
    assert call.answered_at == BEGAN + timedelta(seconds=9)
    assert call.ended_at == BEGAN + timedelta(seconds=61)
    assert (call.transcription, call.transcription_reason) == ("ended", None)
    async with database.begin() as session:
        (row,) = (await session.scalars(select(Leg))).all()
    assert (row.leg_sid, row.member_id, row.status) == (LEG, cast.bob.id, "completed")


@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.data())
async def test_any_order_and_any_repetition_end_in_the_same_row(
    chosen: st.DataObject, twilio: Twilio, database: Database, cast: Cast
) -> None:
    await available(database, cast.bob)
    in_order = conversation(cast)
    repeated = in_order + chosen.draw(st.lists(st.sampled_from(in_order), max_size=4))
    shuffled = chosen.draw(st.permutations(repeated))
    ends = []
    for callbacks in (in_order, shuffled):
        call, leg_sid = (f"CA{chosen.draw(st.uuids()).hex}" for _ in range(2))
        await twilio.post(INBOUND, calling(cast.number) | {"CallSid": call})
        await report(twilio, callbacks, call, leg_sid)
        async with database.begin() as session:
            ends.append(kept((await session.scalars(select(Call).where(Call.call_sid == call))).one()))
    assert ends[0] == ends[1]


async def test_media_hears_who_answered_also_when_twilio_says_it_again(
    twilio: Twilio, database: Database, cast: Cast, media_bus: Client
) -> None:
    heard = await media_bus.subscribe("call.*.*.assigned")
    await settled(media_bus)
    await rung(twilio, database, cast)
    for _ in range(2):
        await report(twilio, [leg(cast.bob, "in-progress", 9)])
        fact = await heard.next_msg(WAIT)
        assert fact.subject == f"call.{cast.a.id}.{CALL}.assigned"
        assert json.loads(fact.data) == {"agent": str(cast.bob.id)}


async def test_who_rang_in_vain_has_not_answered(twilio: Twilio, database: Database, cast: Cast) -> None:
    await rung(twilio, database, cast)
    await report(twilio, [leg(cast.dana, "no-answer", 9), own("completed", 10)])
    call = await the_call(database)
    assert (call.outcome, call.agent_id) == ("missed", None)


async def test_a_member_of_another_organisation_is_never_put_on_a_call(
    twilio: Twilio, database: Database, cast: Cast
) -> None:
    await rung(twilio, database, cast)
    await report(twilio, [leg(cast.charlie, "in-progress", 9)])
    call = await the_call(database)
    assert call.agent_id is None
    assert call.answered_at is not None


async def test_a_customer_who_answers_leaves_the_call_with_who_dialled(
    twilio: Twilio, database: Database, cast: Cast
) -> None:
    await twilio.post(OUTBOUND, dialling(cast.bob))
    path, form = leg(cast.bob, "in-progress", 9)
    await report(twilio, [(path, form | {"To": "+61293744000"}), own("completed", 20)])
    call = await the_call(database)
    assert (call.outcome, call.agent_id) == ("answered", cast.bob.id)


async def test_a_stream_that_fails_says_why(twilio: Twilio, database: Database, cast: Cast) -> None:
    await rung(twilio, database, cast)
    error = stream("stream-error", StreamError="31920 Stream - WebSocket - Handshake Error\x00")
    await report(twilio, [error, stream("stream-started"), stream("stream-stopped"), own("completed", 9)])
    call = await the_call(database)
    assert call.transcription == "failed"
    assert call.transcription_reason == "31920 Stream - WebSocket - Handshake Error"


async def test_a_call_that_ends_is_no_longer_transcribed(twilio: Twilio, database: Database, cast: Cast) -> None:
    await rung(twilio, database, cast)
    await report(twilio, [stream("stream-started"), own("completed", 9)])
    assert (await the_call(database)).transcription == "ended"


@pytest.mark.parametrize("state", ["waiting_for_slot", "reconnecting", "silent", "failed"])
async def test_what_media_says_of_a_call_stands_in_its_row(
    twilio: Twilio, site: Site, database: Database, cast: Cast, state: State
) -> None:
    await rung(twilio, database, cast)
    await take_fact(site.app, Fact(cast.a.id, CALL, "transcribing"))
    await take_fact(site.app, Fact(cast.a.id, CALL, state, "quota"))
    await take_fact(site.app, Fact(cast.b.id, CALL, "transcribing"))  # B has no such call
    call = await the_call(database)
    assert (call.transcription, call.transcription_reason) == (state, "quota")


async def test_what_words_are_missing_and_how_late_they_were_stands_in_its_row(
    twilio: Twilio, site: Site, database: Database, cast: Cast
) -> None:
    await rung(twilio, database, cast)
    missed = GapReport(1_790_000_000_000, 1500, "twilio")
    await take_fact(site.app, Fact(cast.a.id, CALL, "transcribing"))
    for organisation in (cast.a, cast.a, cast.b):  # twice, and B has no such call
        await take_fact(site.app, Fact(organisation.id, CALL, None, missed=missed))
    await take_fact(site.app, Fact(cast.a.id, CALL, "ended", kind="ended", delay=Delay(900, 2000)))
    call = await the_call(database)
    assert (call.gaps, call.gaps_ms, call.delay_ms, call.longest_delay_ms) == (1, 1500, 900, 2000)
    assert call.transcription == "ended"


async def test_web_hears_media_over_nats(twilio: Twilio, database: Database, cast: Cast, media_bus: Client) -> None:
    await rung(twilio, database, cast)
    await media_bus.publish(f"call.{cast.a.id}.{CALL}.started", b'{"stream": "MZ1", "node": "a"}')
    async with asyncio.timeout(WAIT):
        while (await the_call(database)).transcription is None:  # noqa: ASYNC110 (a row has no event)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("path", [STATUS, ANSWERED, STREAM])
async def test_a_callback_about_no_call_of_ours_is_taken_and_forgotten(
    twilio: Twilio, database: Database, cast: Cast, path: str
) -> None:
    form = {"CallSid": CALL, "CallStatus": "completed", "StreamEvent": "stream-stopped", "Timestamp": "soon"}
    assert (await twilio.post(path, form)).status == 204
    assert await calls(database) == []


@pytest.mark.parametrize("path", [STATUS, ANSWERED, STREAM])
@pytest.mark.parametrize("form", [{}, {"CallSid": "x"}, {"CallSid": LEG, "ParentCallSid": "x", "CallStatus": "busy"}])
async def test_a_callback_that_names_no_call_is_a_bad_request(
    twilio: Twilio, cast: Cast, path: str, form: dict[str, str]
) -> None:
    if path == STREAM and form.get("CallSid") == LEG:
        form = {"CallSid": "CA"}
    assert (await twilio.post(path, form)).status == 400


@pytest.mark.parametrize("path", [STATUS, ANSWERED, STREAM])
async def test_what_twilio_may_say_one_day_changes_nothing(
    twilio: Twilio, database: Database, cast: Cast, path: str
) -> None:
    await rung(twilio, database, cast)
    before = kept(await the_call(database))
    assert (await twilio.post(path, {"CallSid": CALL, "CallStatus": "beamed", "StreamEvent": "x"})).status == 204
    assert kept(await the_call(database)) == before
