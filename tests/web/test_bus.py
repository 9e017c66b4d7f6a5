"""Events over a real NATS server: published, received, kept through an outage, and never waited for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import nats
import pytest
from hypothesis import given, strategies as st
from nats.aio.client import Client
from prometheus_client import REGISTRY

from protocol.facts import Fact, parse
from protocol.nats import WEB
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import as_media, settled, still
from web.bus import WAITING_FACTS, Apply, Bus, Note

ORG, ALICE, BOB = (UUID(int=n) for n in (1, 2, 3))
WAIT = 60  # seconds that any one wait may take


@dataclass
class Written:
    """Where facts are written in these tests: a queue to await; the call named ``broken`` is not taken."""

    facts: asyncio.Queue[Fact] = field(default_factory=asyncio.Queue)

    async def __call__(self, fact: Fact) -> None:
        if fact.call == "broken":
            raise ConnectionError("database gone")
        self.facts.put_nowait(fact)

    async def next(self) -> Fact:
        return await asyncio.wait_for(self.facts.get(), WAIT)


@asynccontextmanager
async def opened(
    url: str, apply: Apply, alive: Callable[[str], None] = lambda _: None, note: Note = lambda fact: fact
) -> AsyncIterator[Bus]:
    """Run `Bus` until the block ends. Entering does not wait for NATS: await `Bus.ready` for that."""
    bus = Bus(url, apply, alive, note)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bus.run())
        try:
            yield bus
        finally:
            running.cancel()


@asynccontextmanager
async def running(url: str, apply: Apply) -> AsyncIterator[Bus]:
    async with asyncio.timeout(60), opened(url, apply) as facts:
        yield facts


async def ready(facts: Bus) -> None:
    await asyncio.wait_for(facts.ready.wait(), WAIT)


async def test_an_answer_is_told_to_media(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server, as_media(server) as client:
        heard = await client.subscribe("call.*.*.assigned")
        await settled(client)
        async with running(server.url("web"), Written()) as facts:
            facts.assigned(ORG, "CA1", ALICE)
            arrived = await heard.next_msg(WAIT)
    assert arrived.subject == f"call.{ORG}.CA1.assigned"
    assert json.loads(arrived.data) == {"agent": str(ALICE)}


async def test_a_hold_and_its_end_are_told_to_media_with_their_times(tmp_path: Path) -> None:
    at = datetime(2026, 11, 20, 3, 0, 0, 250_000, tzinfo=UTC)
    async with NatsServer(tmp_path) as server, as_media(server) as client:
        holds, ends = [await client.subscribe(f"call.*.*.{fact}") for fact in ("held", "resumed")]
        await settled(client)
        async with running(server.url("web"), Written()) as facts:
            before = time.time() * 1000
            facts.held(ORG, "CA1", at)
            facts.resumed(ORG, "CA1")
            held, resumed = [await heard.next_msg(WAIT) for heard in (holds, ends)]
    assert (held.subject, json.loads(held.data)) == (f"call.{ORG}.CA1.held", {"at": round(at.timestamp() * 1000)})
    assert resumed.subject == f"call.{ORG}.CA1.resumed"
    assert json.loads(resumed.data)["at"] >= round(before)


async def test_what_media_says_is_written_in_order_and_the_rest_ignored(tmp_path: Path) -> None:
    written = Written()
    async with (
        NatsServer(tmp_path) as server,
        as_media(server) as client,
        running(server.url("web"), written) as facts,
    ):
        await ready(facts)
        for subject, payload in [
            (f"call.{ORG}.CA1.started", b'{"stream": "MZ1", "node": "a"}'),
            (f"call.{ORG}.CA1.stream", b"not json"),
            (f"call.{ORG}.CA1.stream", b'{"state": "unheard of"}'),
            (f"call.{ORG}.broken.started", b"{}"),
            (f"call.{ORG}.CA1.assigned", b'{"agent": "alice"}'),
            ("call.nobody.CA1.started", b"{}"),
            (f"call.{ORG}.CA1.stream", b'{"state": "failed", "reason": "no\\nslot"}'),
            (f"call.{ORG}.CA1.ended", b'{"reason": "stopped"}'),
        ]:
            await client.publish(subject, payload)
        await settled(client)
        assert await written.next() == Fact(ORG, "CA1", "transcribing", None, "started", "MZ1", node="a")
        assert await written.next() == Fact(ORG, "CA1", "failed", "no slot")
        assert await written.next() == Fact(ORG, "CA1", "ended", "stopped", "ended")
    assert written.facts.empty()


async def test_on_every_connection_media_is_asked_to_say_again_where_calls_are(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack, NatsServer(tmp_path) as server:
        client = await nats.connect(server.url("media"), reconnect_time_wait=0.01, max_reconnect_attempts=-1)
        stack.push_async_callback(client.close)
        asked = await client.subscribe("facts.wanted")
        await settled(client)
        await stack.enter_async_context(running(server.url("web"), Written()))
        await asked.next_msg(WAIT)
        await server.__aexit__(None, None, None)
        await server.__aenter__()
        await asked.next_msg(WAIT)


async def test_a_node_is_heard_to_live_and_what_was_said_before_changes_only_the_place(tmp_path: Path) -> None:
    written, beats = Written(), asyncio.Queue[str]()
    async with (
        NatsServer(tmp_path) as server,
        as_media(server) as client,
        opened(server.url("web"), written, beats.put_nowait) as facts,
    ):
        await ready(facts)
        await client.publish("node.n1.alive", b'{"calls": 3}')
        assert await asyncio.wait_for(beats.get(), WAIT) == "n1"
        place = {"stream": "MZ1", "began": "5", "at": "7", "node": "n1", "again": "true"}
        await client.publish(f"call.{ORG}.CA1.started", json.dumps(place).encode())
        assert await written.next() == Fact(ORG, "CA1", None, None, "started", "MZ1", 5, "n1", 7, again=True)


async def test_where_a_call_is_does_not_wait_for_the_database(tmp_path: Path) -> None:
    noted = asyncio.Queue[str]()
    held = asyncio.Event()

    async def apply(_: Fact) -> None:
        await held.wait()

    def note(fact: Fact) -> Fact:
        noted.put_nowait(fact.call)
        return fact

    async with (
        NatsServer(tmp_path) as server,
        as_media(server) as client,
        opened(server.url("web"), apply, note=note) as facts,
    ):
        await ready(facts)
        for call in ("CA1", "CA2", "CA3"):
            await client.publish(f"call.{ORG}.{call}.started", b"{}")
        assert [await asyncio.wait_for(noted.get(), WAIT) for _ in range(3)] == ["CA1", "CA2", "CA3"]


async def test_only_an_answer_of_nats_proves_that_it_is_heard(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server, running(server.url("web"), Written()) as facts:
        await ready(facts)
        await _proven_after(facts, time.monotonic())
        async with still(server):
            await asyncio.sleep(0.2)  # for an answer that was on its way
            before = facts.proven_at
            await asyncio.sleep(3 * WEB.seconds)
            assert facts.connected
            assert facts.proven_at == before
        await _proven_after(facts, time.monotonic())


async def _proven_after(facts: Bus, then: float) -> None:
    async with asyncio.timeout(WAIT):
        while facts.proven_at <= then:  # noqa: ASYNC110 (a time has no event)
            await asyncio.sleep(0.02)


async def test_web_starts_without_nats_and_is_ready_when_it_comes(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    async with server:  # to learn a port
        pass
    async with running(server.url("web"), Written()) as facts:
        facts.assigned(ORG, "CA1", ALICE)
        assert not facts.ready.is_set()
        assert not facts.connected
        async with server:
            await ready(facts)
            assert facts.connected


async def test_after_an_outage_facts_flow_again_both_ways(tmp_path: Path) -> None:
    server, written = NatsServer(tmp_path), Written()
    async with server:
        url = server.url("web")
    async with running(url, written) as facts:
        async with server:
            await ready(facts)
        facts.assigned(ORG, "CA1", ALICE)
        assert facts.ready.is_set()
        async with server, as_media(server) as client:
            await _hear(facts, client)
            await _until_heard(client, written)


async def _hear(facts: Bus, client: Client) -> None:
    """Answers reach media again: those sent while the server was away may, later ones must."""
    heard = await client.subscribe("call.*.*.assigned")
    await settled(client)
    async with asyncio.timeout(WAIT):
        while True:
            facts.assigned(ORG, "CA2", BOB)
            try:
                await heard.next_msg(0.2)
            except TimeoutError:
                continue
            return


async def _until_heard(client: Client, written: Written) -> None:
    """Media's facts reach web again, by the same subscription."""
    await client.publish(f"call.{ORG}.CA3.ended", b"{}")
    assert await written.next() == Fact(ORG, "CA3", "ended", None, "ended")


