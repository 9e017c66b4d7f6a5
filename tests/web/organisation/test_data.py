"""What is stored of people: exported by an owner, table by table, and erased so that nothing of it can be found."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy import func, select, update

from db.encryption import keyring_of
from db.engine import Database
from db.models import (
    Base,
    Call,
    Closure,
    Leg,
    Mail,
    Member,
    Organisation,
    Presence,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    WebhookEvent,
)
from db.queries.calls import Calls
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import People
from db.queries.members import Members
from db.queries.rights import exports
from db.queries.rights.erasures import FORMER, is_erased
from tests.kit import tenant_rows
from tests.kit.browser.page import page_of
from tests.kit.integrations.program import issue, program
from tests.kit.sign_in.authenticator import enrolled
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.rate_limits import use_up
from tests.kit.web.site import Browser, Site
from web.people.factor.checking import ATTEMPTS

Browsers = Callable[[], Browser]
MIA, NOAH = "+61412345678", "+61293744000"
SECRETS = ("secret", "former_secret", "secret_hash", "email_hash", "customer_hash", "number_hash")


async def _call(database: Database, cast: Cast, sid: str, customer: str, *, over: bool = True) -> Call:
    async with database.begin() as session:
        call = await Calls(session, cast.a.id).open(
            sid,
            direction="inbound",
            from_number=customer,
            to_number=cast.number.e164,
            number_id=cast.number.id,
            agent_id=cast.bob.id,
            customer=customer,
        )
        call.note = f"about {customer}"
        call.outcome = "answered" if over else None
        leg = Leg(leg_sid=f"{sid}leg", organisation_id=cast.a.id, call_id=call.id, member_id=cast.bob.id)
        leg.status = "completed"
        session.add(leg)
    return call


def _tables(sent: bytes) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(sent)) as archive:
        assert archive.testzip() is None
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))
            for name in archive.namelist()
            if name.endswith(".csv")
        }


async def _download(answer: aiohttp.ClientResponse) -> dict[str, list[dict[str, str]]]:
    assert (answer.status, answer.content_type) == (200, "application/zip")
    return _tables((await answer.text("latin-1")).encode("latin-1"))


async def _mentions(database: Database, number: str) -> bool:
    """Whether any column of any table still holds the number, encrypted or as a hash."""
    async with database.begin() as session:
        hashes = {digest.hex() for digest in keyring_of(session).hashes("number", number)}
        for table in tenant_rows.tables():
            for row in (await session.execute(select(table))).mappings():
                kept = {value.hex() if isinstance(value, bytes) else str(value) for value in row.values()}
                if hashes & kept or any(number in value for value in kept):
                    return True
    return False


async def test_an_organisation_exports_every_table_and_nothing_of_others(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    await tenant_rows.fill(database, cast.a.id, cast.alice.id)
    for number in range(3):
        await _call(database, cast, f"CA{number}", MIA)
    owner = await browser().sign_in(cast.alice)
    found = await _download(await owner.get("/settings/data/export.zip"))
    assert set(found) == {table.name for table in exports.tables()}
    assert len(found["calls"]) == 4
    assert {row["from_number"] for row in found["calls"]} >= {MIA}
    assert len(found["legs"]) == 4
    assert {row["name"] for row in found["members"]} >= {"Alice Ashby", "Bob Brown"}
    assert not {column for rows in found.values() for column in rows[0]} & set(SECRETS)
    assert str(cast.b.id) not in str(found)
    assert "Charlie" not in str(found)
    (entry,) = await recorded(database, cast.a, "data.exported")
    assert entry["of"] == "organisation"


def test_no_table_is_forgotten() -> None:
    """A table of an organisation is exported, or stands in the list of those that are not."""
    exported = {table.name for table in exports.tables()}
    every = {table.name for table in Base.metadata.sorted_tables if "organisation_id" in table.columns}
    assert exported | set(exports.LEFT_OUT) == every | {"organisations"}
    assert exported & set(exports.LEFT_OUT) == set()


async def test_a_long_table_comes_page_by_page(cast: Cast, browser: Browsers, database: Database) -> None:
    names = {f"+614{number:08}": f"Name {number}" for number in range(2 * exports.PAGE + 1)}
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep(names)
    owner = await browser().sign_in(cast.alice)
    found = await _download(await owner.get("/settings/data/export.zip"))
    assert {row["number"]: row["name"] for row in found["contacts"]} == names


async def test_a_member_is_exported_and_erased(cast: Cast, browser: Browsers, database: Database) -> None:
    call = await _call(database, cast, "CA1", MIA)
    await (browser()).sign_in_by_link(cast.bob)
    owner, at = await browser().sign_in(cast.alice), f"/settings/data/members/{cast.bob.id}"
    found = await _download(await owner.get(f"{at}/export.zip"))
    assert [row["email"] for row in found["members"]] == [cast.bob.email]
    assert [row["id"] for row in found["calls"]] == [str(call.id)]
    assert (await owner.post(f"{at}/erase")).status == 400  # is still in the team
    async with database.begin() as session:
        for row in _personal(cast):
            session.add(row)
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await owner.post(f"{at}/erase")).status == 303
    async with database.begin() as session:
        bob = await session.get(Member, cast.bob.id)
        assert bob is not None
        assert is_erased(bob)
        assert cast.bob.name not in (bob.name, bob.email)
        for row in _personal(cast):
            mine = select(func.count()).select_from(type(row)).where(type(row).member_id == cast.bob.id)
            assert await session.scalar(mine) == 0
        assert (await session.get(Call, call.id)) is not None
    assert (await owner.post(f"{at}/erase")).status == 404
    assert await recorded(database, cast.a, "member.erased") == [{"role": "agent"}]


def _personal(cast: Cast) -> list[Any]:
    """What is about nobody but Bob."""
    mine = {"member_id": cast.bob.id, "organisation_id": cast.a.id}
    return [
        Presence(**mine),
        SecondFactor(**mine, secret="A" * 32),
        RecoveryCode(**mine, code_hash=b"code"),
        SignInLink(
            member_id=cast.bob.id, token_hash=b"link", requested_from=b"", expires_at=datetime.now(UTC) + timedelta(1)
        ),
    ]


async def test_a_customer_is_exported_and_erased(cast: Cast, browser: Browsers, database: Database) -> None:
    await _call(database, cast, "CA1", MIA)
    other = await _call(database, cast, "CA2", NOAH)
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep({MIA: "Mia Moore", NOAH: "Noah North"})
        for number in (MIA, NOAH):
            await BlockedNumbers(session, cast.a.id).add(number, cast.bob.id)
        for number in (MIA, NOAH):
            body = f'{{"from": "{number}"}}'
            session.add(WebhookEvent(organisation_id=cast.a.id, type="call.ended", body=body))
    owner = await browser().sign_in(cast.alice)
    looked_up = await owner.post("/settings/data/customer", data={"number": "0412 345 678"})
    assert 'data-calls="1"' in await looked_up.text()
    found = await _download(await owner.post("/settings/data/customer/export.zip", data={"number": MIA}))
    assert [row["name"] for row in found["contacts"]] == ["Mia Moore"]
    assert [row["number"] for row in found["blocked_numbers"]] == [MIA]
    assert [row["call_sid"] for row in found["calls"]] == ["CA1"]
    assert [row["leg_sid"] for row in found["legs"]] == ["CA1leg"]
    wrong = await owner.post("/settings/data/customer/erase", data={"number": MIA, "again": NOAH})
    assert wrong.status == 400
    assert await _mentions(database, MIA)
    done = await owner.post("/settings/data/customer/erase", data={"number": MIA, "again": "0412 345 678"})
    assert done.status == 303
    assert MIA not in done.headers["Location"]
    assert not await _mentions(database, MIA)
    assert await _mentions(database, NOAH)
    async with database.begin() as session:
        assert await session.get(Call, other.id) is not None
    assert await recorded(database, cast.a, "customer.erased") == [{"calls": 1, "contacts": 1, "events": 1}]


async def test_a_customer_with_several_numbers_is_exported_and_erased_as_one(
    cast: Cast, browser: Browsers, database: Database, site: Site
) -> None:
    """Their notes go as well, and what the API kept of those to answer again."""
    issued = await issue(database, cast.alice)
    await _call(database, cast, "CA1", MIA)
    await _call(database, cast, "CA2", NOAH)
    async with database.begin() as session:
        (await session.merge(cast.a)).notes_on = True
        contacts = Contacts(session, cast.a.id)
        mia, other = await contacts.add("Mia Moore", MIA), await contacts.add("Mia", NOAH)
        await ContactNotes(session, cast.a.id).add(other.id, cast.bob.id, "has a dog")
        await People(session, cast.a.id).merge(mia, other, "Mia Moore")
    async with program(site.url, issued.token) as crm:
        sent = {"contact": str(mia.id), "text": "has a cat"}
        got = await crm.ask("POST", "/contact-notes", json=sent, headers={"Idempotency-Key": "one"})
        assert got.status == 201
    owner = await browser().sign_in(cast.alice)
    looked_up = await owner.post("/settings/data/customer", data={"number": NOAH})
    assert 'data-others="1"' in await looked_up.text()
    found = await _download(await owner.post("/settings/data/customer/export.zip", data={"number": NOAH}))
    assert {row["number"] for row in found["contacts"]} == {MIA, NOAH}
    assert {row["text"] for row in found["contact_notes"]} == {"has a dog", "has a cat"}
    assert {row["call_sid"] for row in found["calls"]} == {"CA1", "CA2"}
    done = await owner.post("/settings/data/customer/erase", data={"number": NOAH, "again": NOAH})
    assert done.status == 303
    for gone in (MIA, NOAH, "has a dog", "has a cat"):
        assert not await _mentions(database, gone), gone
    assert await recorded(database, cast.a, "customer.erased") == [{"calls": 2, "contacts": 2, "events": 1}]


async def test_a_members_notes_are_exported_with_them_and_stay_without_their_name(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    async with database.begin() as session:
        mia = await Contacts(session, cast.a.id).add("Mia Moore", MIA)
        await ContactNotes(session, cast.a.id).add(mia.id, cast.bob.id, "has a dog")
    owner, at = await browser().sign_in(cast.alice), f"/settings/data/members/{cast.bob.id}"
    found = await _download(await owner.get(f"{at}/export.zip"))
    assert [row["text"] for row in found["contact_notes"]] == ["has a dog"]
    async with database.begin() as session:
        await Members(session, cast.a.id).remove(cast.bob.id)
    assert (await owner.post(f"{at}/erase")).status == 303
    async with database.begin() as session:
        (note,) = (await ContactNotes(session, cast.a.id).of([mia.id]))[mia.id]
    assert (note.text, note.author) == ("has a dog", FORMER)


async def test_nobody_is_erased_in_the_middle_of_a_call(cast: Cast, browser: Browsers, database: Database) -> None:
    await _call(database, cast, "CA1", MIA, over=False)
    owner = await browser().sign_in(cast.alice)
    answer = await owner.post("/settings/data/customer/erase", data={"number": MIA, "again": MIA})
    assert answer.status == 409
    assert await _mentions(database, MIA)


async def test_what_cannot_be_a_number_is_shown_again(cast: Cast, browser: Browsers) -> None:
    owner = await browser().sign_in(cast.alice)
    answer = await owner.post("/settings/data/customer", data={"number": "Mia"})
    assert answer.status == 400
    assert 'value="Mia"' in await answer.text()


async def _closure(database: Database, organisation: Organisation) -> Closure | None:
    async with database.begin() as session:
        return await session.get(Closure, organisation.id)


async def _mails(database: Database) -> int:
    async with database.begin() as session:
        return len((await session.scalars(select(Mail.id))).all())


async def test_closing_takes_the_organisations_name(cast: Cast, browser: Browsers, database: Database) -> None:
    owner = await browser().sign_in(cast.alice)
    for name in ("", "Banksia Books"):
        assert (await owner.post("/settings/data/close", data={"name": name})).status == 400
    assert await _closure(database, cast.a) is None
    for _ in range(2):
        assert (await owner.post("/settings/data/close", data={"name": "acacia  clinic"})).status == 303
    closure = await _closure(database, cast.a)
    assert closure is not None
    assert closure.due_at - closure.asked_at == timedelta(days=14)
    assert 'data-closing="asked"' in await (await owner.get("/settings/data")).text()
    assert await _mails(database) == 1
    assert len(await recorded(database, cast.a, "organisation.closing_asked")) == 1


async def test_closing_takes_a_code_of_who_has_a_second_factor(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    owner = await browser().sign_in(cast.alice)
    app, _ = await enrolled(database, cast.alice)
    assert (await owner.page("/settings/data")).all("input", name="code")
    named = {"name": cast.a.name}
    for sent in (named, named | {"code": app.wrong()}):
        assert (await owner.post("/settings/data/close", data=sent)).status == 400
    assert await _closure(database, cast.a) is None
    assert (await owner.post("/settings/data/close", data=named | {"code": app.code()})).status == 303
    assert await _closure(database, cast.a) is not None


async def test_who_tries_too_many_codes_waits_and_need_not_type_the_rest_again(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    owner = await browser().sign_in(cast.alice)
    app, _ = await enrolled(database, cast.alice)
    await use_up(database, ATTEMPTS, cast.alice.id)
    answer = await owner.post("/settings/data/close", data={"name": cast.a.name, "code": app.code()})
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (429, True)
    assert (await page_of(answer)).fields["name"] == cast.a.name
    assert await _closure(database, cast.a) is None


async def test_it_is_taken_back_unless_it_has_begun(cast: Cast, browser: Browsers, database: Database) -> None:
    owner = await browser().sign_in(cast.alice)
    await owner.post("/settings/data/close", data={"name": "Acacia Clinic"})
    assert (await owner.post("/settings/data/keep")).status == 303
    assert await _closure(database, cast.a) is None
    assert await _mails(database) == 2
    await owner.post("/settings/data/close", data={"name": "Acacia Clinic"})
    async with database.begin() as session:
        await session.execute(update(Closure).values(state="ending"))
    assert (await owner.post("/settings/data/keep")).status == 409
    assert await _closure(database, cast.a) is not None
    assert 'data-closing="begun"' in await (await owner.get("/settings/data")).text()


async def test_a_suspended_organisations_console_says_so(cast: Cast, browser: Browsers, database: Database) -> None:
    owner = await browser().sign_in(cast.alice)
    values: dict[str, Any] = {"suspended_at": datetime.now(UTC), "suspended_for": "An invoice is disputed."}
    async with database.begin() as session:
        await session.execute(update(Organisation).where(Organisation.id == cast.a.id).values(**values))
    page = await (await owner.get("/console")).text()
    assert 'data-payment="suspended"' in page
    assert "An invoice is disputed." in page
    assert (await owner.post("/console/ticket", headers={"Accept": "application/json"})).status != 200
