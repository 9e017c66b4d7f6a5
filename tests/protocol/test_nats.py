"""The connection to NATS ends when it is asked to, whatever the server does meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs

from protocol.nats import MEDIA, WEB, NatsConnection
from sandbox.engines.nats import NatsServer

# nats-py leaves a connection that NATS refused to the garbage collector, which closes it.
DROPPED = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_ends_while_the_server_is_away_and_something_waits_to_be_sent(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """On uvloop, as in production: its transports raise when they are written to after they are gone."""
    with capture_logs() as said:
        uvloop.run(_lose_the_server(tmp_path, free_port()))
    assert "error" not in [line["log_level"] for line in said]


async def _lose_the_server(folder: Path, port: int) -> None:
    async with NatsServer(folder, port=port) as nats:
        connection = NatsConnection(nats.url("media"), "media", MEDIA)
        running = asyncio.create_task(connection.run())  # noqa: TID251 - it is cancelled below, and watched until it ends
        assert await connection.is_confirmed_within(10)
        assert connection.client is not None
        client = connection.client
    async with asyncio.timeout(60):
        while client.is_connected:  # noqa: ASYNC110 - nats-py tells us only once it has tried to come back
            await asyncio.sleep(0.01)
    for number in range(10):
        connection.publish_later(f"call.org.CA{number}.started", b"{}")
    await asyncio.sleep(0)
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=60)
    assert done


@DROPPED
async def test_a_new_password_of_the_server_is_tried_when_the_old_one_is_refused(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    port = free_port()
    before, after = NatsServer(tmp_path / "before", port=port), NatsServer(tmp_path / "after", port=port)
    connection = NatsConnection(f"{before.url('media')},{after.url('media')}", "media", MEDIA)
    async with connection.running():
        async with before:
            assert await connection.is_confirmed_within(30)
        async with after:
            await _is_confirmed_again(connection)


@DROPPED
async def test_whoever_starts_after_the_change_finds_the_password_that_is_accepted(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "after") as server:
        url = server.url("web")
        old = url.replace(url.split(":")[2].partition("@")[0], "an-old-one")
        connection = NatsConnection(f"{old},{url}", "web", WEB)
        async with connection.running():
            assert await connection.is_confirmed_within(30)


async def _is_confirmed_again(connection: NatsConnection) -> None:
    before = time.monotonic()
    async with asyncio.timeout(30):
        while connection.confirmed_at < before:  # noqa: ASYNC110 (there is no event for the second time)
            await asyncio.sleep(0.05)
