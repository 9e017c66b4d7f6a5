"""What nats-py leaves to its users."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client


async def settled(client: Client) -> None:
    """Wait until the server has all that ``client`` subscribed to and published.

    Its own ``flush`` is not enough: its PING overtakes what still waits to be written by a task of the client's.
    """
    await asyncio.sleep(0)  # that task's turn
    await client.flush()
