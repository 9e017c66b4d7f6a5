"""Closed, nobody there, nobody answers: what is decided, what Twilio is told, and what the call's row says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from db.call_progress import Reason
from db.engine import Database
from db.opening_hours import Day, Week
from db.queries.answering_plans import Alternative, AnsweringPlans, Plan
from tests.kit.vendors.twilio_caller import (
    CALL,
    CALLER,
    DIALLED,
    INBOUND,
    LEG,
    OVERFLOWED,
    Answer,
    Twilio,
    available,
    calling,
    calls,
    twilio_of,
)
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.calls.answering import CLOSED, NOBODY, Announce, Arrival, Overflow, Ring, on_arrival, unanswered
from web.config import Settings

OTHER = "+61399990000"
MELBOURNE, PERTH = "Australia/Melbourne", "Australia/Perth"
OFFICE: Week = (((540, 1020),),) * 5 + ((), ())
NOON, EVENING = datetime(2026, 3, 5, 1, tzinfo=UTC), datetime(2026, 3, 5, 7, tzinfo=UTC)
ALL_DAY: Day = ((0, 1440),)
NEVER: Week = ((), (), (), (), (), (), ())
ALWAYS: Week = (ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY)


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


async def _plan(database: Database, cast: Cast, plan: Plan) -> None:
    async with database.begin() as session:
        await AnsweringPlans(session, cast.a.id).set(cast.number.id, plan)


def _closed(announcement: str | None = None, overflow: str | None = None) -> Plan:
    return Plan(NEVER, closed=Alternative(announcement, overflow))


def _unanswered(announcement: str | None = None, overflow: str | None = None) -> Plan:
    return Plan(ALWAYS, unanswered=Alternative(announcement, overflow))


async def _row(database: Database) -> tuple[str | None, Reason | None]:
    (call,) = await calls(database)
    return call.outcome, call.reason


def _ended(cast: Cast, status: str, call_status: str = "in-progress") -> dict[str, str]:
    return calling(cast.number) | {"DialCallStatus": status, "CallStatus": call_status}


def _overflows(answer: Answer) -> None:
    """The caller is put through to the other number, and nobody else."""
    dial = answer.one("Dial")
    (noun,) = list(dial)
    assert (noun.tag, noun.text) == ("Number", OTHER)
    assert noun.get("statusCallback", "").partition("#")[0].endswith("/twilio/voice/answered")
    assert dial.get("action", "").partition("#")[0].endswith(OVERFLOWED)
    assert (dial.get("answerOnBridge"), int(dial.get("timeLimit", "0")) > 0) == ("true", True)
    assert "Start" not in answer.tags


# -- the decision, from the plan alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "at", "has_agents", "arrival"),
    [
        (Plan(), EVENING, True, Arrival(Ring())),
        (Plan(), NOON, False, Arrival(Announce(NOBODY), "nobody_available")),
        (Plan(OFFICE), NOON, True, Arrival(Ring())),
        (Plan(OFFICE), EVENING, True, Arrival(Announce(CLOSED), "outside_hours")),
        (Plan(OFFICE), EVENING, False, Arrival(Announce(CLOSED), "outside_hours")),
        (Plan(OFFICE, PERTH), EVENING, True, Arrival(Ring())),
        (Plan(OFFICE, closed=Alternative("Bye.")), EVENING, True, Arrival(Announce("Bye."), "outside_hours")),
        (
            Plan(OFFICE, closed=Alternative("Bye.", OTHER)),
            EVENING,
            True,
            Arrival(Overflow(OTHER, "Bye."), "outside_hours"),
        ),
        (
            Plan(OFFICE, closed=Alternative("Bye.", OTHER), unanswered=Alternative("Busy.")),
            NOON,
            False,
            Arrival(Announce("Busy."), "nobody_available"),
        ),
    ],
)
def test_on_arrival(plan: Plan, at: datetime, arrival: Arrival, *, has_agents: bool) -> None:
    assert on_arrival(plan, MELBOURNE, at, has_agents=has_agents) == arrival


def test_after_ringing_in_vain() -> None:
    assert unanswered(Plan()) == Announce(NOBODY)
    assert unanswered(Plan(unanswered=Alternative(None, OTHER))) == Overflow(OTHER, NOBODY)


# -- outside hours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("announcement", [None, "We <are> closed & back on Monday."])
async def test_outside_hours_nobody_is_rung_and_nothing_streamed(
    cast: Cast, database: Database, twilio: Twilio, announcement: str | None
) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _closed(announcement))
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], announcement or CLOSED)
    assert answer.verbs[0].get("language") == "en-AU"
    assert await _row(database) == ("missed", "outside_hours")


async def test_during_hours_it_rings(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _unanswered())
    assert (await twilio.post(INBOUND, calling(cast.number))).tags == ["Say", "Start", "Dial"]
    assert await _row(database) == (None, None)


async def test_the_plan_is_that_of_the_number(cast: Cast, database: Database, twilio: Twilio) -> None:
    await _plan(database, cast, _closed())
    assert (await twilio.post(INBOUND, calling(cast.number_b))).said == NOBODY


async def test_outside_hours_callers_are_put_through(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _closed("Closed.", OTHER))
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert answer.tags == ["Dial"]
    _overflows(answer)
    assert await _row(database) == (None, "outside_hours")
    leg = {"CallSid": LEG, "ParentCallSid": CALL, "To": OTHER, "CallStatus": "in-progress"}
    await twilio.post("/twilio/voice/answered", leg)
    assert (await twilio.post(OVERFLOWED, _ended(cast, "completed"))).tags == ["Hangup"]
    assert await _row(database) == ("answered", "outside_hours")


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed"])
async def test_who_is_not_reached_there_hears_the_announcement(
    cast: Cast, database: Database, twilio: Twilio, status: str
) -> None:
    await _plan(database, cast, _closed("Closed.", OTHER))
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(OVERFLOWED, _ended(cast, status))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], "Closed.")
    assert await _row(database) == ("missed", "outside_hours")


async def test_who_withholds_their_number_is_shown_as_the_number_called(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await _plan(database, cast, _closed("Closed.", OTHER))
    shown = (await twilio.post(INBOUND, calling(cast.number))).one("Dial").get("callerId")
    assert shown is None  # the caller's own
    for caller in ("anonymous", "+266696687", "", "sip:kim@example.au"):
        answer = await twilio.post(INBOUND, calling(cast.number, caller) | {"CallSid": LEG})
        assert answer.one("Dial").get("callerId") == cast.number.e164


@pytest.mark.parametrize("number", ["+61190012345", "000", "+442079460958", "+61131234", "+8816123456", "nonsense"])
async def test_what_may_not_be_dialled_is_not_an_overflow(
    cast: Cast, database: Database, twilio: Twilio, number: str
) -> None:
    await _plan(database, cast, _closed("Closed.", number))
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], "Closed.")
    assert await _row(database) == ("missed", "outside_hours")


async def test_an_overflow_never_goes_in_circles(cast: Cast, database: Database, twilio: Twilio) -> None:
    for ours in (cast.number.e164, cast.number_b.e164):
        await _plan(database, cast, _closed("Closed.", ours))
        assert (await twilio.post(INBOUND, calling(cast.number))).said == "Closed."
    await _plan(database, cast, _closed("Closed.", OTHER))
    assert (await twilio.post(INBOUND, calling(cast.number, OTHER))).said == "Closed."
    forwarded = calling(cast.number) | {"ForwardedFrom": OTHER}
    assert (await twilio.post(INBOUND, forwarded)).said == "Closed."


# -- nobody available, nobody answers ----------------------------------------------------------------------------


async def test_with_nobody_available_callers_get_the_numbers_own_words(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await _plan(database, cast, _unanswered("All out."))
    assert (await twilio.post(INBOUND, calling(cast.number))).said == "All out."
    assert await _row(database) == ("missed", "nobody_available")


async def test_with_nobody_available_callers_are_put_through(cast: Cast, database: Database, twilio: Twilio) -> None:
    await _plan(database, cast, _unanswered("All out.", OTHER))
    answer = await twilio.post(INBOUND, calling(cast.number))
    assert answer.tags == ["Dial"]
    _overflows(answer)
    assert await _row(database) == (None, "nobody_available")
    assert (await twilio.post(OVERFLOWED, _ended(cast, "no-answer"))).said == "All out."


@pytest.mark.parametrize(
    ("status", "reason"),
    [("no-answer", "nobody_answered"), ("busy", "declined"), ("failed", "nobody_available")],
)
async def test_after_ringing_in_vain_the_stream_ends_and_callers_are_put_through(
    cast: Cast, database: Database, twilio: Twilio, status: str, reason: Reason
) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _unanswered("Sorry.", OTHER))
    begun = await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(DIALLED, _ended(cast, status))
    assert answer.tags == ["Stop", "Dial"]
    assert answer.one("Stop/Stream").get("name") == begun.one("Start/Stream").get("name")
    _overflows(answer)
    assert await _row(database) == (None, reason)
    assert (await twilio.post(OVERFLOWED, _ended(cast, "busy"))).said == "Sorry."
    assert await _row(database) == ("missed", reason)


@pytest.mark.parametrize("plan", [Plan(), _unanswered(None)])
async def test_without_an_overflow_callers_hear_an_apology(
    cast: Cast, database: Database, twilio: Twilio, plan: Plan
) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, plan)
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(DIALLED, _ended(cast, "no-answer"))
    assert (answer.tags, answer.said) == (["Say", "Hangup"], NOBODY)
    assert await _row(database) == ("missed", "nobody_answered")


@pytest.mark.parametrize("status", ["canceled", "no-answer", "busy"])
@pytest.mark.parametrize("call_status", ["completed", "no-answer", "canceled"])
async def test_who_hangs_up_while_it_rings_has_left_and_nobody_else_is_called(
    cast: Cast, database: Database, twilio: Twilio, status: str, call_status: str
) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _unanswered("Sorry.", OTHER))
    await twilio.post(INBOUND, calling(cast.number))
    answer = await twilio.post(DIALLED, _ended(cast, status, call_status))
    assert "Dial" not in answer.tags
    assert await _row(database) == ("missed", "caller_left")


async def test_who_hangs_up_during_the_prompt_has_left(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await twilio.post(INBOUND, calling(cast.number))
    await twilio.post("/twilio/voice/status", calling(cast.number) | {"CallStatus": "completed"})
    assert await _row(database) == ("missed", "caller_left")


async def test_an_answered_call_has_no_reason(cast: Cast, database: Database, twilio: Twilio) -> None:
    await available(database, cast.bob)
    await _plan(database, cast, _unanswered("Sorry.", OTHER))
    await twilio.post(INBOUND, calling(cast.number))
    leg = {"CallSid": LEG, "ParentCallSid": CALL, "To": f"client:{cast.bob.id.hex}", "CallStatus": "in-progress"}
    await twilio.post("/twilio/voice/answered", leg)
    assert (await twilio.post(DIALLED, _ended(cast, "completed"))).tags == ["Hangup"]
    assert await _row(database) == ("answered", None)


async def test_the_caller_can_be_found_again(cast: Cast, database: Database, twilio: Twilio) -> None:
    await twilio.post(INBOUND, calling(cast.number))
    await twilio.post(INBOUND, calling(cast.number, "anonymous") | {"CallSid": LEG})
    known = {call.from_number: call.customer_hash is not None for call in await calls(database)}
    assert known == {CALLER: True, "anonymous": False}
