"""Owners say who must have a second factor, and reset a colleague's; nobody else does, and not for themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.engine import Database
from db.queries.members import Members
from db.queries.organisations import find
from db.queries.sign_in.second_factors import SecondFactors
from sandbox.mail import Mailbox
from tests.kit.sign_in.authenticator import enrolled
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
Post = tuple[Mailbox, int]
HERE = "/settings/second-factor"


async def _required(database: Database, cast: Cast) -> bool:
    async with database.begin() as session:
        organisation = await find(session, cast.a.id)
    assert organisation is not None
    return organisation.second_factor_required


async def test_an_owner_requires_it_and_does_not(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    for sent, wanted in (({"required": "on"}, True), ({}, False)):
        assert (await alice.post(HERE, data=sent)).status == 303
        assert await _required(database, cast) == wanted
    assert len(await recorded(database, cast.a, "second_factor.required")) == 1
    assert len(await recorded(database, cast.a, "second_factor.not_required")) == 1


async def test_an_owner_who_has_one_is_asked_for_it_first(cast: Cast, browser: Browsers, database: Database) -> None:
    alice = await browser().sign_in(cast.alice)
    app, _ = await enrolled(database, cast.alice)
    assert (await alice.post(HERE, data={"required": "on"})).status == 400
    assert (await alice.post(HERE, data={"required": "on", "code": app.wrong()})).status == 400
    assert not await _required(database, cast)
    assert (await alice.post(HERE, data={"required": "on", "code": app.code()})).status == 303
    assert await _required(database, cast)


async def test_the_page_lists_who_has_one_and_who_lacks_one(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    await enrolled(database, cast.bob)
    page = await (await browser().sign_in(cast.alice)).page(HERE)
    assert [each["data-having"] for each in page.all(data_having=True)] == [str(cast.bob.id)]
    assert [each["data-without"] for each in page.all(data_without=True)] == [str(cast.alice.id)]


@pytest.mark.usefixtures("postman")
async def test_an_owner_resets_a_lost_one(cast: Cast, browser: Browsers, database: Database, outbox: Post) -> None:
    bob = await browser().sign_in(cast.bob)
    await enrolled(database, cast.bob)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"/team/{cast.bob.id}/second-factor/reset")).status == 303
    assert (await bob.get("/account")).status == 303  # signed out
    async with database.begin() as session:
        assert not await SecondFactors(session, cast.a.id).is_on(cast.bob.id)
    assert await recorded(database, cast.a, "second_factor.reset") == [{"member": "Bob Brown", "role": "agent"}]
    assert cast.alice.name in (await outbox[0].letter_to("bob@acacia.example")).text
    await browser().sign_in_by_link(cast.bob)  # by the link alone, and may set up another


async def test_a_reset_needs_a_code_of_an_owner_who_has_one(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    app, _ = await enrolled(database, cast.alice)
    await enrolled(database, cast.bob)
    path = f"/team/{cast.bob.id}/second-factor/reset"
    assert (await alice.post(path, data={"code": app.wrong()})).status == 400
    async with database.begin() as session:
        assert await SecondFactors(session, cast.a.id).is_on(cast.bob.id)
    assert (await alice.post(path, data={"code": app.code()})).status == 303


async def test_nobody_resets_their_own_nor_a_strangers(cast: Cast, browser: Browsers, database: Database) -> None:
    await enrolled(database, cast.charlie)
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"/team/{cast.alice.id}/second-factor/reset")).status == 403
    assert (await alice.post(f"/team/{cast.charlie.id}/second-factor/reset")).status == 404
    async with database.begin() as session:
        assert await SecondFactors(session, cast.b.id).is_on(cast.charlie.id)


async def test_only_owners(cast: Cast, browser: Browsers, database: Database) -> None:
    await enrolled(database, cast.bob)
    async with database.begin() as session:
        ada = await Members(session, cast.a.id).add(email="ada@acacia.example", name="Ada Abbott", role="admin")
    for member in (ada, cast.sam, cast.dana):
        other = await browser().sign_in(member)
        assert (await other.get(HERE)).status == 403
        assert (await other.post(HERE, data={"required": "on"})).status == 403
        assert (await other.post(f"/team/{cast.bob.id}/second-factor/reset")).status == 403
    assert not await _required(database, cast)
