"""What an open page learns of its sign-in, and of calls that a snapshot left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from db.call_progress import CallReport
from db.engine import Database
from db.queries.calls import Calls
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
NUMBER = "+61255501234"
CALLS = [f"CA{number}" + "0" * 31 for number in range(3)]


async def test_an_open_page_learns_its_token_and_its_end(cast: Cast, browser: Browsers) -> None:
    bob = await browser().sign_in(cast.bob)
    answered = await (await bob.get("/console/sign-in", headers={"Accept": "application/json"})).json()
    assert (answered["member"], answered["csrf_token"]) == (str(cast.bob.id), bob.csrf)
    left = datetime.fromtimestamp(answered["until"] / 1000, UTC) - datetime.now(UTC)
    assert timedelta(hours=11) < left <= timedelta(hours=12)
    page = await (await bob.get("/console")).text()
    assert f'data-signed-in-until="{answered["until"]}"' in page


async def test_nobody_is_signed_in(browser: Browsers) -> None:
    answer = await browser().get("/console/sign-in", headers={"Accept": "application/json"})
    assert answer.status == 401


async def test_who_is_signed_in_may_ask_for_another_link(cast: Cast, browser: Browsers) -> None:
    bob = await browser().sign_in(cast.bob)
    assert (await bob.get("/sign-in")).status == 303
    assert (await bob.get("/sign-in?again")).status == 200


async def test_a_ticket_says_which_role_it_is_for(cast: Cast, browser: Browsers) -> None:
    sam = await browser().sign_in(cast.sam)
    assert (await (await sam.post("/console/ticket")).json())["role"] == "supervisor"


async def test_calls_that_go_on_are_told_to_who_may_watch_them(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    async with database.begin() as session:
        calls = Calls(session, cast.a.id)
        for sid, agent in zip(CALLS, (cast.bob.id, cast.dana.id, cast.bob.id), strict=True):
            await calls.open(sid, direction="inbound", agent_id=agent, from_number=NUMBER, to_number=NUMBER)
        await calls.report(CALLS[2], CallReport("completed", datetime.now(UTC)))
    living = {
        cast.sam.id: CALLS[:2],
        cast.bob.id: CALLS[:1],
        cast.charlie.id: [],
    }
    for member in (cast.sam, cast.bob, cast.charlie):
        answer = await (await browser().sign_in(member)).post("/console/living", json={"calls": [*CALLS, "CA9"]})
        assert sorted((await answer.json())["living"]) == living[member.id]


@pytest.mark.parametrize("sent", [b"", b"[]", b"{}", b'{"calls": 5}', b'{"calls": [5]}', b'{"calls": ["\\u0000"]}'])
async def test_a_question_that_makes_no_sense_is_refused(cast: Cast, browser: Browsers, sent: bytes) -> None:
    sam = await browser().sign_in(cast.sam)
    assert (await sam.post("/console/living", data=sent)).status == 400
