"""Everything was restarted at once: a new web process finds the live calls that no media node has any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio
from aiohttp import web
from nats.aio.client import Client
from nats.aio.msg import Msg
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import update

from db.engine import Database
from db.models import Call
from db.queries.calls import Calls
from protocol.tickets import verify_stream
from provisioning.twilio.client import client_of
from sandbox.engines.nats import NatsServer
from sandbox.twilio.emulator import Leg, RestFault, Twilio
from sandbox.twilio.rest.registry import Passed
from tests.kit.media.nats import settled
from tests.kit.vendors.twilio_customer import settings as account_of, town
from tests.kit.web.cast import Cast
from web.bus import BUS, Bus
from web.calls.streams.recovery import STREAM_RECOVERY, StreamRecovery, Timing
from web.config import SETTINGS, Settings
from web.facts import take_fact
from web.resources import DATABASE, TWILIO

WAIT = 60  # seconds that any one wait may take
SOON = Timing(ask_again=0.5, answer=0.5, looks=3)
PASSING = [(401, 20003), (403, 20003), (408, 20408), (429, 20429), (500, 20500), (502, 0), (503, 20503)]
ORDERED = r"/Streams\.json$"
STREAM = "MZ" + "5" * 32


@dataclass
class Restarted:
    """NATS, Twilio with live calls, the database, and one media node, of which the test says what it reports."""

    settings: Settings
    database: Database
    cast: Cast
    twilio: Twilio
    node: Client

    async def call(self, **values: Any) -> Leg:
        """A call that has gone on for a minute, answered by Bob; ``values`` of its row are as given."""
        leg = self.twilio.place_call()
        row = {
            "status": "in-progress",
            "started_at": datetime.now(UTC) - timedelta(seconds=60),
            "answered_at": datetime.now(UTC) - timedelta(seconds=50),
            "agent_id": self.cast.bob.id,
            "transcription": "transcribing",
        }
        async with self.database.begin() as session:
            number = self.cast.number
            calls = Calls(session, self.cast.a.id)
            await calls.open(
                leg.sid, direction="inbound", from_number=leg.from_, to_number=number.e164, number_id=number.id
            )
            await session.execute(update(Call).where(Call.call_sid == leg.sid).values(**row | values))
        return leg

    async def report(self, call: str, stream: str) -> None:
        """The node says that it has ``stream`` of ``call``."""
        at = round(datetime.now(UTC).timestamp() * 1000)
        place = {"stream": stream, "began": str(at - 60_000), "at": str(at), "node": "n1"}
        await self.node.publish(f"call.{self.cast.a.id}.{call}.started", json.dumps(place).encode())

    async def ordered(self, leg: Leg) -> None:
        """Wait for a stream of ``leg``; the node has it then."""
        async with asyncio.timeout(WAIT):
            while not leg.streams:  # noqa: ASYNC110 (the emulator has no event for it)
                await asyncio.sleep(0.05)
        await self.report(leg.sid, next(iter(leg.streams)))


@pytest_asyncio.fixture
async def restarted(settings: Settings, database: Database, cast: Cast, tmp_path: Path) -> AsyncIterator[Restarted]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(NatsServer(tmp_path))
        emulator, customer = await stack.enter_async_context(town())
        customer.says("/voice", "<Pause length='600'/>")
        node = await nats.connect(server.url("media"))
        stack.push_async_callback(node.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(_beat(node)).cancel)
        account = account_of(customer)
        places = {
            "nats_url": SecretStr(server.url("web")),
            "media_public_url": customer.media_url,
            "twilio_account_sid": account.account_sid,
            "twilio_api_key_sid": account.api_key_sid,
            "twilio_api_key_secret": SecretStr(account.api_key_secret),
            "twilio_api_base": emulator.url,
        }
        yield Restarted(settings.model_copy(update=places), database, cast, emulator, node)


async def _beat(node: Client) -> None:
    while True:
        await node.publish("node.n1.alive", b'{"calls": 0}')
        await asyncio.sleep(0.2)


@asynccontextmanager
async def started(restarted: Restarted, timing: Timing = SOON) -> AsyncIterator[web.Application]:
    """The part of a new web process that restarts streams."""
    app = web.Application()
    app[SETTINGS], app[DATABASE] = restarted.settings, restarted.database
    app[STREAM_RECOVERY] = recovery = StreamRecovery(app, timing)
    url = restarted.settings.nats_url.get_secret_value()
    app[BUS] = facts = Bus(url, partial(take_fact, app), recovery.alive, recovery.note)
    async with client_of(app[SETTINGS]) as app[TWILIO], asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(part) for part in (facts.run(), recovery.run())]
        yield app
        for task in running:
            task.cancel()


async def only_last(restarted: Restarted, others: Sequence[Leg]) -> None:
    """Let a process start: a call that nobody reports gets its stream, and none of ``others`` does."""
    last = await restarted.call(started_at=datetime.now(UTC) - timedelta(seconds=1))
    async with started(restarted):
        await restarted.ordered(last)
        await asyncio.sleep(3 * SOON.answer)  # the looks that are left
    assert [len(leg.streams) for leg in others] == [0] * len(others)
    assert restarted.twilio.registry.count("POST", ORDERED) == 1


async def test_a_call_that_no_node_reports_gets_one_stream_that_begins_with_the_call(restarted: Restarted) -> None:
    orders = list[Passed]()
    restarted.twilio.registry.watchers.append(orders.append)
    began = datetime.now(UTC) - timedelta(seconds=90)
    leg = await restarted.call(started_at=began)
    async with started(restarted):
        await restarted.ordered(leg)
        await asyncio.sleep(3 * SOON.answer)
    (order,) = orders
    ticket = verify_stream(restarted.settings.stream_shared_secret.get_secret_value(), order.form["Parameter1.Value"])
    assert (ticket.call, ticket.org, ticket.agent) == (leg.sid, str(restarted.cast.a.id), str(restarted.cast.bob.id))
    assert ticket.began == round(began.timestamp() * 1000)


async def test_two_processes_start_one_stream(restarted: Restarted) -> None:
    leg = await restarted.call()
    async with started(restarted), started(restarted):
        await restarted.ordered(leg)
        await asyncio.sleep(3 * SOON.answer)
    assert len(leg.streams) == 1


async def test_a_call_that_its_node_reports_gets_none_though_the_node_is_slow(restarted: Restarted) -> None:
    quick, slow = await restarted.call(), await restarted.call()
    asked = 0

    async def answer(_: Msg) -> None:
        nonlocal asked
        asked += 1
        await restarted.report(quick.sid, STREAM)
        if asked > 1:
            await restarted.report(slow.sid, STREAM)

    await restarted.node.subscribe("facts.wanted", cb=answer)
    await settled(restarted.node)
    await only_last(restarted, [quick, slow])


async def test_only_conversations_with_words_are_looked_for(restarted: Restarted) -> None:
    now = datetime.now(UTC)
    await only_last(
        restarted,
        [
            await restarted.call(status="completed", outcome="answered", ended_at=now),
            await restarted.call(words_stopped_at=now),
            await restarted.call(status="ringing", answered_at=None, agent_id=None),
            await restarted.call(reason="outside_hours", agent_id=None),  # answered at the overflow number
            await restarted.call(transcription=None),  # no consent prompt was played
            await restarted.call(started_at=now - timedelta(hours=5)),
            await restarted.call(started_at=now + timedelta(hours=1)),  # of which this process hears everything
        ],
    )


async def test_a_call_that_is_answered_after_the_restart_is_found_by_a_later_look(restarted: Restarted) -> None:
    first, ringing = await restarted.call(), await restarted.call(answered_at=None, agent_id=None)
    async with started(restarted, Timing(ask_again=0.5, answer=0.5, looks=100)):
        await restarted.ordered(first)
        assert not ringing.streams
        async with restarted.database.begin() as session:
            row = {"answered_at": datetime.now(UTC), "agent_id": restarted.cast.dana.id}
            await session.execute(update(Call).where(Call.call_sid == ringing.sid).values(**row))
        await restarted.ordered(ringing)


async def test_a_call_that_is_over_at_twilio_is_asked_for_once(restarted: Restarted) -> None:
    over, last = await restarted.call(), await restarted.call()
    over.hang_up()
    async with asyncio.timeout(WAIT):
        await over.over.wait()
    async with started(restarted) as app:
        await restarted.ordered(last)
        await asyncio.sleep(3 * SOON.answer)
        assert app[STREAM_RECOVERY].find(over.sid) is None
    assert restarted.twilio.registry.count("POST", f"{over.sid}{ORDERED}") == 1


@pytest.mark.parametrize(("status", "code"), PASSING)
async def test_a_start_that_may_succeed_later_is_repeated_and_not_counted_as_refused(
    restarted: Restarted, status: int, code: int
) -> None:
    leg = await restarted.call()
    restarted.twilio.registry.faults.append(RestFault("POST", ORDERED, status=status, code=code))
    before = {result: restarts(result) for result in ("failed", "refused", "started")}
    async with started(restarted), asyncio.timeout(WAIT):
        await restarted.ordered(leg)
        while restarts("started") == before["started"]:  # noqa: ASYNC110 (a metric has no event)
            await asyncio.sleep(0.05)
    added = {result: restarts(result) - count for result, count in before.items()}
    assert added == {"failed": 1, "refused": 0, "started": 1}


def restarts(result: str) -> float:
    return REGISTRY.get_sample_value("bilby_web_stream_restarts_total", {"result": result}) or 0
