"""Facts over a real NATS server: told, heard, kept through an outage, and never waited for."""

from __future__ import annotations

import asyncio
import json
import socket
import sysconfig
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from prometheus_client import REGISTRY

from web.facts import WAITING_FACTS, Fact, Facts, parse

WAIT = 10  # seconds that any one wait may take
SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"
CONF = """
listen: 127.0.0.1:{port}
authorization {{ users = [
  {{ user: web, password: w, permissions: {{ publish: "call.*.*.assigned", subscribe: ["call.>", "_INBOX.>"] }} }}
  {{ user: media, password: m }}
] }}
"""


@dataclass
class Server:
    """A NATS server on a port of its own, which a test may stop and start again."""

    conf: Path
    port: int
    process: asyncio.subprocess.Process | None = None

    def url(self, user: str = "web:w") -> str:
        return f"nats://{user}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            SERVER, "-c", self.conf, stderr=asyncio.subprocess.DEVNULL
        )

    async def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            await asyncio.wait_for(self.process.wait(), WAIT)
        self.process = None


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    conf = tmp_path / "nats.conf"
    conf.write_text(CONF.format(port=port))
    server = Server(conf, port)
    yield server
    await server.stop()


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
async def running(url: str, apply: Callable[[Fact], Awaitable[None]]) -> AsyncIterator[Facts]:
    facts = Facts(url, apply)
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(facts.run())
        yield facts
        run.cancel()
        _, still = await asyncio.wait([run], timeout=WAIT)
        assert not still


@asynccontextmanager
async def media(server: Server) -> AsyncIterator[Client]:
    client = await nats.connect(server.url("media:m"), reconnect_time_wait=0.1)
    yield client
    await client.close()


async def ready(facts: Facts) -> None:
    await asyncio.wait_for(facts.ready.wait(), WAIT)


async def test_an_answer_is_told_to_media(server: Server) -> None:
    await server.start()
    async with media(server) as client, running(server.url(), Written()) as facts:
        heard = await client.subscribe("call.*.*.assigned")
        await client.flush()
        facts.assigned("org", "CA1", "alice")
        arrived = await heard.next_msg(WAIT)
    assert (arrived.subject, json.loads(arrived.data)) == ("call.org.CA1.assigned", {"agent": "alice"})


async def test_what_media_says_is_written_in_order_and_the_rest_ignored(server: Server) -> None:
    await server.start()
    written = Written()
    async with media(server) as client, running(server.url(), written) as facts:
        await ready(facts)
        for subject, payload in [
            ("call.org.CA1.started", b'{"stream": "MZ1", "node": "a"}'),
            ("call.org.CA1.stream", b"not json"),
            ("call.org.CA1.stream", b'{"state": "unheard of"}'),
            ("call.org.broken.started", b"{}"),
            ("call.org.CA1.assigned", b'{"agent": "alice"}'),
            ("call.org.CA1.stream", b'{"state": "failed", "reason": "no\\nslot"}'),
            ("call.org.CA1.ended", b'{"reason": "stopped"}'),
        ]:
            await client.publish(subject, payload)
        assert await written.next() == Fact("org", "CA1", "transcribing")
        assert await written.next() == Fact("org", "CA1", "failed", "no slot")
        assert await written.next() == Fact("org", "CA1", "ended")
    assert written.facts.empty()


async def test_web_starts_without_nats_and_is_ready_when_it_comes(server: Server) -> None:
    async with running(server.url(), Written()) as facts:
        facts.assigned("org", "CA1", "alice")
        assert not facts.ready.is_set()
        assert not facts.connected
        await server.start()
        await ready(facts)
        assert facts.connected


async def test_facts_of_an_outage_arrive_after_it(server: Server) -> None:
    await server.start()
    written = Written()
    async with running(server.url(), written) as facts:
        await ready(facts)
        await server.stop()
        facts.assigned("org", "CA1", "alice")
        assert facts.ready.is_set()
        await server.start()
        async with media(server) as client:
            await _hear(facts, client)
            await _until_heard(client, written)


async def _hear(facts: Facts, client: Client) -> None:
    """Answers reach media again: those sent while the server was away may, later ones must."""
    heard = await client.subscribe("call.*.*.assigned")
    await client.flush()
    async with asyncio.timeout(WAIT):
        while True:
            facts.assigned("org", "CA2", "bob")
            try:
                await heard.next_msg(0.2)
            except TimeoutError:
                continue
            return


async def _until_heard(client: Client, written: Written) -> None:
    """Media's facts reach web again, by the same subscription."""
    await client.publish("call.org.CA3.ended", b"{}")
    assert await written.next() == Fact("org", "CA3", "ended")


async def test_a_server_that_refuses_the_password_is_asked_again(server: Server) -> None:
    await server.start()
    async with running(server.url("web:wrong"), Written()) as facts:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(facts.ready.wait(), 0.5)
        server.conf.write_text(server.conf.read_text().replace("password: w", "password: wrong"))
        await server.stop()
        await server.start()
        await ready(facts)


async def test_at_the_bound_facts_are_dropped_and_counted() -> None:
    facts = Facts("nats://127.0.0.1:1", Written())
    before = REGISTRY.get_sample_value("bilby_web_facts_dropped_total") or 0
    for _ in range(WAITING_FACTS + 3):
        facts.assigned("org", "CA1", "alice")
    assert REGISTRY.get_sample_value("bilby_web_facts_dropped_total") == before + 3


@given(st.text(), st.binary())
def test_any_subject_and_payload_is_a_fact_or_none(subject: str, payload: bytes) -> None:
    assert parse(subject, payload) is None
    stream = parse("call.org.CA1.stream", payload)
    assert stream is None or stream.call == "CA1"
