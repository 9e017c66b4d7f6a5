"""Preflight checks of media: which nodes are alive, their public endpoints, whether they reach Transcribe.

Media serves WebSockets only, so what is known of its nodes comes from their heartbeats on NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp import ClientError
from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import ALIVE
from protocol.nats import WEB, NatsConnection
from runtime.answers import first_bytes
from web.check.result import CheckResult
from web.config import Settings

REACHING_SECONDS = 4.0
LISTENING_SECONDS = 2.5  # a node sends a heartbeat every second
ENDPOINTS = {"/twilio/stream": b"signature", "/console": b"origin"}
"""The public paths, and a word of the 403 that each sends to a request without credentials."""
_LONGEST_ANSWER = 64  # bytes of the answer that are read

_NOT_HEARD = CheckResult("Transcribe", "could not be checked: no media node is reporting", "fix media first")


async def media(settings: Settings) -> CheckResult:
    """Check that a node is alive and that its public endpoints are reachable."""
    nodes = await _heartbeats(settings)
    if not nodes:
        return CheckResult("media", "no node is reporting", "check media's log and its NATS_URL")
    for path, word in ENDPOINTS.items():
        problem = await _probe(settings.media_public_url, path, word)
        if problem:
            fix = f"make MEDIA_PUBLIC_URL route {path} to media, with TLS unless it is on this host"
            return CheckResult("media", f"{path} {problem} at MEDIA_PUBLIC_URL", fix)
    return CheckResult("media", f"{_count(nodes)}, and MEDIA_PUBLIC_URL reaches media")


async def transcribe(settings: Settings) -> CheckResult:
    """Check that each node reaches Transcribe, as its heartbeat says."""
    nodes = await _heartbeats(settings)
    if not nodes:
        return _NOT_HEARD
    known = {node: error for node, error in nodes.items() if error is not None}
    if not known:
        return CheckResult("Transcribe", "has not been tried yet", "check again in half a minute")
    errors = sorted({error for error in known.values() if error})
    if errors:
        said = f"{sum(map(bool, known.values()))} of {_count(nodes)} failed at the last attempt: {', '.join(errors)}"
        return CheckResult(
            "Transcribe",
            said,
            "look up the error in the runbook: the cause is the key, the quota, or the network to AWS",
        )
    return CheckResult("Transcribe", f"reachable from {_count(nodes)}")


def _count(nodes: Mapping[str, str | None]) -> str:
    return "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"


async def _heartbeats(settings: Settings) -> dict[str, str | None]:
    """Return the nodes that are alive, each with its last Transcribe error ("" for none, None for not tried yet).

    Empty if NATS cannot be reached.
    """
    heard: dict[str, str | None] = {}

    async def hear(message: Msg) -> None:
        [node] = ALIVE.names(message.subject)
        heartbeat = ALIVE.read(message.data)
        if heartbeat is None:
            return
        if heartbeat.gone:
            heard.pop(node, None)
        else:
            heard[node] = heartbeat.transcribe

    async def subscribe(client: Client) -> None:
        await client.subscribe(ALIVE.all, cb=hear)

    connection = NatsConnection(settings.nats_url.get_secret_value(), "web check", WEB)
    connection.attach(subscribe=subscribe)
    async with connection.running():
        if await connection.is_confirmed_within(REACHING_SECONDS):
            await asyncio.sleep(LISTENING_SECONDS)
    return heard


async def _probe(origin: str, path: str, word: bytes) -> str:
    """Return what is wrong with the endpoint ``path``; "" if media answers with its 403, as it should."""
    parts = urlsplit(origin)
    url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}{path}"
    timeout = aiohttp.ClientTimeout(total=REACHING_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url, allow_redirects=False) as answer:
            refused = answer.status == 403 and word in await first_bytes(answer, _LONGEST_ANSWER)
            return "" if refused else f"is answered by something other than media (HTTP {answer.status})"
    except (ClientError, OSError, TimeoutError):
        return "does not answer"
