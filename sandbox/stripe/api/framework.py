"""What all of Stripe's REST endpoints share: keys, versions, forms, errors, idempotency, lists and expansion.

An endpoint is a plain function of the account, the checked parameters and the path; it raises `ApiError`.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.stripe.account import Account, Object, listed, token
from sandbox.stripe.api.expansion import expand
from sandbox.stripe.api.form import decode
from sandbox.stripe.api.parameters import Params, typed
from sandbox.stripe.errors import ApiError
from sandbox.stripe.settings import API_VERSION

MAX_REPLIES = 5000  # idempotency keys remembered; the oldest are forgotten, as after a day
PAGE, MOST = 10, 100

Path = Mapping[str, str]
Endpoint = Callable[[Account, Params, Path], Object]
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with the next request that fits: HTTP ``status``, or (0) a connection that breaks.

    ``after``: only once the request has been obeyed, so that its answer is what is lost.
    """

    method: str = "POST"
    path: str = "/v1/"  # what the path begins with
    status: int = 500
    after: bool = False
    hang_seconds: float = 0.0
    """How long nothing is answered before."""

    def fits(self, request: web.Request) -> bool:
        """Return whether it is this request's turn."""
        return request.method == self.method and request.path.startswith(self.path)


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered to an idempotency key's first use."""

    fingerprint: str
    status: int
    text: str
    request: str


@dataclass(slots=True)
class ApiState:
    """Where requests arrive."""

    account: Account
    faults: deque[Fault]
    replies: dict[str, Reply]


STATE = web.AppKey("stripe_state", ApiState)


def endpoint(routes: web.RouteTableDef, method: str, path: str, declared: Any) -> Callable[[Endpoint], Endpoint]:
    """Have the decorated function answer; ``declared``: the official package's TypedDict of its parameters."""

    def take(function: Endpoint) -> Endpoint:
        async def answer(request: web.Request) -> web.Response:
            account = request.app[STATE].account
            params = typed(decode(await _fields(request)), declared)
            paths = params.pop("expand", [])
            found = copy.deepcopy(function(account, params, request.match_info))
            expand(account, found, paths)
            return web.json_response(found)

        routes.route(method, path)(answer)
        return function

    return take


async def _fields(request: web.Request) -> list[tuple[str, str]]:
    text = await request.text() if request.method == "POST" else request.query_string
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise ApiError(400, "Invalid encoding of the parameters.") from None


@web.middleware
async def stripe_shape(request: web.Request, handler: Next) -> web.StreamResponse:
    """Let only the key's owner in, and answer everything under ``/v1/`` as Stripe does."""
    if not request.path.startswith("/v1/"):
        return await handler(request)
    state, identifier = request.app[STATE], f"req_{token(14)}"
    fault = next((fault for fault in state.faults if fault.fits(request)), None)
    if fault:
        state.faults.remove(fault)
        await asyncio.sleep(fault.hang_seconds)
    response = await _answer(state, request, handler, identifier) if not fault or fault.after else None
    if fault and fault.status == 0 and request.transport is not None:
        request.transport.abort()
    if response is None or fault:
        text = "An unknown error occurred." if not fault or fault.status != 429 else "Request rate limit exceeded."
        response = _error(ApiError((fault.status if fault else 0) or 500, text, kind="api_error"))
    response.headers["Request-Id"] = identifier
    response.headers["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
    return response


async def _answer(state: ApiState, request: web.Request, handler: Next, identifier: str) -> web.StreamResponse:
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    try:
        _admit(state.account, request)
        fingerprint = await _fingerprint(request)
        if key and (reply := state.replies.get(key)):
            return _again(key, reply, fingerprint)
        state.account.request = (identifier, key)
        response = await handler(request)
    except ApiError as error:
        response = _error(error)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        text = (
            f"Unrecognized request URL ({request.method}: {request.path}). Please see https://stripe.com/docs or we "
        )
        response = _error(ApiError(404, f"{text}can help at https://support.stripe.com/."))
    finally:
        state.account.request = (None, None)
    state.account.dirty |= request.method != "GET"
    if key and response.status in (200, 402):
        _remember(state, key, Reply(fingerprint, response.status, _text(response), identifier))
        response.headers["Idempotency-Key"] = key
    return response


def _admit(account: Account, request: web.Request) -> None:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not key.strip():
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication"
            " for details, or we can help at https://support.stripe.com/.",
        )
    if not hmac.compare_digest(key.strip().encode(), account.settings.secret_key.encode()):
        shown = f"{key[:8]}{'*' * max(0, len(key) - 12)}{key[-4:]}" if len(key) > 12 else "*" * len(key)
        raise ApiError(401, f"Invalid API Key provided: {shown}")
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise ApiError(400, f"Invalid Stripe API version: {version}. This emulator speaks {API_VERSION} alone.")


async def _fingerprint(request: web.Request) -> str:
    whole = f"{request.method} {request.path}\n{await request.text()}"
    return hashlib.sha256(whole.encode()).hexdigest()


def _again(key: str, reply: Reply, fingerprint: str) -> web.Response:
    if reply.fingerprint != fingerprint:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    headers = {"Idempotency-Key": key, "Idempotent-Replayed": "true", "Original-Request": reply.request}
    return web.Response(text=reply.text, status=reply.status, content_type="application/json", headers=headers)


def _remember(state: ApiState, key: str, reply: Reply) -> None:
    state.replies[key] = reply
    while len(state.replies) > MAX_REPLIES:
        del state.replies[next(iter(state.replies))]


def _text(response: web.StreamResponse) -> str:
    assert isinstance(response, web.Response)
    return response.text or ""


def _error(error: ApiError) -> web.Response:
    headers = {"WWW-Authenticate": 'Bearer realm="Stripe"'} if error.status == 401 else None
    body = json.dumps({"error": error.error})
    return web.Response(text=body, status=error.status, content_type="application/json", headers=headers)


def only(params: Params, *names: str) -> None:
    """Refuse honestly what Stripe would understand and this emulator does not. Raise `ApiError`."""
    for name in params.keys() - set(names):
        raise ApiError(400, f"The emulated Stripe does not know what to do with '{name}'.", param=name)


def merged(old: Mapping[str, str], new: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return metadata after an update: an empty value removes its key, an empty update removes all."""
    whole = {**old, **new} if new is not None else {}
    return {name: value for name, value in whole.items() if value is not None}


def page(params: Params, objects: list[Object], url: str) -> Object:
    """Return one page of ``objects`` (oldest first), newest first. Raise `ApiError`."""
    limit = params.get("limit", PAGE)
    if not 1 <= limit <= MOST:
        raise ApiError(400, f"Invalid integer: {limit}; limit must be between 1 and {MOST}.", param="limit")
    found = [one for one in reversed(objects) if _in_time(one, params.get("created"))]
    if "ending_before" in params:
        before = found[: _place(found, params["ending_before"], "ending_before")]
        return listed(before[-limit:], url, len(before) > limit)
    if "starting_after" in params:
        found = found[_place(found, params["starting_after"], "starting_after") + 1 :]
    return listed(found[:limit], url, len(found) > limit)


def _place(found: list[Object], identifier: str, param: str) -> int:
    for place, one in enumerate(found):
        if one["id"] == identifier:
            return place
    raise ApiError(400, f"No such object: '{identifier}'", code="resource_missing", param=param)


def _in_time(one: Object, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return bool(one["created"] == wanted)
    made = one["created"]
    tests = {"gt": made.__gt__, "gte": made.__ge__, "lt": made.__lt__, "lte": made.__le__}
    return all(tests[name](limit) for name, limit in wanted.items())
