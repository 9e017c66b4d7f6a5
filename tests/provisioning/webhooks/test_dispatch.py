"""Events reach a real receiver over loopback, signed and tried again; and what follows when they do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import select, update

from db.engine import Database
from db.models import AuditEntry, Mail, WebhookDelivery, WebhookEndpoint
from db.queries.calls import Calls
from db.queries.integrations import events, webhooks
from db.queries.integrations.events import EventType
from db.queries.integrations.webhooks import Due, Webhooks
from db.queries.numbers import Numbers
from provisioning.webhooks.attempts import OFF_AFTER, WARNED_AFTER, Result
from provisioning.webhooks.dispatch import Dispatcher, dispatched, store
from tests.kit.integrations.receiver import Receiver, receiver
from tests.kit.web.cast import Cast

OWN = "http://127.0.0.1:8080"
TYPES: list[EventType] = ["call.started", "number.changed"]


@pytest_asyncio.fixture
async def program(free_port: Callable[[], int]) -> AsyncIterator[Receiver]:
    """A receiver of A's."""
    async with receiver(free_port) as opened:
        yield opened


async def _endpoint(database: Database, cast: Cast, url: str) -> WebhookEndpoint:
    async with database.begin() as session:
        return await Webhooks(session, cast.a.id).add(url=url, types=TYPES, created_by=cast.alice.id)


async def _rename(database: Database, cast: Cast, label: str) -> None:
    async with database.begin() as session:
        await Numbers(session, cast.a.id).rename(cast.number.id, label)


async def _delivery(database: Database) -> WebhookDelivery:
    async with database.begin() as session:
        return (await session.scalars(select(WebhookDelivery))).one()


async def _attempted(database: Database, count: int) -> None:
    """Wait until the delivery was attempted so often."""
    async with asyncio.timeout(60):
        while True:
            if (await _delivery(database)).attempts >= count:
                return
            await asyncio.sleep(0.05)


async def _until(database: Database, state: str, count: int = 1) -> None:
    """Wait until so many deliveries have that state."""
    async with asyncio.timeout(60):
        while True:
            async with database.begin() as session:
                found = await session.scalars(select(WebhookDelivery).where(WebhookDelivery.state == state))
                if len(found.all()) == count:
                    return
            await asyncio.sleep(0.05)


async def _due_now(database: Database) -> None:
    async with database.begin() as session:
        waiting = update(WebhookDelivery).where(WebhookDelivery.state == "waiting")
        await session.execute(waiting.values(next_try_at=datetime.now(UTC)))


async def test_what_happens_is_told(database: Database, cast: Cast, program: Receiver) -> None:
    endpoint = await _endpoint(database, cast, program.url)
    program.secrets = [endpoint.secret]
    async with dispatched(database, OWN):
        await _rename(database, cast, "Bookings")
        async with database.begin() as session:
            call = await Calls(session, cast.a.id).open(
                "CA1",
                direction="inbound",
                from_number="+61412345678",
                to_number=cast.number.e164,
                customer="+61412345678",
            )
        got = {each["type"]: each for each in await program.until(2)}
        await _until(database, "delivered", 2)
    assert got["number.changed"]["data"]["number"]["label"] == "Bookings"
    assert got["call.started"]["data"]["call"]["id"] == str(call.id)
    assert got["call.started"]["data"]["call"]["customer"] == "+61412345678"
    assert len(set(program.ids)) == 2


async def test_what_fails_is_tried_again_with_the_same_id(database: Database, cast: Cast, program: Receiver) -> None:
    program.secrets = [(await _endpoint(database, cast, program.url)).secret]
    program.statuses = [500, 302]
    program.headers = {"Location": program.url}
    async with dispatched(database, OWN):
        await _rename(database, cast, "Bookings")
        for count in (1, 2):
            await program.until(count)
            await _attempted(database, count)
            await _due_now(database)
        await program.until(3)
        await _until(database, "delivered")
    assert len(set(program.ids)) == 1
    async with database.begin() as session:
        assert (await session.scalars(select(WebhookEndpoint))).one().failing_since is None


async def test_for_a_while_two_secrets_are_good(database: Database, cast: Cast, program: Receiver) -> None:
    endpoint = await _endpoint(database, cast, program.url)
    async with database.begin() as session:
        mine = Webhooks(session, cast.a.id)
        rotated = await mine.get(endpoint.id)
        assert rotated is not None
        await mine.rotate(rotated)
        assert rotated.former_until is not None
        assert webhooks.secrets_of(rotated, rotated.former_until) == (rotated.secret,)
    program.secrets = [rotated.secret, endpoint.secret]
    assert rotated.secret != endpoint.secret
    async with dispatched(database, OWN):
        await _rename(database, cast, "Bookings")
        await program.until(1)


