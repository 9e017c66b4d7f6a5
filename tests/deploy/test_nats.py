"""deploy/nats.conf keeps promise 1: the processes with a disk cannot hear, whatever they ask the server for."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.errors import MaxPayloadError

from sandbox.engines.nats import NatsServer, User
from tests.kit.media.nats import settled

_DISK_USERS: list[User] = ["web", "provisioning"]
_WORDS = ["transcript.org.CA1", "snapshot.CA1", "ticket.spent"]
_SLOTS = ["slots.told.a", "slots.who"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as server:
        yield server


@contextlib.asynccontextmanager
async def _client(server: NatsServer, user: User) -> AsyncIterator[tuple[Client, asyncio.Queue[str]]]:
    """A connection and the refusals the server sends it."""
    refusals: asyncio.Queue[str] = asyncio.Queue(maxsize=100)

    async def note(error: Exception) -> None:
        refusals.put_nowait(str(error).lower())

    client = await nats.connect(server.url(user), error_cb=note)
    try:
        yield client, refusals
    finally:
        await client.close()


async def _refusal(refusals: asyncio.Queue[str]) -> str:
    return await asyncio.wait_for(refusals.get(), 60)


@pytest.mark.parametrize("user", _DISK_USERS)
@pytest.mark.parametrize(
    "subject", [*_WORDS, *_SLOTS, "transcript.>", "snapshot.*", "ticket.>", "slots.>", ">", "*.>", "_INBOX.>"]
)
async def test_who_has_a_disk_may_not_listen_to_words(server: NatsServer, user: User, subject: str) -> None:
    async with _client(server, user) as (client, refusals):
        await client.subscribe(subject)
        assert re.search("permissions violation.* subscription", await _refusal(refusals))


@pytest.mark.parametrize("user", _DISK_USERS)
@pytest.mark.parametrize(
    "subject", [*_WORDS, *_SLOTS, "call.org.CA1.started", "call.org.CA1.ended", "node.a.alive", "_INBOX.x"]
)
async def test_who_has_a_disk_may_not_pretend_to_have_heard(server: NatsServer, user: User, subject: str) -> None:
    async with _client(server, "media") as (media, _), _client(server, user) as (client, refusals):
        heard = await media.subscribe(subject)
        await settled(media)
        await client.publish(subject, b"{}")
        assert re.search("permissions violation.* publish", await _refusal(refusals))
        assert heard.pending_msgs == 0


async def test_facts_without_words_pass_both_ways(server: NatsServer) -> None:
    async with _client(server, "media") as (media, _), _client(server, "web") as (client, refusals):
        from_media, to_media = await client.subscribe("call.>"), await media.subscribe("call.*.*.assigned")
        await settled(client)
        await settled(media)
        await media.publish("call.org.CA1.started", b"1")
        assert (await from_media.next_msg(timeout=60)).data == b"1"
        await client.publish("call.org.CA1.assigned", b"2")
        assert (await to_media.next_msg(timeout=60)).data == b"2"
        assert refusals.empty()


async def test_web_hears_heartbeats_and_may_ask_for_facts(server: NatsServer) -> None:
    async with _client(server, "media") as (media, _), _client(server, "web") as (client, refusals):
        beats, questions = await client.subscribe("node.*.alive"), await media.subscribe("facts.wanted")
        await settled(client)
        await settled(media)
        await media.publish("node.a.alive", b"1")
        assert (await beats.next_msg(timeout=60)).data == b"1"
        await client.publish("facts.wanted", b"2")
        assert (await questions.next_msg(timeout=60)).data == b"2"
        assert refusals.empty()


async def test_media_nodes_talk_to_each_other(server: NatsServer) -> None:
    async with _client(server, "media") as (one, refusals), _client(server, "media") as (two, _):
        transcripts = await two.subscribe("transcript.org.*")
        asked = await two.subscribe("snapshot.*")
        await settled(two)
        await one.publish("transcript.org.CA1", b"utterance")
        assert (await transcripts.next_msg(timeout=60)).data == b"utterance"
        inbox = one.new_inbox()
        answers = await one.subscribe(inbox)
        await one.publish("snapshot.CA1", b"?", reply=inbox)
        await (await asked.next_msg(timeout=60)).respond(b"snapshot")
        assert (await answers.next_msg(timeout=60)).data == b"snapshot"
        assert refusals.empty()


async def _answers(server: NatsServer, connect: dict[str, str]) -> tuple[dict[str, object], bytes]:
    """What the server says of itself, and its answer to a CONNECT and a PING: NATS's own protocol, by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url("web").rpartition(":")[2]))
    try:
        async with asyncio.timeout(60):
            info = json.loads((await reader.readline()).removeprefix(b"INFO "))
            writer.write(b"CONNECT " + json.dumps(connect | {"lang": "test"}).encode() + b"\r\nPING\r\n")
            return info, await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("connect", [{}, {"user": "web", "pass": "wrong"}, {"user": "root", "pass": "p"}])
async def test_a_stranger_gets_no_connection(server: NatsServer, connect: dict[str, str]) -> None:
    _, answer = await _answers(server, connect)
    assert answer.startswith(b"-ERR 'Authorization Violation")


async def test_the_server_has_no_store(server: NatsServer) -> None:
    info, _ = await _answers(server, {})
    assert not info.get("jetstream")
    assert info["auth_required"] is True


async def test_a_payload_beyond_any_snapshot_is_refused(server: NatsServer) -> None:
    async with _client(server, "media") as (media, _):
        assert media.max_payload == 64 * 1024
        with pytest.raises(MaxPayloadError):
            await media.publish("transcript.org.CA1", bytes(64 * 1024 + 1))
