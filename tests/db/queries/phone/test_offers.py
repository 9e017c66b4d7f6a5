"""A call rings only as long as its room is what it was when somebody decided whom it rings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from db.base import OfferKind
from db.engine import Database
from db.queries.phone.conferences import Conferences
from db.queries.phone.offers import Offer, Offers
from tests.kit.web.cast import Cast
from tests.kit.web.phones import waiting_call

KINDS: list[OfferKind] = ["call", "transfer", "consult"]
NOW = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@dataclass
class Rings:
    """What was decided of a call, from the version of its room that was read then."""

    database: Database
    cast: Cast
    call: UUID
    version: int

    async def make(self, kind: OfferKind) -> int:
        """Return at how many members it rings."""
        offer = Offer(uuid4(), self.call, self.cast.dana.id, kind, NOW, NOW + timedelta(seconds=20))
        async with self.database.begin() as session:
            offers = Offers(session, self.cast.a.id)
            return len(await offers.make([offer], {self.call: self.version}, "a process"))

    async def change(self, *, is_news: bool) -> None:
        """Store the room again, as a change of it does."""
        async with self.database.begin() as session:
            rows = Conferences(session, self.cast.a.id)
            stored = await rows.get(self.call, locked=True)
            assert stored is not None
            kept = {"phase": "waiting", "conference_sid": None, "wakes_at": None}
            await rows.save(self.call, state=stored.state, is_news=is_news, **kept)  # type: ignore[arg-type]


@pytest.fixture
async def rings(database: Database, cast: Cast) -> Rings:
    call = await waiting_call(database, cast.number)
    async with database.begin() as session:
        return Rings(database, cast, call, (await Conferences(session, cast.a.id).glance())[call].version)


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_rings_for_a_room_that_has_changed_since_it_was_read(rings: Rings, kind: OfferKind) -> None:
    await rings.change(is_news=True)
    assert await rings.make(kind) == 0
    assert await replace(rings, version=rings.version + 1).make(kind) == 1


async def test_what_nobody_is_shown_keeps_nobody_from_being_rung(rings: Rings) -> None:
    await rings.change(is_news=False)
    assert await rings.make("call") == 1


async def test_nothing_rings_for_a_room_that_is_being_changed_and_nobody_waits_for_it(
    rings: Rings, database: Database, cast: Cast
) -> None:
    async with database.begin() as session:
        await Conferences(session, cast.a.id).get(rings.call, locked=True)
        assert await rings.make("call") == 0
    assert await rings.make("call") == 1


async def test_nothing_rings_in_another_organisation(rings: Rings, database: Database, cast: Cast) -> None:
    offer = Offer(uuid4(), rings.call, cast.charlie.id, "call", NOW, NOW + timedelta(seconds=20))
    async with database.begin() as session:
        assert await Offers(session, cast.b.id).make([offer], {rings.call: rings.version}, "a process") == set()
