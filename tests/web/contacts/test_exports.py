"""Contacts and the block list as CSV: what is exported can be imported, and is written down."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO

from db.engine import Database
from db.queries.contacts.blocked_numbers import BlockedNumbers
from db.queries.contacts.contacts import Contacts
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser
from web.contacts import table as contacts_table
from web.request.csv_export import EXCEL_UTF8, PAGE

Browsers = Callable[[], Browser]
MIA, NOAH = "+61412345678", "+61293744000"


async def _exported(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    assert answer.content_type == "text/csv"
    return await answer.text()


async def test_contacts_go_out_and_come_in_again(browser: Browsers, cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        contacts = Contacts(session, cast.a.id)
        mia = await contacts.add("=Mia, Moore", MIA, {"do_not_call": True})
        await contacts.give(mia, NOAH)
        await Contacts(session, cast.b.id).add("Ola", "+61412345670")
    alice = await browser().sign_in(cast.alice)
    text = await _exported(alice, "/contacts.csv")
    assert text.startswith(EXCEL_UTF8)
    rows = list(csv.DictReader(StringIO(text.removeprefix(EXCEL_UTF8))))
    assert [(row["Name"], row["Number"], row["Contact"]) for row in rows] == [
        ("'=Mia, Moore", MIA, str(mia.id)),
        ("'=Mia, Moore", NOAH, str(mia.id)),
    ]
    table = contacts_table.read(text)
    assert (table.names, list(table.wrong)) == ({MIA: "=Mia, Moore", NOAH: "=Mia, Moore"}, [])
    assert table.flags[NOAH] == {"do_not_call": True, "do_not_transcribe": False}
    async with database.begin() as session:
        kept = await Contacts(session, cast.a.id).keep(table.names, table.flags)
    assert (kept.added, kept.changed, kept.same) == (0, 0, 2)
    assert await recorded(database, cast.a, "contacts.exported") == [{"contacts": 1}]


async def test_a_long_list_goes_out_page_by_page(browser: Browsers, cast: Cast, database: Database) -> None:
    names = {f"+614{number:08}": f"Name {number}" for number in range(PAGE + 2)}
    async with database.begin() as session:
        await Contacts(session, cast.a.id).keep(names)
    alice = await browser().sign_in(cast.alice)
    assert contacts_table.read(await _exported(alice, "/contacts.csv")).names == names


async def test_the_block_list_goes_out_and_comes_in(browser: Browsers, cast: Cast, database: Database) -> None:
    sam = await browser().sign_in(cast.sam)
    for _ in range(2):
        sent = {"table": "Number\n0412 345 678\nNoah;02 9374 4000\n+61412345678\n"}
        answer = await sam.post("/blocked/import", data=sent)
        assert answer.status == 303
    assert (await sam.page(answer.headers["Location"])).one("p", class_="saved")["data-same"] == "2"
    text = await _exported(sam, "/blocked.csv")
    read = contacts_table.read_numbers(text)
    assert (set(read.numbers), list(read.wrong)) == ({MIA, NOAH}, [])
    assert text.startswith(EXCEL_UTF8)
    assert await recorded(database, cast.a, "number.block_list_exported") == [{"numbers": 2}]
    assert await recorded(database, cast.a, "number.blocked") == [{"numbers": 2}]


async def test_a_list_with_a_line_without_a_number_blocks_nothing(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    sam = await browser().sign_in(cast.sam)
    for text in ("0412 345 678\nnobody", "", "nobody\n" * 30):
        answer = await sam.post("/blocked/import", data={"table": text})
        assert answer.status == 400
        assert text.strip() in await answer.text()
    async with database.begin() as session:
        assert await BlockedNumbers(session, cast.a.id).all() == []


async def test_only_for_who_may(browser: Browsers, cast: Cast) -> None:
    sam, bob = await browser().sign_in(cast.sam), await browser().sign_in(cast.bob)
    assert (await sam.get("/contacts.csv")).status == 403
    assert (await bob.get("/blocked.csv")).status == 403
