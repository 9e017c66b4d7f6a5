"""The connection to NATS ends when it is asked to, whatever the server does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import uvloop
from structlog.testing import capture_logs

from protocol.nats import MEDIA, NatsConnection
from sandbox.engines.nats import NatsServer


def test_ends_while_the_server_is_away_and_something_waits_to_be_sent(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """On uvloop, as in production: its transports raise when they are written to after they are gone."""
    with capture_logs() as said:
        uvloop.run(_lose_the_server(tmp_path, free_port()))
    assert "NATS client failed" not in [line["event"] for line in said]


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
    done, _ = await asyncio.wait({running}, timeout=10)
    assert done
