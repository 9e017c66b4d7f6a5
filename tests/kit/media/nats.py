"""What nats-py leaves to its users, and a server that stands still."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
from nats.aio.client import Client

from sandbox.engines.nats import NatsServer


async def settled(client: Client) -> None:
    """Wait until the server has all that ``client`` subscribed to and published.

    Its own ``flush`` is not enough: its PING overtakes what still waits to be written by a task of the client's.
    """
    await asyncio.sleep(0)  # that task's turn
    await client.flush()


@asynccontextmanager
async def as_media(server: NatsServer) -> AsyncIterator[Client]:
    """A connection that may do what media's may."""
    client = await nats.connect(server.url("media"))
    yield client
    await client.close()


@asynccontextmanager
async def still(server: NatsServer) -> AsyncIterator[None]:
    """NATS stands still inside the block: its sockets stay open, and nothing passes until the end."""
    assert server.child is not None
    os.kill(server.child.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.child.process.pid, signal.SIGCONT)
