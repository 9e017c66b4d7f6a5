"""Contacts: tables of every shape, and what is kept of them, encrypted and of one organisation only."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from db.engine import Database, asyncpg_dsn
from db.queries.contacts.contacts import Contacts
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.contacts import table as contacts_table
from web.contacts.page import LISTED

Browsers = Callable[[], Browser]
MIA = {"+61412345678": "Mia Moore"}


@pytest.mark.parametrize(
    "text",
    [
        "Mia Moore, 0412 345 678",
        "0412345678;Mia Moore",
        "+61 412 345 678\tMia Moore\n\n",
        "Name,Number\nMia Moore,(0412) 345 678",
        '\ufeffPhone,City,Name\r\n"0412 345 678",Sydney,"Mia Moore"\r\n',
        "Mia,Moore,0412 345 678",
        "Mia Moor,0412345678\nMia Moore,0412 345 678",
    ],
)
def test_tables_of_every_shape(text: str) -> None:
    table = contacts_table.read(text)
    assert (table.names, list(table.wrong)) == (MIA, [])


@pytest.mark.parametrize(
    "text", ["Mia Moore", "Mia Moore, 12", ", 0412345678", f"{'x' * 121}, 0412345678", "Name,Number\nMia,", '"Mia']
)
def test_a_line_that_cannot_be_read_is_named(text: str) -> None:
    table = contacts_table.read(text)
    assert len(table.wrong) == 1
    assert table.names == {}


def test_flags_are_yes_no_or_left_as_they_are() -> None:
    table = contacts_table.read(
        "Name,Number,Do not call,Do not transcribe\nMia,0412345678,Yes,\nNoah,0293744000,no,x\nIvy,0412345679"
    )
    assert table.flags == {
        "+61412345678": {"do_not_call": True},
        "+61293744000": {"do_not_call": False, "do_not_transcribe": True},
        "+61412345679": {},
    }
    assert len(contacts_table.read("Name,Number,Do not call\nMia,0412345678,perhaps").wrong) == 1


async def test_an_import_sets_flags_and_leaves_others(browser: Browsers, cast: Cast, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    first = {"table": "Name,Number,Do not call,Do not transcribe\nMia,0412345678,yes,yes"}
    assert (await alice.post("/contacts", data=first)).status == 303
    second = {"table": "Name,Number,Do not call,Do not transcribe\nMia,0412345678,,no"}
    assert (await alice.post("/contacts", data=second)).status == 303
    async with database.begin() as session:
        card = (await Contacts(session, cast.a.id).cards(["+61412345678"]))["+61412345678"]
    assert (card.do_not_call, card.do_not_transcribe) == (True, False)


def test_not_every_wrong_line_is_named() -> None:
    assert len(contacts_table.read("nobody\n" * 500).wrong) == 11


async def names(database: Database, cast: Cast) -> dict[str, str]:
    async with database.begin() as session:
        people = await Contacts(session, cast.a.id).page(None, after=None, limit=100)
    return {each.number: each.name for each in people}


async def test_what_is_kept_is_encrypted_and_found_again(
    browser: Browsers, cast: Cast, database: Database, owner_url: str
) -> None:
    alice = await browser().sign_in(cast.alice)
    sent = {"table": "Mia Moore, 0412 345 678\nNoah North, 02 9374 4000"}
    assert (await alice.post("/contacts", data=sent)).status == 303
    assert (await alice.post("/contacts", data={"table": "Mia Miller, 0412345678"})).status == 303
    assert await names(database, cast) == {"+61412345678": "Mia Miller", "+61293744000": "Noah North"}
    async with database.begin() as session:
        assert await Contacts(session, cast.a.id).named(["+61412345678"]) == {"+61412345678": "Mia Miller"}
        assert await Contacts(session, cast.b.id).named(["+61412345678"]) == {}
    owner = await asyncpg.connect(asyncpg_dsn(owner_url))
    raw = b"".join(row["name"] + row["number"] for row in await owner.fetch("SELECT name, number FROM contacts"))
    await owner.close()
    assert not any(word in raw for word in (b"Mia", b"North", b"412345678"))
    page = await (await alice.get("/contacts")).text()
    assert "Mia Miller" in page


async def test_a_wrong_line_keeps_the_table_as_typed_and_nothing_else(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    for text in ("Mia Moore, 0412 345 678\nNobody", "", "   "):
        answer = await alice.post("/contacts", data={"table": text})
        assert answer.status == 400
        assert text.strip() in await answer.text()
    assert await names(database, cast) == {}


async def test_one_is_removed_or_all_are(browser: Browsers, cast: Cast, database: Database) -> None:
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    await alice.post("/contacts", data={"table": "Mia, 0412 345 678\nNoah, 02 9374 4000\nOla, 02 9374 4001"})
    async with database.begin() as session:
        people = await Contacts(session, cast.a.id).page(None, after=None, limit=100)
    contacts = {each.name: each.id for each in people}
    assert (await charlie.post(f"/contacts/{contacts['Mia']}/remove")).status == 404
    assert (await charlie.post("/contacts/remove")).status == 303
    assert (await alice.post(f"/contacts/{contacts['Mia']}/remove")).status == 303
    assert sorted((await names(database, cast)).values()) == ["Noah", "Ola"]
    assert (await alice.post("/contacts/remove")).status == 303
    assert await names(database, cast) == {}


async def test_only_for_who_may(browser: Browsers, cast: Cast) -> None:
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    assert (await sam.page("/contacts")).all("form", action="/contacts", method="post") == []
    assert (await sam.post("/contacts", data={"table": "Mia, 0412 345 678"})).status == 403
    assert (await bob.get("/contacts")).status == 403
    assert (await bob.post("/contacts", data={"table": "Mia, 0412 345 678"})).status == 403


async def _imported(browser: Browser, table: str) -> dict[str, int]:
    """What an import reports."""
    answer = await browser.post("/contacts", data={"table": table})
    assert answer.status == 303
    report = (await browser.page(answer.headers["Location"])).one("div", class_="saved").attributes
    return {name.removeprefix("data-"): int(text) for name, text in report.items() if name.startswith("data-")}


async def test_an_import_reports_what_was_added_updated_and_left_out(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    heading = "Name,Number,Do not call\n"
    first = f"{heading}Mia,0412345678,\nmia,0293744000,\nNoah,0412345679,\nMia,+61 412 345 678,"
    assert await _imported(alice, first) == {"added": 3, "changed": 0, "same": 0, "repeated": 1, "alike": 1}
    second = f"{heading}Mia,0412345678,yes\nMia,0293744000,\nNoah,0412345679,\nOla,0412345670,no"
    assert await _imported(alice, second) == {"added": 1, "changed": 2, "same": 1, "repeated": 0, "alike": 1}
    assert len(await names(database, cast)) == 4  # nobody is merged by themselves


async def test_one_is_found_by_a_part_of_the_name_or_the_number(browser: Browsers, cast: Cast) -> None:
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    await alice.post("/contacts", data={"table": "Mia Moore, 0412 345 678\nNoah North, 02 9374 4000"})
    for text, count in (
        ("moO", 1),
        ("0412 345", 1),
        ("02 9374 4000", 1),
        ("9374", 1),
        ("o", 2),
        ("Ola", 0),
        ("41", 0),
    ):
        assert len((await alice.page(f"/contacts?q={text}")).data("contact")) == count, text
    assert (await charlie.page("/contacts?q=mia")).data("contact") == []


async def test_a_long_list_goes_on_on_the_next_page(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep({f"+614{number:08}": "Mia" for number in range(LISTED + 3)})
    alice = await browser().sign_in(cast.alice)
    page = await alice.page("/contacts")
    (older,) = [link["href"] for link in page.all("a") if "before=" in (link.get("href") or "")]
    assert len(page.data("contact")) == LISTED
    assert len((await alice.page(older)).data("contact")) == 3
