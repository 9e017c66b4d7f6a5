"""Contacts that are one person: proposed, merged by an admin, found as one, and split again."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from db.engine import Database
from db.models import Contact
from db.queries.contacts.contact_notes import ContactNotes
from db.queries.contacts.contacts import Contacts
from db.queries.contacts.people import MOST_NUMBERS, People, TooManyNumbersError
from tests.kit.web.cast import Cast
from tests.kit.web.numbers_site import recorded
from tests.kit.web.phones import waiting_call
from tests.kit.web.site import Browser

Browsers = Callable[[], Browser]
HOME, MOBILE, WORK = "+61293744000", "+61412345678", "+61412345679"


async def _kept(database: Database, cast: Cast, *names: tuple[str, str]) -> list[UUID]:
    """Contacts of A's, by number and name."""
    async with database.begin() as session:
        return [(await Contacts(session, cast.a.id).add(name, number)).id for number, name in names]


async def _person(database: Database, contact_id: UUID) -> tuple[str, list[str]]:
    """The name and the numbers of who has that contact."""
    async with database.begin() as session:
        contact = await session.get(Contact, contact_id)
        assert contact is not None
        contacts = Contacts(session, contact.organisation_id)
        person = await contacts.get(contact_id)
        assert person is not None
        rows = (await contacts.numbers([person.id]))[person.id]
    assert {row.name for row in rows} == {person.name}
    return person.name, [row.number for row in rows]


async def test_a_merge_keeps_numbers_notes_and_the_stricter_wishes_and_is_undone(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, mobile = await _kept(database, cast, (HOME, "Mia Moore"), (MOBILE, "Mia (mobile)"))
    async with database.begin() as session:
        (await session.merge(cast.a)).notes_on = True
        contacts, notes = Contacts(session, cast.a.id), ContactNotes(session, cast.a.id)
        for number, flag in ((HOME, "do_not_call"), (MOBILE, "do_not_transcribe")):
            await contacts.keep({}, {number: {flag: True}})  # type: ignore[dict-item]
        await notes.add(mia, cast.bob.id, "has a dog")
        await notes.add(mobile, cast.bob.id, "after six only")
    alice = await browser().sign_in(cast.alice)
    page = await alice.page(f"/contacts/{mia}/merge?with={mobile}")
    assert page.data("side") == [str(mia), str(mobile)]
    sent = {"with": str(mobile), "name": "other"}
    merged = await alice.post(f"/contacts/{mia}/merge", data=sent)
    assert merged.headers["Location"].startswith(f"/contacts/{mia}?")
    assert await _person(database, mobile) == ("Mia (mobile)", [HOME, MOBILE])
    page = await alice.page(f"/contacts/{mobile}")
    assert page.data("number") == [str(mia), str(mobile)]
    assert len(page.data("note")) == 2
    async with database.begin() as session:
        cards = await Contacts(session, cast.a.id).cards([HOME, MOBILE])
    assert {(card.name, card.do_not_call, card.do_not_transcribe) for card in cards.values()} == {
        ("Mia (mobile)", True, True)
    }
    assert await recorded(database, cast.a, "contacts.merged") == [{"numbers": 2}]
    assert (await alice.post(f"/contacts/{mia}/split")).status == 303
    assert await _person(database, mia) == ("Mia Moore", [HOME])
    assert await _person(database, mobile) == ("Mia (mobile)", [MOBILE])
    assert len((await alice.page(f"/contacts/{mia}")).data("note")) == 1
    async with database.begin() as session:
        cards = await Contacts(session, cast.a.id).cards([HOME, MOBILE])
    assert all(card.do_not_call and card.do_not_transcribe for card in cards.values())  # a wish is not forgotten
    assert len(await recorded(database, cast.a, "contacts.split")) == 1
    assert (await alice.post(f"/contacts/{mia}/split")).status == 409  # there is nothing to split off


async def test_of_three_numbers_any_is_split_off(cast: Cast, database: Database) -> None:
    ids = await _kept(database, cast, (HOME, "Mia"), (MOBILE, "Mia M."), (WORK, "Mia at work"))
    for gone in range(3):
        async with database.begin() as session:
            contacts, people = Contacts(session, cast.a.id), People(session, cast.a.id)
            for other in ids[1:]:
                first, second = await contacts.get(ids[0]), await contacts.get(other)
                assert first is not None
                assert second is not None
                await people.merge(first, second, "Mia Moore")
            await people.split(ids[gone])
        left = [each for number, each in enumerate(ids) if number != gone]
        names = ["Mia", "Mia M.", "Mia at work"]
        numbers = [HOME, MOBILE, WORK]
        assert await _person(database, ids[gone]) == (names[gone], [numbers[gone]])
        there = {numbers[number] for number in range(3) if number != gone}
        name, found = await _person(database, left[0])
        assert (name, set(found)) == ("Mia Moore", there)
        assert await _person(database, left[1]) == (name, found)
        async with database.begin() as session:
            for each in left[1:]:
                await People(session, cast.a.id).split(each)
            for each, name in zip(ids, names, strict=True):
                row = await session.get(Contact, each)
                assert row is not None
                assert row.part_of is None
                row.name, row.own_name = name, None


async def test_what_is_changed_holds_for_all_numbers_of_a_person(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, mobile = await _kept(database, cast, (HOME, "Mia"), (MOBILE, "Mia"))
    alice = await browser().sign_in(cast.alice)
    assert (await alice.post(f"/contacts/{mia}/merge", data={"with": str(mobile)})).status == 303
    assert (await alice.post("/contacts", data={"table": f"Mia Miller, {MOBILE}"})).status == 303
    assert await _person(database, mia) == ("Mia Miller", [HOME, MOBILE])
    assert (await alice.post(f"/contacts/{mobile}/flags", data={"do_not_call": "yes"})).status == 303
    assert (await alice.post(f"/contacts/{mia}/numbers", data={"number": "0412 345 679"})).status == 303
    async with database.begin() as session:
        cards = await Contacts(session, cast.a.id).cards([HOME, MOBILE, WORK])
    assert [(card.name, card.do_not_call, card.person) for card in cards.values()] == [("Mia Miller", True, mia)] * 3
    assert (await alice.post(f"/contacts/{mobile}/flags", data={})).status == 303
    assert (await alice.post(f"/contacts/{mia}/name", data={"name": "Mia Moore"})).status == 303
    async with database.begin() as session:
        cards = await Contacts(session, cast.a.id).cards([HOME, MOBILE, WORK])
    assert {(card.name, card.do_not_call) for card in cards.values()} == {("Mia Moore", False)}
    assert (await alice.post(f"/contacts/{mobile}/block")).status == 303
    assert len((await alice.page("/blocked")).data("blocked")) == 3
    assert (await alice.post(f"/contacts/{mobile}/remove")).status == 303
    async with database.begin() as session:
        assert await Contacts(session, cast.a.id).cards([HOME, MOBILE, WORK]) == {}


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 121}),
        ("numbers", {"number": "12"}),
        ("numbers", {"number": MOBILE}),
    ],
)
async def test_what_cannot_be_kept_is_shown_as_typed(
    browser: Browsers, cast: Cast, database: Database, path: str, sent: dict[str, str]
) -> None:
    mia, _ = await _kept(database, cast, (HOME, "Mia"), (MOBILE, "Noah"))
    alice = await browser().sign_in(cast.alice)
    answer = await alice.post(f"/contacts/{mia}/{path}", data=sent)
    assert answer.status == 400
    assert next(iter(sent.values()))[:40].strip() in await answer.text()
    assert await _person(database, mia) == ("Mia", [HOME])


