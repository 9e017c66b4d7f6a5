"""What is decided of a number before its call begins: it is refused, has no words, or may not be dialled."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from db.engine import Database
from db.queries.phone.blocked_numbers import BlockedNumbers
from db.queries.phone.contacts import Contacts, Flags
from tests.kit.vendors.twilio_caller import (
    CALL,
    CALLER,
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
from web.calls.log.course import why_no_words
from web.config import Settings
from web.request.dialling import SENTENCES

CALLED = "+61293744000"


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


async def _block(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        assert await BlockedNumbers(session, cast.a.id).add(CALLER, cast.bob.id)


async def _keep(database: Database, cast: Cast, number: str, flags: Flags) -> None:
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep({number: "Erin Example"}, {number: flags})


async def test_a_blocked_caller_is_rejected_and_never_rings(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await _block(database, cast)
    for _ in range(2):  # Twilio may ask twice
        assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Reject"]
    (row,) = await calls(database)
    assert (row.outcome, row.status, row.reason, row.agent_id) == ("blocked", "blocked", None, None)
    assert row.customer == CALLER


@pytest.mark.parametrize("status", ["failed", "busy", "no-answer", "completed"])
async def test_whatever_twilio_calls_it_it_stays_blocked(
    cast: Cast, database: Database, twilio: Twilio, status: str
) -> None:
    await _block(database, cast)
    await twilio.post(INBOUND, calling(cast.number))
    form = {**calling(cast.number), "CallStatus": status, "CallDuration": "0"}
    assert (await twilio.post("/twilio/voice/status", form)).status in (200, 204)
    (row,) = await calls(database)
    assert row.outcome == "blocked"


async def test_others_get_through(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await _block(database, cast)
    for caller in ("+61412345679", "anonymous"):
        form = {**calling(cast.number, caller), "CallSid": LEG if caller == "anonymous" else CALL}
        assert (await twilio.post(INBOUND, form)).tags == ["Say", "Start", "Dial"]
    other = {**calling(cast.number_b), "CallSid": f"CA{'c' * 32}"}
    assert "Reject" not in (await twilio.post(INBOUND, other)).tags


async def test_a_call_that_was_let_in_goes_on(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    await _block(database, cast)
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Say", "Start", "Dial"]


async def test_who_is_not_to_be_transcribed_is_connected_without_words(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await available(database, cast.bob)
    await _keep(database, cast, CALLER, {"do_not_transcribe": True})
    await _keep(database, cast, CALLED, {"do_not_transcribe": True})
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Dial"]
    out = await twilio.post(OUTBOUND, {**dialling(cast.bob, CALLED), "CallSid": LEG})
    assert out.tags == ["Dial"]
    rows = await calls(database)
    assert len(rows) == 2
    assert all(row.opted_out_at is not None and row.words_stopped_at is not None for row in rows)
    assert None not in [why_no_words(row) for row in rows]


async def test_who_is_not_to_be_called_is_not_dialled(cast: Cast, database: Database, twilio: Twilio) -> None:
    await _keep(database, cast, CALLED, {"do_not_call": True})
    answer = await twilio.post(OUTBOUND, dialling(cast.bob, CALLED))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], SENTENCES["opted out"])
    assert await calls(database) == []
    await _keep(database, cast, CALLED, {"do_not_call": False})
    assert (await twilio.post(OUTBOUND, dialling(cast.bob, CALLED))).tags == ["Start", "Dial"]
