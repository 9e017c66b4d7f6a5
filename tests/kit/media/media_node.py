"""A media node under test: the real server, real NATS, the emulated Transcribe. Its two ends are in media_ends.py."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from awscrt.auth import AwsCredentialsProvider
from websockets.asyncio.client import connect

from media.config import Settings
from media.nodes.last_heard import IN_FLIGHT_SECONDS
from media.server import Server
from media.sockets.acceptor import Limits
from media.sockets.console import ConsoleLimits
from media.speech.call import CallTiming
from media.speech.transcribe import ConnectionTiming, Transcribe
from media.speech.transcription import USUAL, Timing
from protocol.tickets import Direction, Role, sign_console, sign_stream
from sandbox.engines.nats import NatsServer
from sandbox.recognition.scripted import Scripted
from sandbox.transcribe.emulator import Transcribe as Vendor, transcribe
from sandbox.twilio.phone.media_stream import CONNECTED, FrameWriter, StreamFacts, signature
from tests.kit.machines.forked import Forked, forked
from tests.kit.media.media_ends import Line, Screen

SECRET = "s" * 32
TOKEN = "t" * 32
ACCOUNT = "AC" + "0" * 32
ORIGIN = "http://127.0.0.1:8080"
KEYS = {"AKIDTEST": "secret"}


@dataclass
class Address:
    """A node as Twilio and browsers know it. ``url`` is its ``MEDIA_PUBLIC_URL``."""

    url: str
    lines: list[Line] = field(default_factory=list)
    screens: list[Screen] = field(default_factory=list)

    async def call(
        self,
        org: str = "a",
        *,
        agent: str | None = None,
        direction: Direction = "inbound",
        sid: str | None = None,
        began: int | None = None,
    ) -> Line:
        """A call begins: Twilio opens its stream with a fresh ticket."""
        sid = sid or "CA" + secrets.token_hex(16)
        ticket = sign_stream(SECRET, org=org, call=sid, direction=direction, agent=agent, began=began)
        line = await self.dial(sid, {"ticket": ticket})
        await line.send(CONNECTED, line.writer.start())
        return line

    async def dial(self, sid: str, parameters: dict[str, str]) -> Line:
        """Twilio's socket, handshake done and nothing sent."""
        url = f"{self.url}/twilio/stream"
        facts = StreamFacts(url, ACCOUNT, sid, "MZ" + secrets.token_hex(16), ("inbound", "outbound"), parameters)
        headers = {"x-twilio-signature": signature(TOKEN, url)}
        socket = await connect(url, additional_headers=headers, compression=None, proxy=None)
        line = Line(socket, facts, FrameWriter(facts))
        self.lines.append(line)
        return line

    async def screen(self, member: str = "sam", role: Role = "supervisor", org: str = "a", **beside: Any) -> Screen:
        """A member's console, admitted, its snapshot taken. ``beside``: what it says beside its ticket."""
        screen = await self.open_screen()
        ticket = sign_console(SECRET, org=org, sub=member, role=role)
        await screen.socket.send(json.dumps({"ticket": ticket, **beside}))
        await screen.until(lambda: "snapshot" in screen.types())
        return screen

    async def open_screen(self, origin: str = ORIGIN) -> Screen:
        """A console's socket, handshake done and nothing sent."""
        headers = {"Origin": origin}
        socket = await connect(f"{self.url}/console", additional_headers=headers, compression=None, proxy=None)
        screen = Screen(socket)
        self.screens.append(screen)
        return screen

    async def close(self) -> None:
        for line in self.lines:
            await line.close()
        for screen in self.screens:
            await screen.close()


@dataclass(kw_only=True)
class Node(Address):
    """A node in this process."""

    server: Server
    transcribe: Transcribe
    vendor: Vendor
    nats: NatsServer

    async def connected(self) -> None:
        """Wait until the node is on its bus."""
        async with asyncio.timeout(60):
            await self.server.connection.confirmed_once.wait()


