"""A proxy before media nodes or `web`, as far as sockets go: it passes each on to the port that it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BYTES = 1 << 16


@dataclass
class Front:
    """Listening at ``port``. New sockets go to ``to``, a port; who was passed on stays where it is.

    While ``swallowing``, sockets open and stay open, and nothing that is sent arrives.
    """

    to: int = 0
    port: int = 0
    server: asyncio.Server | None = None
    passing: set[asyncio.StreamWriter] = field(default_factory=set)
    swallowing: bool = False

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One socket, until one of its ends is gone: then the other is cut off, too."""
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        both_writers = {writer, far_writer}
        self.passing |= both_writers
        try:
            async with asyncio.TaskGroup() as tasks:
                ways = ((reader, far_writer), (far_reader, writer))
                both = [tasks.create_task(self._pass(*way)) for way in ways]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for task in both:
                    task.cancel()
        finally:
            self.passing -= both_writers
            for each in both_writers:
                each.transport.abort()

    async def start(self) -> None:
        """Listen."""
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", self.port)

    def stop(self) -> None:
        """Refuse whoever comes, and cut off whoever is there."""
        assert self.server is not None
        self.server.close()
        for writer in tuple(self.passing):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(_BYTES):
                if not self.swallowing:
                    writer.write(some)
                    await writer.drain()


@asynccontextmanager
async def front(port: int) -> AsyncIterator[Front]:
    """A `Front` on ``port`` of the loopback."""
    passing = Front(port=port)
    await passing.start()
    try:
        yield passing
    finally:
        passing.stop()
