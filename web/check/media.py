"""The preflight's look at media: which nodes live, whether their public door opens, whether they reach Transcribe.

Nothing but sockets is open to the world there, so media is asked by what it says of itself over NATS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import aiohttp
import msgspec
from aiohttp import ClientError
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from web.check.finding import CheckResult
from web.config import Settings

REACHING_SECONDS = 4.0
LISTENING_SECONDS = 2.5  # a node says that it lives every second
DOORS = {"/twilio/stream": b"signature", "/console": b"origin"}
"""What is open to the world, and what each says to somebody who may not come in."""
_LONGEST_ANSWER = 64  # bytes of it that are read

_NOT_HEARD = CheckResult("Transcribe", "is not known to be reachable: no media node says so", "mend media first")


class _Beat(msgspec.Struct):
    transcribe: str | None = None
    gone: bool = False


async def media(settings: Settings) -> CheckResult:
    """Whether a node lives, and Twilio and browsers find the way to it."""
    nodes = await _beats(settings)
    if not nodes:
        return CheckResult("media", "no node says that it lives", "look at media's log and its NATS_URL")
    for path, word in DOORS.items():
        trouble = await _knock(settings.media_public_url, path, word)
        if trouble:
            mend = f"MEDIA_PUBLIC_URL must lead {path} to media, by TLS off this machine"
            return CheckResult("media", f"{path} {trouble} at MEDIA_PUBLIC_URL", mend)
    return CheckResult("media", f"{_count(nodes)}, and the doors at MEDIA_PUBLIC_URL lead there")


async def transcribe(settings: Settings) -> CheckResult:
    """Whether each node reaches Transcribe, as it says itself."""
    nodes = await _beats(settings)
    if not nodes:
        return _NOT_HEARD
    known = {node: trouble for node, trouble in nodes.items() if trouble is not None}
    if not known:
        return CheckResult("Transcribe", "has not been looked for yet", "look again in half a minute")
    troubles = sorted({trouble for trouble in known.values() if trouble})
    if troubles:
        said = f"{sum(map(bool, known.values()))} of {_count(nodes)} could not reach it last: {', '.join(troubles)}"
        return CheckResult("Transcribe", said, "see the runbook for that word: the key, the quota, or the way to AWS")
    return CheckResult("Transcribe", f"reachable from {_count(nodes)}")


def _count(nodes: Mapping[str, str | None]) -> str:
    return "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"


async def _beats(settings: Settings) -> dict[str, str | None]:
    """The nodes that live, each with what keeps it from Transcribe (see `_Beat`); none if NATS is away."""
    heard: dict[str, str | None] = {}

    async def hear(message: Msg) -> None:
        node = message.subject.split(".")[1]
        with suppress(msgspec.DecodeError, UnicodeError):
            beat = msgspec.json.decode(message.data, type=_Beat)
            if beat.gone:
                heard.pop(node, None)
            else:
                heard[node] = beat.transcribe

    client = Client()
    try:
        async with asyncio.timeout(REACHING_SECONDS):  # nats-py would try for ever
            await client.connect(settings.nats_url.get_secret_value(), allow_reconnect=False, error_cb=_ignore)
        await client.subscribe("node.*.alive", cb=hear)
        await asyncio.sleep(LISTENING_SECONDS)
    except (NatsError, OSError, TimeoutError):
        return {}
    finally:
        with suppress(NatsError, OSError):
            await client.close()
    return heard


async def _ignore(_: Exception) -> None:
    """What goes wrong with NATS has a check of its own."""


async def _knock(origin: str, path: str, word: bytes) -> str:
    """What is wrong with the door at ``path``; empty if media itself turns us away, as it should."""
    parts = urlsplit(origin)
    url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}{path}"
    timeout = aiohttp.ClientTimeout(total=REACHING_SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url, allow_redirects=False) as answer:
            turned_away = answer.status == 403 and word in await answer.content.read(_LONGEST_ANSWER)
            return "" if turned_away else f"is answered by something else (HTTP {answer.status})"
    except (ClientError, OSError, TimeoutError):
        return "does not answer"
