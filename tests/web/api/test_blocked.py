"""The block list: what a program blocks and lets ring again."""

from __future__ import annotations

import pytest

from db.engine import Database
from db.queries.contacts.blocked_numbers import BlockedNumbers
from tests.kit.integrations.program import Program, issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Site

MIA, NOAH = "+61412345678", "+61293744000"


async def test_blocked_found_and_let_through(crm: Program, database: Database, cast: Cast) -> None:
    added = await crm.ask("POST", "/blocked", json={"number": "0412 345 678"})
    assert (added.status, added.body["number"], added.body["blocked_by"]) == (201, MIA, str(cast.alice.id))
    async with database.begin() as session:
        assert await BlockedNumbers(session, cast.a.id).of(MIA) is not None
    again = await crm.ask("POST", "/blocked", json={"number": MIA})
    assert (again.status, again.code) == (409, "conflict")
    path = f"/blocked/{added.body['id']}"
    assert (await crm.get(path)).body == added.body
    assert (await crm.get("/blocked", number=MIA)).body["data"] == [added.body]
    assert (await crm.get("/blocked", number=NOAH)).body["data"] == []
    assert [(await crm.ask("DELETE", path)).status for _ in range(2)] == [204, 404]
    assert (await crm.get(path)).status == 404
    for action in ("number.blocked", "number.unblocked"):
        assert await recorded(database, cast.a, action) == [{}]


async def test_page_by_page(crm: Program, database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        numbers = [f"+614000000{number:02}" for number in range(5)]
        await BlockedNumbers(session, cast.a.id).add_all(numbers, cast.alice.id)
        await BlockedNumbers(session, cast.b.id).add(MIA, cast.charlie.id)
    found, cursor = [], ""
    while cursor is not None:
        got = (await crm.get("/blocked", limit="2", **({"cursor": cursor} if cursor else {}))).body
        found += [each["number"] for each in got["data"]]
        cursor = got["next_cursor"]
    assert sorted(found) == numbers


async def test_sent_twice_it_is_done_once(crm: Program) -> None:
    sent = [
        await crm.ask("POST", "/blocked", json={"number": MIA}, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert (sent[0].status, sent[0].body) == (sent[1].status, sent[1].body)
    assert sent[1].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("body", [{}, {"number": "12"}, {"number": MIA, "reason": "words"}])
async def test_what_is_no_number_is_refused(crm: Program, body: dict[str, str]) -> None:
    got = await crm.ask("POST", "/blocked", json=body)
    assert (got.status, got.code) == (400, "invalid")


async def test_a_key_reads_or_writes_as_its_scopes_say(site: Site, database: Database, cast: Cast) -> None:
    issued = await issue(database, cast.alice, scopes=["blocked:read", "contacts:write"])
    async with program(site.url, issued.token) as reader:
        assert (await reader.get("/blocked")).status == 200
        assert (await reader.ask("POST", "/blocked", json={"number": MIA})).status == 403
