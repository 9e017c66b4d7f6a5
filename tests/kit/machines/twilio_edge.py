"""Twilio's Sydney edge as far as its own Voice SDK can tell: signalling and Insights, over TLS, played by a test.

The texts are those that the SDK itself sends and reads (`@twilio/voice-sdk`, ``lib/twilio/pstream.ts``,
``device.ts``, ``call.ts``): JSON objects ``{type, payload, version}``. A browser that maps Twilio's hosts to
`Edge.port` needs no change in the page.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.kit.raw_http import cut

SECONDS = 60
SIGNALLING = "voice-js.sydney.twilio.com"
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}


class Edge:
    """Accepts Devices. ``hosts`` are those that browsers asked for, ``tokens`` those that Devices showed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.hosts: set[str] = set()
        self.tokens: list[str] = []
        self.refusal: int | None = None  # the code that a token is answered with
        self._devices: list[web.WebSocketResponse] = []
        self._heard: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

    @property
    def flags(self) -> list[str]:
        """What Chromium is started with, so that Twilio's hosts are here and there is a microphone."""
        return [
            f"--host-resolver-rules=MAP *.twilio.com 127.0.0.1:{self.port}",
            "--ignore-certificate-errors",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ]

    async def tell(self, kind: str, **payload: Any) -> None:
        """Send one message to the latest Device."""
        await self._devices[-1].send_str(json.dumps({"type": kind, "payload": payload}))

    async def hears(self, kind: str) -> Mapping[str, Any]:
        """Return the payload of the next message of ``kind``; others are passed over."""
        async with asyncio.timeout(SECONDS):
            while (message := await self._heard.get())["type"] != kind:
                pass
        payload: Mapping[str, Any] = message["payload"]
        return payload

    async def invite(self, sid: str, sdp: str, /, *, reconnect: str | None = None, **params: str) -> None:
        """Ring the latest Device."""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        parameters = {"CallSid": sid, "From": "+61491570156", "To": "client:agent", "Params": query}
        more = {} if reconnect is None else {"reconnect": reconnect}
        await self.tell("invite", callsid=sid, sdp=sdp, parameters=parameters, **more)

    def cut(self) -> None:
        """Break every connection as a network does: without a word."""
        while self._devices:
            cut(self._devices.pop())

    async def signal(self, request: web.Request) -> web.StreamResponse:
        """One Device's connection."""
        self.hosts.add(request.host)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._devices.append(socket)
        async for received in socket:
            if received.type is WSMsgType.TEXT and received.data.strip():
                await self._answer(json.loads(received.data))
        return socket

    async def insights(self, request: web.Request) -> web.Response:
        """An event about a call, or the browser's question whether it may send one."""
        self.hosts.add(request.host)
        return web.Response(headers=_CORS)

    async def _answer(self, message: Mapping[str, Any]) -> None:
        self._heard.put_nowait(message)
        if message["type"] == "listen":
            self.tokens.append(message["payload"]["token"])
            if self.refusal is not None:
                await self.tell("error", error={"code": self.refusal, "message": "refused"})
                return
            claims = jwt.decode(self.tokens[-1], options={"verify_signature": False})
            token = {"identity": claims["grants"]["identity"], "ttl": 3600}
            await self.tell("connected", region="ASIAPAC_SYDNEY", edge="sydney", home="au1", token=token)
        elif message["type"] == "register":
            await self.tell("ready")


@asynccontextmanager
async def twilio_edge(port: int, folder: Path) -> AsyncIterator[Edge]:
    """An `Edge` at ``port`` of the loopback. Its certificate is put into ``folder``."""
    edge = Edge(port)
    app = web.Application()
    app.add_routes([web.get("/signal", edge.signal), web.route("*", "/v4/{endpoint}", edge.insights)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=_certificate(folder)).start()
    try:
        yield edge
    finally:
        await runner.cleanup()


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SIGNALLING)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "edge.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
