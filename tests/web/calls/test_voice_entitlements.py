"""What happens to a call in each state of a subscription: connected and transcribed, connected only, or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import get_args

import pytest
import pytest_asyncio

from db.base import OrganisationStatus
from db.engine import Database
from db.queries.organisations import ENTITLEMENTS
from tests.kit.vendors.twilio_caller import (
    INBOUND,
    OUTBOUND,
    Twilio,
    available,
    calling,
    calls,
    dialling,
    stands,
    twilio_of,
)
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.calls import voice
from web.config import Settings

STATES = get_args(OrganisationStatus)


@pytest_asyncio.fixture
async def twilio(site: Site, settings: Settings) -> AsyncIterator[Twilio]:
    async with twilio_of(settings) as twilio:
        yield twilio


@pytest.mark.parametrize("state", STATES)
async def test_a_call_comes_in(cast: Cast, database: Database, twilio: Twilio, state: OrganisationStatus) -> None:
    await available(database, cast.bob)
    await stands(database, cast.a, status=state)
    answer, entitlements = await twilio.post(INBOUND, calling(cast.number)), ENTITLEMENTS[state]
    if not entitlements.connects:
        assert (answer.status, answer.tags, answer.said) == (200, ["Say", "Hangup"], voice.NOT_IN_SERVICE)
        assert await calls(database) == []
    elif entitlements.transcribes:
        assert answer.tags == ["Say", "Start", "Dial"]
    else:
        assert answer.tags == ["Dial"]  # nobody is asked for consent to what does not happen
        assert "Stream" not in answer.text


@pytest.mark.parametrize("state", STATES)
async def test_an_agent_dials(cast: Cast, database: Database, twilio: Twilio, state: OrganisationStatus) -> None:
    await stands(database, cast.a, status=state)
    answer, entitlements = await twilio.post(OUTBOUND, dialling(cast.bob)), ENTITLEMENTS[state]
    if not entitlements.connects:
        assert (answer.status, answer.tags, answer.said) == (200, ["Say", "Hangup"], voice.NOT_ALLOWED)
        assert await calls(database) == []
    elif entitlements.transcribes:
        assert answer.tags == ["Start", "Dial"]
        assert answer.one("Dial/Number").get("url") is not None
    else:
        assert answer.tags == ["Dial"]
        assert answer.one("Dial/Number").get("url") is None  # no whisper
        assert "Stream" not in answer.text


@pytest.mark.parametrize("state", ["past_due", "unpaid"])
async def test_another_organisation_is_not_touched(
    cast: Cast, database: Database, twilio: Twilio, state: OrganisationStatus
) -> None:
    await available(database, cast.charlie)
    await stands(database, cast.a, status=state)
    assert (await twilio.post(INBOUND, calling(cast.number_b))).tags == ["Say", "Start", "Dial"]


async def test_who_has_paid_is_transcribed_from_the_next_call_on(
    cast: Cast, database: Database, twilio: Twilio
) -> None:
    await available(database, cast.bob)
    tags = list[list[str]]()
    for state in ("past_due", "unpaid", "active"):
        await stands(database, cast.a, status=state)
        tags.append((await twilio.post(INBOUND, calling(cast.number) | {"CallSid": f"CA{len(tags):032x}"})).tags)
    assert tags == [["Dial"], ["Say", "Hangup"], ["Say", "Start", "Dial"]]
