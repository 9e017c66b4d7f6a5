"""A proxy before media nodes or `web`, as far as sockets go: it passes each on to the port that it is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_BYTES = 1 << 16
_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_REQUESTS = tuple(f"{method} /".encode() for method in ("GET", "POST", "PUT", "PATCH", "DELETE"))


@dataclass
class Front:
    """Listening at ``port``. New sockets go to ``to``, a port; who was passed on stays where it is.

    While nobody listens at ``to``, new sockets wait for ``patience`` seconds, as Caddy's ``lb_try_duration`` lets
    them.

    As a ``gateway`` it answers 502 if whoever had a request is gone before a byte of the answer.

    While ``swallowing``, sockets open and stay open, and nothing that is sent arrives. A request in
    which ``losing`` is found arrives, and its answer does not come back.
    """

    to: int = 0
    port: int = 0
    server: asyncio.Server | None = None
    passing: set[asyncio.StreamWriter] = field(default_factory=set)
    swallowing: bool = False
    losing: bytes = b""
    patience: float = 0.0
    gateway: bool = False

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One socket, until one of its ends is gone: then the other is cut off, too."""
        self.passing.add(writer)
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            self.passing.discard(writer)
            writer.transport.abort()
            return
        both_writers = {writer, far_writer}
        self.passing |= both_writers
        try:
            async with asyncio.TaskGroup() as tasks:
                state = _Exchange()
                there = tasks.create_task(self._pass(reader, far_writer, state, back=False))
                back = tasks.create_task(self._pass(far_reader, writer, state, back=True))
                await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
                if self.gateway and state.is_asked and not there.done():
                    writer.write(_BAD_GATEWAY)
                    await writer.drain()
                    both_writers.remove(writer)
                    writer.close()  # once that is sent
                for task in (there, back):
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
        self.patience = 0.0
        self.server.close()
        for writer in tuple(self.passing):
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        began = time.monotonic()
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", self.to)
            except OSError:
                if time.monotonic() - began >= self.patience:
                    raise
            await asyncio.sleep(0.1)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: _Exchange, *, back: bool
    ) -> None:
        """Pass one way on."""
        with suppress(OSError):
            while some := await reader.read(_BYTES):
                if back:
                    state.is_asked = False
                else:
                    state.is_asked = some.startswith(_REQUESTS)
                    state.is_lost = state.is_lost or bool(self.losing and self.losing in some)
                if not (self.swallowing or (back and state.is_lost)):
                    writer.write(some)
                    await writer.drain()


@dataclass(slots=True)
class _Exchange:
    """What is under way on one socket."""

    is_asked: bool = False
    """A request was passed on, and no byte of its answer came."""
    is_lost: bool = False
    """A request came whose answer is lost."""


@asynccontextmanager
async def front(port: int) -> AsyncIterator[Front]:
    """A `Front` on ``port`` of the loopback."""
    async with _listening(Front(port=port)) as passing:
        yield passing


@asynccontextmanager
async def as_caddy_does(port: int) -> AsyncIterator[Front]:
    """Likewise, which waits and answers as Caddy does by ``deploy/caddy/Caddyfile``."""
    async with _listening(Front(port=port, patience=10.0, gateway=True)) as passing:
        yield passing


@asynccontextmanager
async def _listening(passing: Front) -> AsyncIterator[Front]:
    await passing.start()
    try:
        yield passing
    finally:
        passing.stop()
