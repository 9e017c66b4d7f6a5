"""The way from a request to an operation: key, limit, scope, parameters; and every refusal as a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlencode
from uuid import uuid4

import msgspec
import structlog
from aiohttp import web

from db.queries.rate_limits import Hit, Limit
from web.api import idempotency, reading
from web.api.idempotency import Done
from web.api.operations import Answer, Asked, Operation
from web.api.problems import KNOWN, ProblemError, code_of, problem
from web.config import SETTINGS
from web.request import access, limits
from web.request.access import Client, Rows
from web.request.errors import ForbiddenError, NotSignedInError, RefusalError, TooManyError, whole_seconds

REQUESTS = Limit("api requests", count=300, seconds=60)
"""Per key."""
WRONG_KEYS = Limit("wrong api keys", count=60, seconds=15 * 60)
"""Per network."""
_POLICY = f'"default";q={REQUESTS.count};w={REQUESTS.seconds}'
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Bilby"'}

_log = structlog.get_logger(__name__)


def handler(operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers requests for ``operation``."""

    async def answer(request: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        try:
            client = await _client(request)
            headers |= limit_headers(await _count(request, client))
            response = await _run(operation, request, client)
        except KNOWN as error:
            response = _refused(request, error)
        except ConnectionError:
            raise
        except Exception as error:
            response = _failed(request, operation, error)
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    return answer


def limit_headers(hit: Hit) -> Mapping[str, str]:
    """Return what the draft of the HTTP working group has for rate limits."""
    return {
        "RateLimit-Policy": _POLICY,
        "RateLimit": f'"default";r={hit.left};t={whole_seconds(hit.seconds)}',
    }


def token_of(request: web.Request) -> str:
    """Return the key that is shown, "" for none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _client(request: web.Request) -> Client:
    """Return the client whose key is shown.

    Raise `NotSignedInError`, and `TooManyError` for a network that has shown too many wrong keys.
    """
    token = token_of(request)
    if not token:
        raise NotSignedInError("Send a key: Authorization: Bearer bilby_…")
    client = await access.client(request, token)
    if client is None:
        await limits.hit(request, WRONG_KEYS, limits.network(request))
        raise NotSignedInError("This key is unknown, revoked or expired.")
    return client


async def _count(request: web.Request, client: Client) -> Hit:
    hit = await limits.count(request, REQUESTS, str(client.key_id))
    if not hit.is_allowed:
        raise TooManyError(hit.seconds, f"A key may send {REQUESTS.count} requests a minute.")
    return hit


async def _run(operation: Operation, request: web.Request, client: Client) -> web.Response:
    if operation.scope not in client.scopes:
        raise ForbiddenError(f"The key lacks the scope {operation.scope}.")
    identifier = reading.read_id(request, operation)
    query = reading.read_query(request, operation.query)
    sent = await reading.sent_body(request, operation)
    body = reading.parse_body(request, sent, operation.body)
    key = idempotency.key_of(request) if operation.writes else None
    async with access.of_client(request, client) as rows:
        asked = Asked(rows, query, body, identifier, client, request.app[SETTINGS].web_public_url)
        if not operation.writes:
            return _shown(operation, request, await operation.do(asked))
        done = await _write(operation, asked, client, key, idempotency.fingerprint(request, sent))
    return _written(done)


async def _write(operation: Operation, asked: Asked, client: Client, key: str | None, request: bytes) -> Done:
    async def write() -> Done:
        answer = await operation.do(asked)
        return Done(operation.status, b"" if answer.body is None else msgspec.json.encode(answer.body))

    rows: Rows = asked.rows
    return await (write() if key is None else idempotency.once(rows, client, key, request, write))


def _shown(operation: Operation, request: web.Request, answer: Answer) -> web.Response:
    headers = {}
    if answer.next is not None:
        query = urlencode({**request.query, "cursor": answer.next})
        headers["Link"] = f'<{request.app[SETTINGS].web_public_url}{request.path}?{query}>; rel="next"'
    body = msgspec.json.encode(answer.body)
    return web.Response(body=body, status=operation.status, content_type=reading.JSON, headers=headers)


def _written(done: Done) -> web.Response:
    headers = {idempotency.REPLAYED: "true"} if done.is_replayed else {}
    if not done.body:
        return web.Response(status=done.status, headers=headers)
    return web.Response(body=done.body, status=done.status, content_type=reading.JSON, headers=headers)


def _refused(request: web.Request, error: Exception) -> web.Response:
    code = code_of(error)
    headers: dict[str, str] = {}
    if code == "unauthorised":
        headers |= _CHALLENGE
    if isinstance(error, TooManyError):
        headers |= {"Retry-After": str(whole_seconds(error.retry_after)), "RateLimit-Policy": _POLICY}
        headers |= {"RateLimit": f'"default";r=0;t={whole_seconds(error.retry_after)}'}
    if code == "unavailable":
        headers["Retry-After"] = "5"
        _log.error("api unavailable", error=type(error).__name__)
    detail = str(error) if isinstance(error, RefusalError | ProblemError) else ""
    return problem(request, code, detail, headers)


def _failed(request: web.Request, operation: Operation, error: Exception) -> web.Response:
    reference = uuid4().hex[:12]
    _log.error("api request failed", operation=operation.name, reference=reference, exc_info=error)
    return problem(request, "failed", f"The error was logged as {reference}. Please try again in a moment.")
