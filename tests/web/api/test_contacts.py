"""Contacts: what a program adds, changes and removes; and that a write sent twice is done once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, KeptAnswer
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import MOST_NUMBERS
from provisioning.schedule import ANSWERS, forget
from tests.kit.integrations.program import Got, Program, issue, program
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Site

MIA = {"name": "Mia Moore", "number": "0412 345 678"}


async def _all(crm: Program) -> dict[str, str]:
    return {each["number"]: each["name"] for each in (await crm.get("/contacts")).body["data"]}


async def _add(crm: Program, body: Any, key: str = "") -> Got:
    return await crm.ask("POST", "/contacts", json=body, headers={"Idempotency-Key": key} if key else {})


async def _merge(crm: Program, whose: Any, **body: Any) -> Got:
    return await crm.ask("POST", f"/contacts/{whose['id']}/merge", json=body)


async def _split(crm: Program, whose: Any, **body: Any) -> Got:
    return await crm.ask("POST", f"/contacts/{whose['id']}/split", json=body)


async def test_added_found_changed_and_removed(crm: Program, database: Database, cast: Cast) -> None:
    added = await _add(crm, MIA)
    assert added.status == 201
    assert (added.body["name"], added.body["number"]) == ("Mia Moore", "+61412345678")
    path = f"/contacts/{added.body['id']}"
    assert (await crm.get(path)).body == added.body
    assert (await crm.get("/contacts", number="0412345678")).body["data"] == [added.body]
    changed = await crm.ask("PATCH", path, json={"name": "Mia  Mole"})
    assert (changed.status, changed.body["name"], changed.body["number"]) == (200, "Mia Mole", "+61412345678")
    moved = await crm.ask("PATCH", path, json={"number": "+61 2 9374 4000"})
    assert await _all(crm) == {"+61293744000": "Mia Mole"}
    assert moved.body["id"] == added.body["id"]
    removed = await crm.ask("DELETE", path)
    assert (removed.status, removed.body) == (204, None)
    assert (await crm.ask("DELETE", path)).status == 404
    async with database.begin() as session:
        entries = (await session.scalars(select(AuditEntry).order_by(AuditEntry.at))).all()
    assert [each.action for each in entries] == ["contacts.kept"] * 3 + ["contacts.removed"]
    assert {(each.actor_id, each.actor) for each in entries} == {(None, "API key CRM")}


async def test_flags_are_set_and_what_is_left_out_stays(crm: Program) -> None:
    added = (await _add(crm, {**MIA, "do_not_call": True})).body
    assert (added["do_not_call"], added["do_not_transcribe"]) == (True, False)
    path = f"/contacts/{added['id']}"
    changed = (await crm.ask("PATCH", path, json={"do_not_transcribe": True})).body
    assert (changed["do_not_call"], changed["do_not_transcribe"]) == (True, True)
    changed = (await crm.ask("PATCH", path, json={"do_not_call": False})).body
    assert (changed["do_not_call"], changed["do_not_transcribe"]) == (False, True)
    assert (await crm.ask("PATCH", path, json={"do_not_call": "yes"})).status == 400


async def test_one_person_has_several_numbers(crm: Program) -> None:
    home, work = "+61293744000", "+61412345679"
    added = await _add(crm, {**MIA, "further_numbers": [home, "0412 345 678"], "do_not_call": True})
    assert added.body["numbers"] == ["+61412345678", home]
    path = f"/contacts/{added.body['id']}"
    for number in added.body["numbers"]:
        assert (await crm.get("/contacts", number=number)).body["data"] == [added.body]
    changed = await crm.ask("PATCH", path, json={"further_numbers": [work]})
    assert changed.body["numbers"] == ["+61412345678", work]
    swapped = await crm.ask("PATCH", path, json={"number": work, "further_numbers": ["+61412345678"]})
    assert (swapped.body["id"], swapped.body["numbers"]) == (added.body["id"], [work, "+61412345678"])
    other = (await _add(crm, {"name": "Noah", "number": home})).body
    assert (await crm.ask("PATCH", path, json={"further_numbers": [home]})).code == "conflict"
    assert (await crm.ask("PATCH", path, json={"further_numbers": ["12"]})).code == "invalid"
    assert (await crm.get(path)).body == swapped.body
    assert (await crm.ask("DELETE", path)).status == 204
    assert (await crm.get("/contacts")).body["data"] == [other]


async def test_two_contacts_are_merged_and_split_again(crm: Program, database: Database, cast: Cast) -> None:
    home, mobile = "+61293744000", "+61412345678"
    one = (await _add(crm, {"name": "Mia Moore", "number": home, "do_not_call": True})).body
    two = (await _add(crm, {"name": "Mia (mobile)", "number": mobile, "do_not_transcribe": True})).body
    merged = await _merge(crm, one, contact=two["id"])
    assert (merged.status, merged.body["id"], merged.body["name"]) == (200, one["id"], "Mia Moore")
    assert (merged.body["numbers"], merged.body["do_not_call"], merged.body["do_not_transcribe"]) == (
        [home, mobile],
        True,
        True,
    )
    assert (await crm.get(f"/contacts/{two['id']}")).body == merged.body
    split = await _split(crm, two, number="0412 345 678")
    assert (split.status, split.body["id"], split.body["name"]) == (200, two["id"], "Mia (mobile)")
    assert (await crm.get(f"/contacts/{one['id']}")).body["numbers"] == [home]
    renamed = await _merge(crm, two, contact=one["id"], name=" Mia  Miller ")
    assert (renamed.body["id"], renamed.body["name"]) == (two["id"], "Mia Miller")
    assert renamed.body["numbers"] == [mobile, home]
    first = await _split(crm, two, number=mobile)  # the first one: what is left is led by another
    assert (first.body["id"], first.body["numbers"]) == (two["id"], [mobile])
    assert (await crm.get(f"/contacts/{one['id']}")).body["numbers"] == [home]
    assert await recorded(database, cast.a, "contacts.merged") == [{"numbers": 2}] * 2
    assert len(await recorded(database, cast.a, "contacts.split")) == 2


async def test_only_two_of_the_organisations_own_are_merged(crm: Program, database: Database, cast: Cast) -> None:
    mia, noah = [
        (await _add(crm, {"name": name, "number": number})).body
        for name, number in (("Mia", "+61412345678"), ("Noah", "+61293744000"))
    ]
    async with database.begin() as session:
        theirs = (await Contacts(session, cast.b.id).add("Mia", "+61412345679")).id
    refused = [
        await _merge(crm, mia, contact=mia["id"]),
        await _merge(crm, mia, contact=str(theirs)),
        await _merge(crm, {"id": str(theirs)}, contact=mia["id"]),
        await _merge(crm, mia, contact=str(uuid4())),
        await _merge(crm, mia, contact=noah["id"], name="\u200b"),
        await _merge(crm, mia),
        await _merge(crm, mia, contact="Noah"),
        await _merge(crm, {"id": "Mia"}, contact=noah["id"]),
    ]
    codes = ["invalid", "not-found", "not-found", "not-found", "invalid", "invalid", "invalid", "not-found"]
    assert [each.code for each in refused] == codes
    assert (await _merge(crm, mia, contact=noah["id"])).status == 200
    assert (await _merge(crm, mia, contact=noah["id"])).code == "invalid"  # they are one already
    assert await recorded(database, cast.a, "contacts.merged") == [{"numbers": 2}]


async def test_one_person_has_no_more_numbers_than_the_most(crm: Program) -> None:
    numbers = [f"+614123400{place:02}" for place in range(MOST_NUMBERS + 1)]
    full = (await _add(crm, {"name": "Mia", "number": numbers[0], "further_numbers": numbers[1:-1]})).body
    other = (await _add(crm, {"name": "Mia", "number": numbers[-1]})).body
    assert (await _merge(crm, full, contact=other["id"])).code == "conflict"
    assert (await crm.get(f"/contacts/{other['id']}")).body == other


async def test_only_a_further_number_of_theirs_is_split_off(crm: Program, database: Database, cast: Cast) -> None:
    mia = (await _add(crm, MIA)).body
    async with database.begin() as session:
        theirs = (await Contacts(session, cast.b.id).add("Mia", "+61412345679")).id
    refused = [
        await _split(crm, mia, number=mia["number"]),
        await _split(crm, mia, number="+61293744000"),
        await _split(crm, mia, number="12"),
        await _split(crm, {"id": str(theirs)}, number="+61412345679"),
        await _split(crm, mia),
    ]
    assert [each.code for each in refused] == ["conflict", "not-found", "invalid", "not-found", "invalid"]
    assert await recorded(database, cast.a, "contacts.split") == []


async def test_a_merge_sent_twice_is_done_once(crm: Program, database: Database, cast: Cast) -> None:
    mia, noah = (await _add(crm, MIA)).body, (await _add(crm, {"name": "Noah", "number": "+61293744000"})).body
    sent = {"json": {"contact": noah["id"]}, "headers": {"Idempotency-Key": "one"}}
    first, again = [await crm.ask("POST", f"/contacts/{mia['id']}/merge", **sent) for _ in range(2)]
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await recorded(database, cast.a, "contacts.merged")) == 1


async def test_a_key_that_only_reads_merges_nothing(site: Site, database: Database, cast: Cast) -> None:
    issued = await issue(database, cast.alice, ["contacts:read"])
    async with program(site.url, issued.token) as reader:
        for action in ("merge", "split"):
            assert (await reader.ask("POST", f"/contacts/{uuid4()}/{action}", json={})).code == "scope"


async def test_a_number_has_one_contact(crm: Program) -> None:
    await _add(crm, MIA)
    other = (await _add(crm, {"name": "Noah North", "number": "+61293744000"})).body["id"]
    got = await _add(crm, {"name": "Another", "number": "+61412345678"})
    assert (got.status, got.code) == (409, "conflict")
    got = await crm.ask("PATCH", f"/contacts/{other}", json={"number": "+61412345678"})
    assert (got.status, got.code) == (409, "conflict")
    assert len(await _all(crm)) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "Mia",
        {"name": "", "number": "+61412345678"},
        {"name": "\u200b", "number": "+61412345678"},
        {"name": "x" * 121, "number": "+61412345678"},
        {"name": "Mia", "number": "12"},
        {"name": "Mia", "number": 61412345678},
        {**MIA, "note": "words"},
    ],
)
async def test_what_is_no_contact_is_refused(crm: Program, body: Any) -> None:
    got = await _add(crm, body)
    assert (got.status, got.code) == (400, "invalid")
    assert await _all(crm) == {}


async def test_only_json_is_read(crm: Program) -> None:
    got = await crm.ask("POST", "/contacts", data={"name": "Mia"})
    assert (got.status, got.code) == (415, "media-type")
    got = await crm.ask("POST", "/contacts", data=b"{", headers={"Content-Type": "application/json"})
    assert (got.status, got.code) == (400, "invalid")
    got = await crm.ask("POST", "/contacts", data=b" " * 300_000, headers={"Content-Type": "application/json"})
    assert (got.status, got.code) == (413, "too-large")


async def test_a_write_sent_twice_is_done_once(crm: Program, database: Database) -> None:
    first, again = await _add(crm, MIA, "one"), await _add(crm, MIA, '"one"')
    assert (again.status, again.body) == (first.status, first.body)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    path = f"/contacts/{first.body['id']}"
    removed = [await crm.ask("DELETE", path, headers={"Idempotency-Key": "two"}) for _ in range(2)]
    assert [(each.status, each.body) for each in removed] == [(204, None)] * 2
    got = await _add(crm, {**MIA, "name": "Other"}, "one")
    assert (got.status, got.code) == (422, "key-reused")
    assert await _all(crm) == {}


async def test_a_refusal_is_not_kept(crm: Program) -> None:
    assert (await _add(crm, {**MIA, "number": "12"}, "one")).status == 400
    assert (await _add(crm, MIA, "one")).status == 201


async def test_at_the_same_time_as_well(crm: Program) -> None:
    got = await asyncio.gather(*(_add(crm, MIA, "one") for _ in range(6)))
    assert {each.status for each in got} <= {201, 409}
    assert {each.code for each in got if each.status == 409} <= {"in-progress"}
    assert len({each.body["id"] for each in got if each.status == 201}) == 1
    assert len(await _all(crm)) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "caf\u00e9"])
async def test_a_key_that_is_none(crm: Program, key: str) -> None:
    got = await crm.ask("POST", "/contacts", json=MIA, headers={"Idempotency-Key": key})
    assert (got.status, got.code) == (400, "invalid")


async def test_answers_are_kept_encrypted_and_for_a_day(crm: Program, database: Database) -> None:
    await _add(crm, MIA, "one")
    await forget(database)
    async with database.begin() as session:
        assert len((await session.scalars(select(KeptAnswer))).all()) == 1
        old = datetime.now(UTC) - ANSWERS - timedelta(seconds=1)
        await session.execute(update(KeptAnswer).values(created_at=old))
    await forget(database)
    async with database.begin() as session:
        assert (await session.scalars(select(KeptAnswer))).all() == []