async def test_calls_of_all_numbers_are_found_by_contact(browser: Browsers, cast: Cast, database: Database) -> None:
    mia, mobile = await _kept(database, cast, (HOME, "Mia"), (MOBILE, "Mia"))
    calls = [str(await waiting_call(database, cast.number, number)) for number in (HOME, MOBILE, WORK)]
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    await alice.post(f"/contacts/{mia}/merge", data={"with": str(mobile)})
    text = await (await alice.get(f"/calls?contact={mia}")).text()
    assert [f"/calls/{call}" in text for call in calls] == [True, True, False]
    exported = await (await alice.get(f"/calls.csv?contact={mia}")).text()
    assert exported.count(HOME) == exported.count(MOBILE) == 1
    text = await (await charlie.get(f"/calls?contact={mia}")).text()
    assert not any(f"/calls/{call}" in text for call in calls)
    assert (await alice.get("/calls?contact=nobody")).status == 400
    assert (await alice.get(f"/calls?contact={uuid4()}")).status == 200


async def test_equal_names_are_proposed_and_never_merged_by_themselves(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, mobile, _ = await _kept(database, cast, (HOME, "Mia Moore"), (MOBILE, "mia  moore"), (WORK, "Noah"))
    alice = await browser().sign_in(cast.alice)
    (pair,) = (await alice.page("/contacts/duplicates")).data("pair")
    assert set(pair.split()) == {str(mia), str(mobile)}
    assert (await alice.page(f"/contacts/{mia}/merge")).data("contact") == [str(mobile)]
    assert await _person(database, mia) == ("Mia Moore", [HOME])
    await alice.post(f"/contacts/{mia}/merge", data={"with": str(mobile)})
    assert (await alice.page("/contacts/duplicates")).data("pair") == []


async def test_one_person_has_so_many_numbers(cast: Cast, database: Database) -> None:
    names = [(f"+614000000{number:02}", f"Mia {number}") for number in range(MOST_NUMBERS + 1)]
    ids = await _kept(database, cast, *names)
    async with database.begin() as session:
        contacts, people = Contacts(session, cast.a.id), People(session, cast.a.id)
        for other in ids[1:]:
            person, more = await contacts.get(ids[0]), await contacts.get(other)
            assert person is not None
            assert more is not None
            if other == ids[-1]:
                with pytest.raises(TooManyNumbersError):
                    await people.merge(person, more, "Mia")
            else:
                await people.merge(person, more, "Mia")


async def test_nobody_is_merged_with_themselves_or_across_organisations(
    browser: Browsers, cast: Cast, database: Database
) -> None:
    mia, mobile = await _kept(database, cast, (HOME, "Mia"), (MOBILE, "Mia"))
    alice, charlie = await browser().sign_in(cast.alice), await browser().sign_in(cast.charlie)
    async with database.begin() as session:
        theirs = (await Contacts(session, cast.b.id).add("Mia", WORK)).id
    assert (await alice.post(f"/contacts/{mia}/merge", data={"with": str(mia)})).status == 400
    assert (await alice.post(f"/contacts/{mia}/merge", data={"with": str(theirs)})).status == 404
    assert (await charlie.post(f"/contacts/{theirs}/merge", data={"with": str(mia)})).status == 404
    assert (await charlie.post(f"/contacts/{mobile}/split")).status == 404
    assert (await alice.get(f"/contacts/{mia}/merge?with={theirs}")).status == 404
