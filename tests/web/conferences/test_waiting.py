"""What a caller hears who waits, and being called back instead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from db.base import WaitingSound
from db.engine import Database
from db.queries.missed_calls import MissedCalls
from db.queries.phone.ringing_plans import RingingPlan, RingingPlans
from tests.kit.vendors.twilio_caller import CALLER, Answer, Twilio, calls, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.phones import come_on, happens, room_of, waiting_call
from tests.kit.web.site import Browser, Site
from web.conferences import waiting
from web.conferences.machine.events import SendElsewhere
from web.config import Settings

Browsers = Callable[[], Browser]


@pytest.mark.parametrize(
    ("plan", "position", "sound", "speaks"),
    [
        (RingingPlan(), 1, "ringing", False),
        (RingingPlan(waiting="music"), 3, "music", False),
        (RingingPlan(waiting="position"), 1, "music", True),
        (RingingPlan(waiting="position"), 12, "music", True),
    ],
)
def test_what_is_heard(plan: RingingPlan, position: int, sound: str, speaks: bool) -> None:
    heard, sentence = waiting.heard(plan, position)
    assert (heard, bool(sentence)) == (sound, speaks)
    assert ("12" in sentence) == (speaks and position == 12)


@pytest_asyncio.fixture
async def twilio(settings: Settings, site: Site) -> AsyncIterator[Twilio]:
    del site
    async with twilio_of(settings) as asked:
        yield asked


async def plan(database: Database, cast: Cast, **values: Any) -> None:
    async with database.begin() as session:
        await RingingPlans(session, cast.a.id).set(cast.number.id, RingingPlan(**values))


async def asks(twilio: Twilio, database: Database, cast: Cast, call: UUID, path: str, **more: str) -> Answer:
    """What Twilio is told about the customer's leg of ``call``."""
    sid = (await room_of(database, cast.number, call)).customer.call_sid
    form = {"CallSid": sid, "From": CALLER, "To": cast.number.e164, "CallStatus": "in-progress", **more}
    return await twilio.post(f"/twilio/conference/{path}room={call.hex}", form)


@pytest.mark.parametrize("sound", ["ringing", "music", "position"])
async def test_a_caller_hears_what_the_number_says_and_the_own_place(
    twilio: Twilio, database: Database, cast: Cast, sound: WaitingSound
) -> None:
    await come_on(database, cast.bob)
    await plan(database, cast, waiting=sound)
    line = [await waiting_call(database, cast.number, f"+6140000010{place}") for place in range(3)]
    await waiting_call(database, cast.number_b)
    answers = [
        await asks(twilio, database, cast, call, "wait?", ConferenceSid=f"CF{call.hex}") for call in reversed(line)
    ]
    assert all(("music" in answer.one("Play").text) == (sound != "ringing") for answer in answers)  # type: ignore[operator]
    said = [answer.said for answer in answers]
    assert len(set(said)) == (3 if sound == "position" else 1)
    if sound == "position":
        assert ["3" in said[0], "2" in said[1]] == [True, True]


class TestCallBack:
    """Instead of the announcement: we will call you back."""

    @pytest.fixture
    async def given_up(self, site: Site, database: Database, cast: Cast) -> UUID:
        await come_on(database, cast.bob)
        await plan(database, cast, offers_callback=True)
        call = await waiting_call(database, cast.number)
        await happens(site, cast.number, call, SendElsewhere("nobody_answered"))
        return call

    async def test_a_key_makes_it_a_task_of_the_team(
        self, twilio: Twilio, browser: Browsers, database: Database, cast: Cast, given_up: UUID
    ) -> None:
        offer = await asks(twilio, database, cast, given_up, "elsewhere?")
        assert offer.tags == ["Stop", "Gather", "Redirect"]
        assert f"room={given_up.hex}" in str(offer.one("Gather").get("action"))
        (row,) = await calls(database)
        assert (row.outcome, row.callback_requested_at) == (None, None)
        thanks = await asks(twilio, database, cast, given_up, "call-back?", Digits="1")
        assert thanks.tags == ["Say", "Hangup"]
        (row,) = await calls(database)
        assert (row.outcome, row.callback_requested_at is not None) == ("missed", True)
        async with database.begin() as session:
            (missed,) = await MissedCalls(session, cast.a.id).since(row.started_at - timedelta(hours=1))
        assert missed.call.id == given_up
        bob = await browser().sign_in(cast.bob)
        assert str(given_up) in await (await bob.get("/console/recent")).text()
        other = await (await bob.get("/console/recent")).text()
        assert "data-wants-call" in other

    @pytest.mark.parametrize("digits", ["", "2"])
    async def test_without_the_key_the_caller_hears_what_others_hear(
        self, twilio: Twilio, database: Database, cast: Cast, given_up: UUID, digits: str
    ) -> None:
        assert (await asks(twilio, database, cast, given_up, "call-back?", Digits=digits)).tags == ["Redirect"]
        last = await asks(twilio, database, cast, given_up, "elsewhere?offered=yes&")
        assert last.tags == ["Say", "Hangup"]
        (row,) = await calls(database)
        assert (row.outcome, row.callback_requested_at) == ("missed", None)

    async def test_who_withholds_the_number_is_not_asked(
        self, site: Site, twilio: Twilio, database: Database, cast: Cast
    ) -> None:
        await come_on(database, cast.bob)
        await plan(database, cast, offers_callback=True)
        call = await waiting_call(database, cast.number, "anonymous")
        await happens(site, cast.number, call, SendElsewhere("nobody_answered"))
        assert (await asks(twilio, database, cast, call, "elsewhere?")).tags == ["Say", "Hangup"]
