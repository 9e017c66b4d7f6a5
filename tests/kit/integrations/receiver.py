"""A program that is told what happens: it checks each event with the `standardwebhooks` package, and keeps it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook


@dataclass(slots=True)
class Receiver:
    """What came, and how it answers."""

    url: str
    secrets: list[str] = field(default_factory=list)
    """Each event must be valid under every one of these."""
    statuses: list[int] = field(default_factory=list)
    """Answered one after the other, then 200."""
    headers: dict[str, str] = field(default_factory=dict)
    """Of each answer."""
    got: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        for secret in self.secrets:
            Webhook(secret).verify(body, dict(request.headers))
        async with self._came:
            self.got.append(json.loads(body))
            self.ids.append(request.headers["webhook-id"])
            self._came.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200, headers=self.headers)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many have come, and return them."""
        async with asyncio.timeout(60), self._came:
            await self._came.wait_for(lambda: len(self.got) >= count)
            return list(self.got)


@asynccontextmanager
async def receiver(free_port: Callable[[], int]) -> AsyncIterator[Receiver]:
    """Yield a receiver that listens on loopback."""
    port = free_port()
    opened = Receiver(f"http://127.0.0.1:{port}/hooks")
    app = web.Application()
    app.add_routes([web.post("/hooks", opened.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield opened
    finally:
        await runner.cleanup()
