"""Passes are for who is signed in, say who that is, and are given a bounded number of times."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import jwt
import pytest

from db.base import Role
from db.engine import Database
from db.queries.members import Members
from db.queries.rate_limits import Limit
from protocol.tickets import verify_console
from tests.kit.web.cast import Cast
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser
from web.config import Settings
from web.console.tokens import CONSOLE_TICKETS, VOICE_TOKENS
from web.request import session as request_session

Browsers = Callable[[], Browser]
POSTS = ["/console/ticket", "/voice/token", "/console/availability"]


@pytest.mark.parametrize("role", ["alice", "sam", "bob"])
async def test_a_console_ticket_says_who_and_in_which_role(
    cast: Cast, browser: Browsers, settings: Settings, role: Role
) -> None:
    member, before = getattr(cast, role), time.time()
    answer = await (await browser().sign_in(member)).post("/console/ticket")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    given = await answer.json()
    assert given["url"] == f"{settings.media_public_url}/console"
    ticket = verify_console(settings.stream_shared_secret.get_secret_value(), given["ticket"])
    assert (ticket.org, ticket.sub, ticket.role) == (str(cast.a.id), str(member.id), member.role)
    assert before <= ticket.issued_at <= time.time()
    assert ticket.until is not None, "a console ends with the sign-in"
    assert 0 < ticket.until - before <= request_session.LIFETIME.total_seconds() + 1


async def test_every_ticket_is_another_one(cast: Cast, browser: Browsers) -> None:
    bob = await browser().sign_in(cast.bob)
    assert await (await bob.post("/console/ticket")).json() != await (await bob.post("/console/ticket")).json()


async def test_a_voice_token_is_for_that_member_in_australia(
    cast: Cast, browser: Browsers, settings: Settings
) -> None:
    answer = await (await browser().sign_in(cast.bob)).post("/voice/token")
    given = await answer.json()
    assert (given["identity"], given["edge"]) == (cast.bob.id.hex, "sydney")
    assert jwt.get_unverified_header(given["token"])["twr"] == "au1"
    claims = jwt.decode(given["token"], settings.twilio_api_key_secret.get_secret_value(), algorithms=["HS256"])
    assert (claims["iss"], claims["sub"]) == (settings.twilio_api_key_sid, settings.twilio_account_sid)
    assert 0 < claims["exp"] - claims["nbf"] <= 24 * 3600
    assert claims["grants"] == {
        "identity": cast.bob.id.hex,
        "voice": {
            "incoming": {"allow": True},
            "outgoing": {"application_sid": settings.twilio_twiml_app_sid},
        },
    }


@pytest.mark.parametrize("path", POSTS)
async def test_nothing_without_a_sign_in_or_from_another_site(cast: Cast, browser: Browsers, path: str) -> None:
    assert (await browser().post(path, json={"available": True})).status == 401
    bob = await browser().sign_in(cast.bob)
    assert (await bob.post(path, json={"available": True}, headers={"X-CSRF-Token": "0" * 64})).status == 403
    assert (await bob.get(path)).status == 405


@pytest.mark.parametrize(("path", "limit"), [("/console/ticket", CONSOLE_TICKETS), ("/voice/token", VOICE_TOKENS)])
async def test_passes_are_limited_per_member(
    cast: Cast, browser: Browsers, database: Database, path: str, limit: Limit
) -> None:
    await use_up(database, limit, cast.bob.id, leave=2)
    bob, dana = await browser().sign_in(cast.bob), await browser().sign_in(cast.dana)
    assert [(await bob.post(path)).status for _ in range(3)] == [200, 200, 429]
    refused = await bob.post(path, headers={"Accept": "application/json"})
    assert 0 < int(refused.headers["Retry-After"]) <= limit.seconds + 1
    assert (await dana.post(path)).status == 200


async def test_a_member_says_whether_calls_may_ring(cast: Cast, browser: Browsers, database: Database) -> None:
    async def rung() -> list[str]:
        async with database.begin() as session:
            return [member.name for member in await Members(session, cast.a.id).to_ring(10)]

    bob = await browser().sign_in(cast.bob)
    assert (await bob.post("/console/availability", json={"available": True})).status == 204
    assert await rung() == ["Bob Brown"]
    assert (await bob.post("/console/availability", json={"available": False})).status == 204
    assert await rung() == []


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '{"available": "yes"}', '{"available": 1}', '{"available": null}', "[" * 100_000]
)
async def test_availability_is_yes_or_no(cast: Cast, browser: Browsers, body: str) -> None:
    bob = await browser().sign_in(cast.bob)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = await bob.post("/console/availability", data=body, headers=headers)
    assert answer.status == 400
    assert "available" in json.loads(await answer.text())["error"]


async def test_a_strange_charset_is_a_bad_request(cast: Cast, browser: Browsers) -> None:
    bob = await browser().sign_in(cast.bob)
    headers = {"Content-Type": "application/json; charset=klingon"}
    assert (await bob.post("/console/availability", data=b"{}", headers=headers)).status == 400
