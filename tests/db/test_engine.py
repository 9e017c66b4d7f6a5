"""A database that is away is told apart from a mistake, every wait ends, and it is used again once it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError

from db.engine import Database, DatabaseUnavailableError, HeldTransactionError, asyncpg_dsn, refuse_in_transaction
from db.queries import members
from provisioning.mail.smtp import Mailer
from provisioning.stripe import api as stripe_api
from provisioning.twilio import client as twilio_client
from tests.kit.web.cast import Cast


async def _one(database: Database) -> int:
    async with database.begin() as session:
        return int((await session.execute(text("SELECT 1"))).scalar_one())


async def _end_connections(database_url: str) -> None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url))
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg", "postgres"])
def test_every_spelling_of_the_url_will_do(scheme: str) -> None:
    assert asyncpg_dsn(f"{scheme}://u:p@h:1/d?x=y") == f"{scheme.removesuffix('+asyncpg')}://u:p@h:1/d?x=y"


async def test_nobody_there(free_port: object, encryption_key: str) -> None:
    database = Database("postgresql://postgres@127.0.0.1:1/postgres", [encryption_key])
    with pytest.raises(DatabaseUnavailableError):
        await _one(database)
    await database.close()


async def test_connections_that_were_lost_are_replaced(database_url: str, encryption_key: str) -> None:
    asking = Database(database_url, [encryption_key], proven_seconds=0)
    assert await _one(asking) == 1
    await _end_connections(database_url)
    assert await _one(asking) == 1
    await asking.close()


async def test_a_connection_that_the_server_has_closed_is_not_used_without_asking(
    database_url: str, encryption_key: str
) -> None:
    trusting = Database(database_url, [encryption_key], pool_size=1, proven_seconds=3600)
    assert await _one(trusting) == 1
    async with trusting.begin() as session:
        raw = (await (await session.connection()).get_raw_connection()).driver_connection
    await _end_connections(database_url)
    assert raw is not None
    while not raw.is_closed():  # noqa: ASYNC110 (asyncpg tells nobody)
        await asyncio.sleep(0.01)
    assert await _one(trusting) == 1
    await trusting.close()


async def test_statements_are_transactions_of_their_own(database: Database, cast: Cast) -> None:
    async def fail_late() -> None:
        async with database.statements() as session:
            await session.execute(text("DELETE FROM numbers"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    async with database.begin() as session:  # over the same connection, which is as it was
        assert (await session.execute(text("SELECT count(*) FROM numbers"))).scalar_one() == 0
        await session.execute(text("SET LOCAL lock_timeout = '1s'"))
        assert (await session.execute(text("SHOW lock_timeout"))).scalar_one() == "1s"


async def test_what_nobody_waits_for_leaves_connections_to_others(database_url: str, encryption_key: str) -> None:
    narrow = Database(database_url, [encryption_key], pool_size=2, pool_wait_seconds=0.1)
    entered = asyncio.Semaphore(0)

    async def look() -> None:
        async with narrow.background(), narrow.begin() as session:
            await session.execute(text("SELECT 1"))
            entered.release()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        looks = [tasks.create_task(look()) for _ in range(5)]
        await entered.acquire()
        assert await _one(narrow) == 1
        for task in looks:
            task.cancel()
    await narrow.close()


async def test_a_connection_lost_in_a_transaction_is_no_mistake_of_ours(
    database: Database, database_url: str
) -> None:
    async def cut_short() -> None:
        async with database.begin() as session:
            await session.execute(text("SELECT 1"))
            await _end_connections(database_url)
            await session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailableError):
        await cut_short()
    assert await _one(database) == 1


async def test_a_statement_that_takes_too_long_is_cut_off(database_url: str, encryption_key: str) -> None:
    hasty = Database(database_url, [encryption_key], statement_seconds=0.2)
    with pytest.raises(DatabaseUnavailableError):
        async with hasty.begin() as session:
            await session.execute(text("SELECT pg_sleep(30)"))
    assert await _one(hasty) == 1
    await hasty.close()


async def test_a_pool_that_is_used_up_is_not_waited_for_for_ever(database_url: str, encryption_key: str) -> None:
    narrow = Database(database_url, [encryption_key], pool_size=1, pool_wait_seconds=0.1)
    async with narrow.begin() as session:
        await session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailableError):
            await _one(narrow)
    assert await _one(narrow) == 1
    await narrow.close()


async def test_a_mistake_stays_one(database: Database, cast: Cast) -> None:
    with pytest.raises(DBAPIError):
        async with database.begin() as session:
            await session.execute(text("SELECT nonsense"))
    with pytest.raises(IntegrityError) as refused:
        async with database.begin() as session:
            await session.execute(text("UPDATE members SET role = :role"), {"role": "king"})
    assert "king" not in str(refused.value)


async def test_what_fails_leaves_nothing_behind(database: Database, cast: Cast) -> None:
    async def fail_late() -> None:
        async with database.begin() as session:
            await session.execute(text("DELETE FROM numbers"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_late()
    async with database.begin() as session:
        assert (await session.execute(text("SELECT count(*) FROM numbers"))).scalar_one() == 2


async def test_nothing_is_loaded_behind_the_readers_back(database: Database, cast: Cast) -> None:
    async with database.begin() as session:
        member = await session.get(type(cast.bob), cast.bob.id)
        assert member is not None
        with pytest.raises(InvalidRequestError):
            _ = member.organisation
        found = await members.by_id(session, cast.sam.id)
        assert found is not None
        assert found.organisation.name == "Acacia Clinic"


async def test_many_at_once_share_the_pool(database: Database) -> None:
    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(_one(database)) for _ in range(50)]
    assert sum(answer.result() for answer in answers) == 50


async def test_nobody_waits_for_a_vendor_inside_a_transaction(database: Database) -> None:
    refuse_in_transaction("anybody")
    async with database.begin() as session:
        await session.execute(text("SELECT 1"))
        with pytest.raises(HeldTransactionError):
            refuse_in_transaction("anybody")
        with pytest.raises(HeldTransactionError):  # nor in a task that the transaction waits for
            await asyncio.gather(_ask())
        async with database.begin():
            pass
        with pytest.raises(HeldTransactionError):  # the outer one is still open
            refuse_in_transaction("anybody")
    refuse_in_transaction("anybody")


async def test_a_task_that_outlives_the_transaction_it_began_in_may_ask(database: Database) -> None:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        async with database.begin():
            later = tasks.create_task(_ask(over))
        over.set()
    assert later.done()


async def test_a_transaction_that_failed_is_over(database: Database) -> None:
    with pytest.raises(ValueError, match="ours"):
        async with database.begin():
            raise ValueError("ours")
    refuse_in_transaction("anybody")


async def test_a_lock_without_a_transaction_is_none(database: Database) -> None:
    async with database.try_lock("one"):  # a worker holds it while Twilio is asked
        refuse_in_transaction("anybody")


async def _ask(when: asyncio.Event | None = None) -> None:
    if when is not None:
        await when.wait()
    refuse_in_transaction("anybody")


@pytest.mark.parametrize("vendor", ["Stripe", "Twilio", "SMTP"])
async def test_each_vendors_client_refuses(database: Database, vendor: str) -> None:
    async with AsyncExitStack() as stack:
        ask = await stack.enter_async_context(_client(vendor))
        async with database.begin():
            with pytest.raises(HeldTransactionError, match=vendor):
                await ask()


@asynccontextmanager
async def _client(vendor: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """One request to ``vendor`` by the product's own client. Nobody listens there."""
    nowhere = "127.0.0.1:1"
    match vendor:
        case "Stripe":
            async with stripe_api.opened("sk_test_1", "price_1", f"http://{nowhere}") as api:
                yield lambda: api.subscriptions("cus_1")
        case "Twilio":
            account, key = f"AC{'1' * 32}", f"SK{'2' * 32}"
            async with twilio_client.connected(
                account=account, key=key, secret="s", base=f"http://{nowhere}"
            ) as client:
                yield lambda: client.calls("CA1").fetch_async()
        case _:
            mailer = Mailer(f"smtp://{nowhere}", "Bilby <bilby@bilby.example>")
            yield lambda: mailer.send("a@b.example", "Hello", "text", "html")
