"""What is decided of a number before its call begins: it is refused, has no words, or may not be dialled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from db.engine import Database
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contacts import Contacts, Flags
from db.queries.contacts.people import People
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


async def test_wishes_hold_for_every_number_of_a_person_and_a_block_for_its_own(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    """Told of one number before two contacts are merged, a wish counts for the other; blocked numbers stay those."""
    await available(database, cast.bob)
    await _keep(database, cast, CALLED, {"do_not_call": True, "do_not_transcribe": True})
    await _keep(database, cast, CALLER, {})
    async with database.begin() as session:
        contacts = Contacts(session, cast.a.id)
        (erin,), (same,) = [await contacts.page(each, after=None, limit=1) for each in (CALLED, CALLER)]
        await People(session, cast.a.id).merge(erin, same, "Erin Example")
        await BlockedNumbers(session, cast.a.id).add(CALLED, cast.bob.id)
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Dial"]
    [row] = await calls(database)
    assert (row.customer, row.opted_out_at is not None) == (CALLER, True)
    out = await twilio.post(OUTBOUND, {**dialling(cast.bob, CALLER), "CallSid": LEG})
    assert out.tags == ["Say", "Hangup"]
    other = {**calling(cast.number, CALLED), "CallSid": f"CA{'d' * 32}"}
    assert (await twilio.post(INBOUND, other)).tags == ["Reject"]


async def test_what_holds_for_a_number_stands_in_its_own_row(cast: Cast, database: Database) -> None:
    """A call that comes in waits for two statements about one table each, however many numbers a person has."""
    await _keep(database, cast, CALLER, {"do_not_transcribe": True})
    sent: list[str] = []
    async with database.begin() as session:
        connection = await session.connection()

        def note(_: Any, __: Any, statement: str, *___: Any) -> None:
            sent.append(statement)

        event.listen(connection.sync_connection, "before_cursor_execute", note)
        await Contacts(session, cast.a.id).cards([CALLER])
        await BlockedNumbers(session, cast.a.id).of(CALLER)
        event.remove(connection.sync_connection, "before_cursor_execute", note)
    assert len(sent) == 2
    assert "JOIN" not in sent[0]
