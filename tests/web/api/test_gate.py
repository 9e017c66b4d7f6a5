"""Who is let in, how often, and how a refusal reads."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
from sqlalchemy import func, select, update

from db.engine import Database
from db.models import ApiKey, RateLimit
from db.queries.integrations.api_keys import ApiKeys
from tests.kit.integrations.program import SCOPES, Program, issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.site import Site
from web.api.gate import REQUESTS, WRONG_KEYS
from web.api.operations import PREFIX
from web.api.table import OPERATIONS

NOBODY = "00000000-0000-0000-0000-000000000000"


def _path(path: str) -> str:
    return path.replace("{id}", NOBODY)


async def test_without_a_valid_key_nothing_is_answered(site: Site, database: Database, cast: Cast) -> None:
    issued = await issue(database, cast.alice)
    right = issued.token
    wrong = ["", "bilby_", right[:-1], right + "A", right.replace("bilby", "bylbi"), f"bilby_{'0' * 8}_{'a' * 43}"]
    wrong.append(right[:-1] + ("A" if right[-1] != "A" else "B"))
    for token in wrong:
        async with program(site.url, token) as stranger:
            for each in OPERATIONS:
                got = await stranger.ask(each.method, _path(each.path))
                assert (got.status, got.code) in ((401, "unauthorised"), (429, "too-many"))
                assert got.status == 429 or got.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_network_with_too_many_wrong_keys_waits(site: Site, database: Database, cast: Cast) -> None:
    right = await issue(database, cast.alice)
    async with program(site.url, f"bilby_{'0' * 8}_{'a' * 43}") as stranger, program(site.url, right.token) as crm:
        statuses = {(await stranger.get("/numbers")).status for _ in range(WRONG_KEYS.count)}
        got = await stranger.get("/numbers")
        assert (statuses, got.status, got.code) == ({401}, 429, "too-many")
        assert int(got.headers["Retry-After"]) > 0
        assert (await crm.get("/numbers")).status == 200


async def test_a_key_ends_when_it_is_revoked_or_expires(site: Site, database: Database, cast: Cast) -> None:
    lasting, ending = await issue(database, cast.alice), await issue(database, cast.alice, lasts=timedelta(days=1))
    async with program(site.url, lasting.token) as one, program(site.url, ending.token) as other:
        assert [(await each.get("/numbers")).status for each in (one, other)] == [200, 200]
        async with database.begin() as session:
            await ApiKeys(session, cast.a.id).revoke(lasting.key.id)
            past = update(ApiKey).where(ApiKey.id == ending.key.id)
            await session.execute(past.values(expires_at=func.now() - timedelta(seconds=1)))
        assert [(await each.get("/numbers")).status for each in (one, other)] == [401, 401]


async def test_its_use_is_noted_and_its_secret_is_nowhere(crm: Program, database: Database) -> None:
    await crm.get("/numbers")
    async with database.begin() as session:
        key = (await session.scalars(select(ApiKey))).one()
        stored = [str(getattr(key, column.key)) for column in ApiKey.__table__.columns]
    assert key.last_used_at is not None
    assert not [text for text in stored if crm.token.rpartition("_")[2] in text]


async def test_each_operation_needs_its_scope(site: Site, database: Database, cast: Cast) -> None:
    for scope in SCOPES:
        others = await issue(database, cast.alice, [each for each in SCOPES if each != scope])
        alone = await issue(database, cast.alice, [scope])
        async with program(site.url, others.token) as forbidden, program(site.url, alone.token) as allowed:
            for each in [each for each in OPERATIONS if each.scope == scope]:
                got = await forbidden.ask(each.method, _path(each.path))
                assert (got.status, got.code) == (403, "scope")
                assert (await allowed.ask(each.method, _path(each.path))).status in (200, 400, 404, 415)


async def test_every_answer_says_what_is_left(crm: Program, database: Database) -> None:
    got = await crm.get("/numbers")
    assert got.headers["RateLimit-Policy"] == f'"default";q={REQUESTS.count};w={REQUESTS.seconds}'
    assert got.headers["RateLimit"].startswith('"default";r=')
    async with database.begin() as session:  # as if it had asked all minute
        await session.execute(update(RateLimit).values(count=REQUESTS.count))
    got = await crm.get("/numbers")
    assert (got.status, got.code) == (429, "too-many")
    assert '"default";r=0;t=' in got.headers["RateLimit"]
    assert int(got.headers["Retry-After"]) > 0


async def test_whatever_else_is_asked_is_a_problem_too(crm: Program) -> None:
    got = await crm.get("/nothing")
    assert (got.status, got.code) == (404, "not-found")
    got = await crm.ask("GET", "")
    assert (got.status, got.code) == (404, "not-found")
    got = await crm.ask("PATCH", "/contacts")
    assert (got.status, got.code, got.headers["Allow"]) == (405, "method", "GET, POST")
    for path in ("/calls/x", f"/calls/{NOBODY}", f"/numbers/{NOBODY}", f"/members/{NOBODY}", f"/contacts/{NOBODY}"):
        got = await crm.get(path)
        assert (got.status, got.code) == (404, "not-found"), path


async def test_nobody_gets_another_organisations(site: Site, database: Database, cast: Cast) -> None:
    issued = await issue(database, cast.charlie)
    async with program(site.url, issued.token) as theirs:
        assert (await theirs.get(f"/members/{cast.bob.id}")).status == 404
        assert (await theirs.get(f"/numbers/{cast.number.id}")).status == 404
        numbers = (await theirs.get("/numbers")).body["data"]
        assert [each["e164"] for each in numbers] == [cast.number_b.e164]


async def test_a_cookie_is_no_key(site: Site) -> None:
    async with aiohttp.ClientSession(site.url) as http, http.get(f"{PREFIX}/calls", headers={"Cookie": "a=b"}) as got:
        assert got.status == 401