async def test_a_server_that_refuses_the_password_is_asked_again(tmp_path: Path) -> None:
    old = NatsServer(tmp_path / "old")
    async with old:
        new = NatsServer(tmp_path / "new", port=urlsplit(old.url("web")).port)
        async with running(new.url("web"), Written()) as facts:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(facts.ready.wait(), 0.5)
            await old.__aexit__(None, None, None)
            async with new:
                await ready(facts)


async def test_at_the_bound_facts_are_dropped_and_counted() -> None:
    facts = Bus("nats://127.0.0.1:1", Written())
    before = REGISTRY.get_sample_value("bilby_web_facts_dropped_total") or 0
    for _ in range(WAITING_FACTS + 3):
        facts.assigned(ORG, "CA1", ALICE)
    assert REGISTRY.get_sample_value("bilby_web_facts_dropped_total") == before + 3


@given(st.text(), st.binary())
def test_any_subject_and_payload_is_a_fact_or_none(subject: str, payload: bytes) -> None:
    assert parse(subject, payload) is None
    stream = parse(f"call.{ORG}.CA1.stream", payload)
    assert stream is None or (isinstance(stream, Fact) and stream.call == "CA1")


async def test_stopping_is_heeded_at_any_moment_of_connecting() -> None:
    """`asyncio.wait_for` of Python 3.11, which nats-py awaits in, loses a cancellation that meets a result."""
    for moment in range(80):
        async with asyncio.timeout(WAIT), opened("nats://web:w@127.0.0.1:1", Written()):
            for _ in range(moment):
                await asyncio.sleep(0)
