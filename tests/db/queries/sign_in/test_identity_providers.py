"""An organisation's provider, stored unreadably; and who is on their way there: back once, in time, or never."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from db.engine import Database
from db.models import IdentityProvider, IdentityRequest
from db.queries.sign_in import identity_providers
from db.queries.sign_in.identity_providers import IdentityProviders, Journey
from tests.kit.web.cast import Cast


def provider(secret: str = "a secret of Acacia's") -> IdentityProvider:
    return IdentityProvider(
        issuer="https://login.acacia.example",
        client_id="bilby",
        client_secret=secret,
        domains=["acacia.example"],
        role_claim="",
        role_values={},
        other_role="agent",
        is_enforced=False,
    )


async def _begin(database: Database, cast: Cast) -> Journey:
    async with database.begin() as session:
        return await IdentityProviders(session, cast.a.id).begin()


async def test_it_is_kept_changed_and_removed(cast: Cast, database: Database) -> None:
    async with database.begin() as session:
        await IdentityProviders(session, cast.a.id).keep(provider())
    async with database.begin() as session:
        await IdentityProviders(session, cast.a.id).keep(provider("another"))
    async with database.begin() as session:
        found = await IdentityProviders(session, cast.a.id).get()
        assert found is not None
        assert found.client_secret == "another"
        assert await IdentityProviders(session, cast.b.id).get() is None
        raw = await session.scalar(
            select(func.convert_from(IdentityProvider.__table__.c.client_secret, "utf8").label("raw"))
        )
        assert "another" not in str(raw)
        await IdentityProviders(session, cast.a.id).remove()
        assert await IdentityProviders(session, cast.a.id).get() is None


async def test_a_journey_comes_back_once(cast: Cast, database: Database) -> None:
    journey = await _begin(database, cast)

    async def take() -> IdentityRequest | None:
        async with database.begin() as session:
            return await identity_providers.take(session, journey.state)

    async with asyncio.TaskGroup() as tasks:
        taken = [tasks.create_task(take()) for _ in range(4)]
    found = [each.result() for each in taken if each.result() is not None]
    assert [(each.organisation_id, each.nonce, each.verifier) for each in found if each] == [
        (cast.a.id, journey.nonce, journey.verifier)
    ]


async def test_another_state_or_one_too_old_is_not_taken(cast: Cast, database: Database) -> None:
    journey = await _begin(database, cast)
    async with database.begin() as session:
        assert await identity_providers.take(session, journey.state + "x") is None
        await session.execute(update(IdentityRequest).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
        assert await identity_providers.take(session, journey.state) is None
        assert await identity_providers.purge(session) == 1
        assert await identity_providers.purge(session) == 0


async def test_the_state_itself_is_not_stored(cast: Cast, database: Database) -> None:
    journey = await _begin(database, cast)
    async with database.begin() as session:
        row = (await session.scalars(select(IdentityRequest))).one()
    assert journey.state.encode() not in row.state_hash


async def test_removing_a_provider_ends_who_is_on_the_way(cast: Cast, database: Database) -> None:
    journey = await _begin(database, cast)
    async with database.begin() as session:
        await IdentityProviders(session, cast.a.id).remove()
    async with database.begin() as session:
        assert await identity_providers.take(session, journey.state) is None
