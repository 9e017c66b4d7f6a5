"""Operators see organisations and nothing of their calls, suspend and resume them, and cannot hide that they did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from db.engine import Database
from db.models import Erasure, Mail, Operator, OperatorEntry, OperatorLink, Organisation
from db.queries import organisations
from db.queries.calls import Calls
from db.queries.contacts.contacts import Contacts
from db.queries.integrations import api_keys
from db.queries.operators import accounts, log, tenants
from db.queries.rights import closures
from tests.kit.integrations.operator import EMAIL, link, operate
from tests.kit.integrations.program import issue
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.site import Browser
from web import operate as command
from web.operators import gate

Browsers = Callable[[], Browser]
REASON = "An invoice has been disputed."


def _at(cast: Cast, verb: str) -> str:
    return f"/operator/organisations/{cast.a.id}/{verb}"


async def _works(database: Database, organisation: Organisation) -> bool:
    async with database.begin() as session:
        found = await organisations.find(session, organisation.id)
        assert found is not None
        return organisations.entitlements(found).connects


async def _jobs(database: Database) -> list[str]:
    async with database.begin() as session:
        return list(await session.scalars(text("SELECT entrypoint FROM pgqueuer ORDER BY id")))


async def _log(database: Database) -> list[tuple[str, str, str]]:
    async with database.begin() as session:
        return [(each.action, each.organisation, each.reason) for each in await log.newest(session)]


async def test_what_they_see_has_no_number_and_no_caller(cast: Cast, browser: Browsers, database: Database) -> None:
    async with database.begin() as session:
        await Calls(session, cast.a.id).open(
            "CA1", direction="inbound", from_number="+61412345678", to_number=cast.number.e164
        )
        await Contacts(session, cast.a.id).keep({"+61412345678": "Mia Moore"})
        (a, b) = sorted(await tenants.everybody(session), key=lambda each: each.name)
    assert (a.name, a.members, a.numbers, a.live_calls, a.errors) == ("Acacia Clinic", 4, 1, 1, 0)
    assert (b.name, b.live_calls) == ("Banksia Books", 0)
    page = await (await (await operate(browser(), database)).get("/operator")).text()
    assert "Acacia Clinic" in page
    seen = ("5550 1234", "255501234", "0412", "412345678", "Mia", "Alice", "alice@", "CA1")
    assert [each for each in seen if each in page] == []


async def test_a_suspended_organisation_has_nothing_until_it_is_resumed(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    operator, key = await operate(browser(), database), (await issue(database, cast.alice)).token
    assert (await operator.post(_at(cast, "suspend"), data={"reason": REASON})).status == 303
    assert not await _works(database, cast.a)
    assert await _works(database, cast.b)
    assert "tell_standing" in await _jobs(database)
    async with database.begin() as session:
        assert await api_keys.by_token(session, key) is None
    alice = await browser().sign_in(cast.charlie)
    assert (await alice.get("/console")).status == 200
    assert (await operator.post(_at(cast, "resume"))).status == 303
    assert await _works(database, cast.a)
    async with database.begin() as session:
        assert await api_keys.by_token(session, key) is not None
    assert await recorded(database, cast.a, "organisation.suspended") == [{"reason": REASON}]
    assert len(await recorded(database, cast.a, "organisation.resumed")) == 1
    assert (await _log(database))[:2] == [
        ("organisation.resumed", "Acacia Clinic", ""),
        ("organisation.suspended", "Acacia Clinic", REASON),
    ]


@pytest.mark.parametrize("reason", ["", "too short", "x" * 301])
async def test_a_suspension_needs_a_reason(cast: Cast, browser: Browsers, database: Database, reason: str) -> None:
    operator = await operate(browser(), database)
    assert (await operator.post(_at(cast, "suspend"), data={"reason": reason})).status == 400
    assert await _works(database, cast.a)


async def test_what_is_being_closed_is_not_resumed(cast: Cast, browser: Browsers, database: Database) -> None:
    async with database.begin() as session:
        await closures.ask(session, cast.a.id, cast.alice.id, timedelta(0))
        assert await closures.move(session, cast.a.id, "waiting", "ending")
    operator = await operate(browser(), database)
    await operator.post(_at(cast, "suspend"), data={"reason": REASON})
    assert (await operator.post(_at(cast, "resume"))).status == 409
    assert not await _works(database, cast.a)


async def test_receipts_of_the_erased_are_shown(browser: Browsers, database: Database) -> None:
    async with database.begin() as session:
        receipt = Erasure(calls=1, members=2, audit_entries=3)
        session.add(receipt)
    page = await (await (await operate(browser(), database)).get("/operator/log")).text()
    assert f'data-receipt="{receipt.id}"' in page


async def test_observers_look_on(cast: Cast, browser: Browsers, database: Database) -> None:
    observer = await operate(browser(), database, "observer")
    for verb in ("suspend", "resume"):
        assert (await observer.post(_at(cast, verb), data={"reason": REASON})).status == 403
    assert "<textarea" not in await (await observer.get("/operator")).text()
    assert await _works(database, cast.a)


async def test_a_members_cookie_is_no_operators_and_the_other_way_round(
    cast: Cast, browser: Browsers, database: Database
) -> None:
    alice = await browser().sign_in(cast.alice)
    (cookie,) = [each.value for each in alice.http.cookie_jar if each.key == "bilby_session"]
    alice.http.cookie_jar.update_cookies({"bilby_operator": cookie})
    assert (await alice.get("/operator")).headers["Location"] == gate.SIGN_IN
    operator = await operate(browser(), database)
    (kept,) = [each for each in operator.http.cookie_jar if each.key == "bilby_operator"]
    assert kept["path"] == "/operator"
    operator.http.cookie_jar.update_cookies({"bilby_session": kept.value})
    assert (await operator.get("/console")).headers["Location"] == "/sign-in"


async def test_a_link_works_once_and_signing_out_ends_every_sign_in(browser: Browsers, database: Database) -> None:
    first, second, at = browser(), await operate(browser(), database), await link(database)
    assert (await first.get(at)).status == 200  # a scanner of mail does the same, and signs nobody in
    assert (await first.get("/operator")).status == 303
    assert (await first.post(at)).status == 303
    assert (await browser().post(at)).status == 410
    assert (await second.post("/operator/sign-out")).status == 303
    for each in (first, second):
        assert (await each.get("/operator")).status == 303


async def test_an_old_link_and_one_of_who_was_removed_are_dead(browser: Browsers, database: Database) -> None:
    old = await link(database)
    async with database.begin() as session:
        await session.execute(update(OperatorLink).values(expires_at=OperatorLink.created_at - timedelta(seconds=1)))
    assert (await browser().post(old)).status == 410
    operator, fresh = await operate(browser(), database), await link(database)
    await command.operate(database, command.parsed([EMAIL, "--remove"]))
    assert (await operator.get("/operator")).status == 303
    assert (await browser().post(fresh)).status == 410


async def test_asking_for_a_link_answers_everybody_alike(cast: Cast, browser: Browsers, database: Database) -> None:
    await link(database)
    pages = [
        (await (await browser().post("/operator/sign-in", data={"email": email})).text()).replace(email, "")
        for email in (EMAIL, "nobody@nowhere.example", cast.alice.email)
    ]
    assert pages[0] == pages[1] == pages[2]
    async with database.begin() as session:
        assert len((await session.scalars(select(Mail.id))).all()) == 3


async def test_the_command_admits_and_changes(database: Database) -> None:
    token = await command.operate(database, command.parsed([EMAIL, "Olga Orr", "--role", "observer"]))
    assert token is not None
    await command.operate(database, command.parsed([EMAIL, "Olga Orr"]))
    async with database.begin() as session:
        (operator,) = (await session.scalars(select(Operator))).all()
        assert (operator.name, operator.role) == ("Olga Orr", "operator")
        assert await accounts.of_link(session, token) is not None
    assert [action for action, *_ in await _log(database)] == ["operator.admitted", "operator.admitted"]


async def test_their_log_only_grows(cast: Cast, browser: Browsers, database: Database) -> None:
    operator = await operate(browser(), database)
    await operator.post(_at(cast, "suspend"), data={"reason": REASON})
    for change in (
        delete(OperatorEntry),
        update(OperatorEntry).values(action="organisation.resumed"),
        update(OperatorEntry).values(organisation_id=None),
    ):
        with pytest.raises(DBAPIError):
            async with database.begin() as session:
                await session.execute(change)


async def test_whom_an_entry_was_about_is_forgotten_with_them(
    browser: Browsers, database: Database, owners_database: Database
) -> None:
    async with database.begin() as session:
        gone = await organisations.create(session, name="Gone Soon")
    operator = await operate(browser(), database)
    await operator.post(f"/operator/organisations/{gone.id}/suspend", data={"reason": REASON})
    async with owners_database.begin() as session:
        await session.execute(text("DELETE FROM pgqueuer"))
        await session.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_change"))
        await session.execute(text("DELETE FROM audit_entries WHERE organisation_id = :id"), {"id": gone.id})
        await session.execute(text("ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_change"))
        await session.execute(delete(Organisation).where(Organisation.id == gone.id))
    assert (await _log(database))[0] == ("organisation.suspended", "", REASON)
