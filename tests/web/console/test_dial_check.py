"""Asked before dialling, web answers by the rules that Twilio's webhook is answered by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from db.engine import Database
from db.queries.billing import subscriptions
from tests.kit.vendors.twilio_caller import OUTBOUND, Twilio, dialling, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.config import Settings
from web.console.dial_check import DIALS

Browsers = Callable[[], Browser]


async def asked(browser: Browser, number: str) -> Any:
    """The answer about ``number``."""
    answer = await browser.post("/voice/check", data={"number": number})
    assert (answer.status, answer.content_type) == (200, "application/json")
    return await answer.json()


async def test_a_number_that_may_be_called_is_read_as_it_was_meant(browser: Browsers, cast: Cast) -> None:
    bob = await browser().sign_in(cast.bob)
    said = await asked(bob, "\u202a0412\u00a0345\u2011678\u202c")
    assert said == {"number": "+61412345678", "shown": "0412 345 678"}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("000", "emergency"),
        ("1900 123 456", "premium"),
        ("+870 773 123 456", "satellite"),
        ("1800 800 123", "unreachable"),
        ("+1 212 555 0100", "country"),
        ("0412 345", "invalid"),
        ("", "invalid"),
    ],
)
async def test_a_refusal_says_why(browser: Browsers, cast: Cast, number: str, reason: str) -> None:
    said = await asked(await browser().sign_in(cast.bob), number)
    assert said["refused"] == reason
    assert said["error"]


async def test_with_every_seat_on_a_call_nobody_else_may_call(
    browser: Browsers, cast: Cast, database: Database, settings: Settings
) -> None:
    async with database.begin() as session:
        row = await subscriptions.start(session, cast.a.id)
        row.status, row.seats = "active", 1
    dana, charlie = await browser().sign_in(cast.dana), await browser().sign_in(cast.charlie)
    assert "number" in await asked(dana, "0412 345 678")
    async with twilio_of(settings) as twilio:
        await _calls(twilio, cast)
    assert (await asked(dana, "0412 345 678"))["refused"] == "seats"
    assert "number" in await asked(charlie, "0412 345 678")


async def _calls(twilio: Twilio, cast: Cast) -> None:
    assert (await twilio.post(OUTBOUND, dialling(cast.bob))).tags[-1] == "Dial"


async def test_only_who_is_signed_in_with_a_token_of_ours_may_ask(browser: Browsers, cast: Cast) -> None:
    stranger = browser()
    assert (await stranger.post("/voice/check", data={"number": "0412 345 678"})).status in (303, 401)
    bob = await browser().sign_in(cast.bob)
    bob.csrf = ""
    assert (await bob.post("/voice/check", data={"number": "0412 345 678"})).status == 403


async def test_an_emergency_is_answered_however_often_one_has_asked(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    await use_up(database, DIALS, cast.bob.id)
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post("/voice/check", data={"number": "0412 345 678"})).status == 429
    assert (await asked(bob, "000"))["refused"] == "emergency"