async def test_a_receiver_that_hangs_holds_up_only_its_own(database: Database, cast: Cast) -> None:
    slow, quick = [await _endpoint(database, cast, f"{OWN}/{name}") for name in ("slow", "quick")]
    told, hangs = asyncio.Queue[Due](), asyncio.Event()

    async def attempt(due: Due) -> Result:
        if due.endpoint_id == slow.id:
            await hangs.wait()
        await told.put(due)
        return Result(200)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Dispatcher(database, attempt, poll_seconds=0.05).run())
        for label in ("One", "Two", "Three"):
            await _rename(database, cast, label)
        async with asyncio.timeout(60):
            assert {(await told.get()).endpoint_id for _ in range(3)} == {quick.id}
            hangs.set()
            assert {(await told.get()).endpoint_id for _ in range(3)} == {slow.id}
        running.cancel()


async def test_a_bug_in_one_attempt_ends_nothing(database: Database, cast: Cast) -> None:
    broken, whole = [await _endpoint(database, cast, f"{OWN}/{name}") for name in ("broken", "whole")]
    tried, told = asyncio.Event(), asyncio.Queue[Due]()

    async def attempt(due: Due) -> Result:
        if due.endpoint_id == broken.id:
            tried.set()
            raise RuntimeError
        await tried.wait()
        await told.put(due)
        return Result(200)

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Dispatcher(database, attempt, poll_seconds=0.05).run())
        await _rename(database, cast, "One")
        async with asyncio.timeout(60):
            assert (await told.get()).endpoint_id == whole.id
        await _until(database, "delivered")
        running.cancel()


async def _taken(database: Database) -> Due:
    now = datetime.now(UTC)
    async with database.begin() as session:
        (due,) = await webhooks.take_due(session, now=now, until=now + timedelta(minutes=1), most=9)
        assert await webhooks.take_due(session, now=now, until=now, most=9) == []
        return due


async def _mails(database: Database) -> int:
    async with database.begin() as session:
        return len((await session.scalars(select(Mail))).all())


async def test_days_of_failure_end_with_a_mail_before_and_after(database: Database, cast: Cast) -> None:
    endpoint = await _endpoint(database, cast, f"{OWN}/nobody")
    await _rename(database, cast, "Bookings")
    now = datetime.now(UTC)
    for passed, mails, is_off in (
        (timedelta(0), 0, False),
        (WARNED_AFTER, 1, False),
        (WARNED_AFTER * 2, 1, False),
        (OFF_AFTER, 2, True),
    ):
        await store(database, await _taken(database), Result(error="timeout"), now + passed)
        async with database.begin() as session:
            current = await session.get(WebhookEndpoint, endpoint.id)
            assert current is not None
            assert (current.off_at is not None) == is_off
        assert await _mails(database) == mails
        await _due_now(database)
    assert (await _delivery(database)).state == "failed"
    await _rename(database, cast, "Not told")
    assert (await _delivery(database)).state == "failed"
    async with database.begin() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert "webhook.switched_off" in actions


async def test_who_answers_that_it_is_gone_is_left_alone(database: Database, cast: Cast, program: Receiver) -> None:
    await _endpoint(database, cast, program.url)
    program.statuses = [410]
    async with dispatched(database, OWN):
        await _rename(database, cast, "Bookings")
        await _until(database, "failed")
    async with database.begin() as session:
        assert (await session.scalars(select(WebhookEndpoint))).one().off_reason == "gone"
    assert await _mails(database) == 1


async def test_an_installation_on_the_internet_tells_nobody_on_loopback(
    database: Database, cast: Cast, program: Receiver
) -> None:
    await _endpoint(database, cast, program.url)
    async with dispatched(database, "https://app.example.com.au"):
        await _rename(database, cast, "Bookings")
        await _attempted(database, 1)
    assert (await _delivery(database)).error == "forbidden_address"
    assert program.got == []


async def test_old_events_are_forgotten_with_their_deliveries(database: Database, cast: Cast) -> None:
    await _endpoint(database, cast, f"{OWN}/nobody")
    await _rename(database, cast, "Bookings")
    async with database.begin() as session:
        assert await events.purge(session, datetime.now(UTC) - events.KEPT) == 0
        assert await events.purge(session, datetime.now(UTC) + timedelta(minutes=1)) == 1
        assert (await session.scalars(select(WebhookDelivery))).all() == []
