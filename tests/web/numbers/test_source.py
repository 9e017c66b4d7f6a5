"""What a number is for: who says so, what is kept, and that calls carry it from then on."""

from __future__ import annotations

import csv
from collections.abc import Callable

from db.engine import Database
from db.queries.audit import AuditFilter, AuditLog, details_of
from db.queries.calls import Calls
from db.queries.numbers import Numbers
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.numbers.source import FIELDS

Browsers = Callable[[], Browser]
SAID = {"label": "Reception", "purpose": "New patients", "source": "Radio"}


async def test_calls_carry_what_was_said_when_they_began(cast: Cast, database: Database, browser: Browsers) -> None:
    alice, path = await browser().sign_in(cast.alice), f"/numbers/{cast.number.id}/source"
    assert f'href="{path}"' in await (await alice.get("/numbers")).text()
    for n, said in enumerate((SAID, {**SAID, "source": ""})):
        saved = await alice.post(path, data={"csrf_token": alice.csrf, **said})
        assert (saved.status, saved.headers["Location"]) == (303, f"{path}?saved=yes")
        async with database.begin() as session:
            ends = {"from_number": "+61400000001", "to_number": cast.number.e164, "number_id": cast.number.id}
            await Calls(session, cast.a.id).open(f"CA{n}", direction="inbound", **ends)  # type: ignore[arg-type]
    assert (await alice.page(path)).fields.items() >= {**SAID, "source": ""}.items()
    text = await (await alice.get("/calls.csv?source=Radio")).text()
    [row] = csv.DictReader(text.removeprefix("\ufeff").splitlines())
    assert (row["Line"], row["Purpose"], row["Source"], row["Call"]) == ("Reception", "New patients", "Radio", "CA0")
    page = await alice.page("/calls")
    assert page.fields["source"] == ""  # it can be chosen
    async with database.begin() as session:
        entries = await AuditLog(session, cast.a.id).page(AuditFilter(action="number.described"))
    assert [details_of(each).keys() for each in entries] == [{"number", "source"}, {"number", *FIELDS}]


async def test_only_admins_say_it_of_their_own_numbers_and_in_few_words(
    cast: Cast, database: Database, browser: Browsers
) -> None:
    path = f"/numbers/{cast.number.id}/source"
    for member, status in ((cast.sam, 403), (cast.bob, 403), (cast.charlie, 404)):
        mine = await browser().sign_in(member)
        assert (await mine.get(path)).status == status
        assert (await mine.post(path, data={"csrf_token": mine.csrf, **SAID})).status == status
    alice = await browser().sign_in(cast.alice)
    for name, longest in FIELDS.items():
        sent = {"csrf_token": alice.csrf, **SAID, name: "x" * (longest + 1)}
        assert f'id="{name}-wrong"' in await (await alice.post(path, data=sent)).text()
    async with database.begin() as session:
        number = await Numbers(session, cast.a.id).get(cast.number.id)
        assert number is not None
        assert (number.label, number.purpose, number.source) == ("", "", "")
