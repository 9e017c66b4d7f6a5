"""Writes that may be sent again: a request that names an ``Idempotency-Key`` is done once.

The answer is kept for a day, in the transaction of the write. A refusal is not: what was refused changed nothing, and
may be sent again corrected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from web.api.problems import ProblemError
from web.request.access import Client, Rows
from web.request.errors import InvalidError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255  # characters


@dataclass(frozen=True, slots=True)
class Done:
    """The answer to a write: its status and body, and whether it was done before."""

    status: int
    body: bytes
    is_replayed: bool = False


def key_of(request: web.Request) -> str | None:
    """Return the key, with or without the quotes of the draft; None if there is none. Raise `InvalidError`."""
    sent = request.headers.get(HEADER)
    if sent is None:
        return None
    key = sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent
    if not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise InvalidError(f"{HEADER} has 1 to {LONGEST} printable ASCII characters.")
    return key


def fingerprint(request: web.Request, sent: bytes) -> bytes:
    """Return what makes this request the same as another: its method, its address and its body."""
    head = f"{request.method} {request.path_qs}\0".encode(errors="surrogatepass")
    return hashlib.sha256(head + sent).digest()


async def once(rows: Rows, client: Client, key: str, request: bytes, write: Callable[[], Awaitable[Done]]) -> Done:
    """Do ``write``, or return what was kept for ``key`` and the same ``request``. Raise `ProblemError`."""
    if not await rows.kept_answers.claim(client.key_id, key):
        raise ProblemError("in-progress", "A request with this idempotency key is in progress. Send it again later.")
    kept = await rows.kept_answers.find(client.key_id, key)
    if kept is None:
        done = await write()
        await rows.kept_answers.keep(client.key_id, key, request, status=done.status, answer=done.body.decode())
        return done
    if kept.request_hash != request:
        raise ProblemError("key-reused", "This idempotency key was used for another request. Make a new one.")
    return Done(kept.status, kept.answer.encode(), is_replayed=True)