@dataclass(kw_only=True)
class Distant(Address):
    """A node in a process of its own, which can die."""

    process: asyncio.subprocess.Process | Forked

    async def crash(self) -> None:
        """``kill -9``."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def media_process(
    nats: NatsServer, vendor: Vendor, port: int, *, program: tuple[str, ...] = (), **changes: Any
) -> AsyncIterator[Distant]:
    """Run media, or what Python makes of ``program``, until it listens and is on its bus."""
    key, secret = next(iter(KEYS.items()))
    values = _values(nats, vendor.url, port) | {"aws_access_key_id": key, "aws_secret_access_key": secret} | changes
    environment = {name.upper(): str(value) for name, value in values.items()} | {"PATH": os.defpath}
    running = _executed(program, environment) if program else forked("media.__main__:main", environment, heard=True)
    async with running as process:
        assert process.stdout is not None
        distant = Distant(f"ws://127.0.0.1:{port}", process=process)
        try:
            async with asyncio.timeout(30):
                while b"NATS connected" not in (line := await process.stdout.readline()):
                    assert line, "it has ended"
            yield distant
        finally:
            await distant.close()


@asynccontextmanager
async def _executed(
    program: tuple[str, ...], environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *program), env=environment, cwd=Path(__file__).parents[3], stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _values(nats: NatsServer, endpoint: str, port: int) -> dict[str, Any]:
    return {
        "nats_url": nats.url("media"),
        "media_host": "127.0.0.1",
        "media_port": port,
        "media_public_url": f"ws://127.0.0.1:{port or 1}",
        "web_public_url": ORIGIN,
        "stream_shared_secret": SECRET,
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_tokens": f"old{TOKEN},{TOKEN}",
        "aws_region": "ap-southeast-2",
        "transcribe_endpoint": endpoint,
    }


@asynccontextmanager
async def media_node(
    nats: NatsServer,
    vendor: Vendor,
    *,
    endpoint: str | None = None,
    port: int = 0,
    credentials: AwsCredentialsProvider | None = None,
    timing: Timing = USUAL,
    limits: Limits = Limits(),  # noqa: B008 (it is frozen, and so is the next)
    console_limits: ConsoleLimits = ConsoleLimits(),  # noqa: B008
    call_timing: CallTiming = CallTiming(),  # noqa: B008
    connection_timing: ConnectionTiming = ConnectionTiming(),  # noqa: B008
    in_flight: float = IN_FLIGHT_SECONDS,
    **changes: Any,
) -> AsyncIterator[Node]:
    """One node in this process, on ``port`` or a free one; its AWS ``credentials`` are `KEYS`, for ever."""
    values = _values(nats, endpoint or vendor.url, port)
    settings = Settings.model_validate(values | changes)
    credentials = credentials or AwsCredentialsProvider.new_static(*next(iter(KEYS.items())))
    client = Transcribe(
        settings.transcribe_endpoint,
        region="ap-southeast-2",
        credentials=credentials,
        timing=connection_timing,
    )
    server = Server(
        settings,
        client,
        secrets.token_hex(4),
        timing,
        limits=limits,
        console_limits=console_limits,
        call_timing=call_timing,
        in_flight=in_flight,
    )
    async with server.serving() as listening:
        node = Node(f"ws://127.0.0.1:{listening}", server=server, transcribe=client, vendor=vendor, nats=nats)
        try:
            yield node
        finally:
            await node.close()
            server.force_stop = True


@asynccontextmanager
async def scripted_vendor(**options: Any) -> AsyncIterator[Vendor]:
    """Transcribe with the recogniser that knows the words; whoever has one of `KEYS` may use it."""
    known: dict[str, Any] = {"port": 0, "access_keys": KEYS, "recogniser": Scripted}
    async with transcribe(**known | options) as vendor:
        yield vendor
