"""Middlewares: log and count each request, set security headers, turn every error into an answer."""

from __future__ import annotations

import time
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import Counter, Histogram

from db.engine import DatabaseUnavailableError, UnstorableError
from runtime import tracing
from web.config import Settings
from web.request.errors import (
    CLIENT_LEFT,
    ConflictError,
    InvalidError,
    NotSignedInError,
    RefusalError,
    TooManyError,
    page,
    status_of,
    whole_seconds,
)
from web.request.render import render
from web.request.static_files.files import static
from web.serving.health import DRAINING
from web.serving.security_headers import security_headers

_log = structlog.get_logger(__name__)
_requests = Counter("bilby_web_requests", "Requests answered.", ["route", "method", "status"])
_seconds = Histogram("bilby_web_request_seconds", "How long an answer took.", ["route"])
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def know(app: web.Application) -> None:
    """Start the failure counters of each route at 0, so that the first failure shows as an increase."""
    routes = {(resource.canonical, route.method) for resource in app.router.resources() for route in resource}
    for path, method in routes:
        for status in (500, 503):
            _requests.labels(path, method, str(status))


@web.middleware
async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Log and count the request. The route's pattern is logged, never the path, which may contain a sign-in token."""
    began = time.monotonic()
    status = 499  # the client has disconnected
    with structlog.contextvars.bound_contextvars(request=uuid4().hex[:12]):
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            _note(request, status, time.monotonic() - began)
            structlog.contextvars.unbind_contextvars(
                "call"
            )  # the next request on this connection is about another call


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn an exception into an answer, as `web.request.errors` defines."""
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return _without_page(request, answer)
    except NotSignedInError as error:
        if request.method == "GET" and _wants_page(request):
            raise web.HTTPSeeOther("/sign-in") from None
        return _answer(request, status_of(error), str(error))
    except (RefusalError, DatabaseUnavailableError, UnstorableError) as error:
        return _refused(request, error)
    except ConnectionError as error:
        if not _has_left(request):
            return _failed(request, error)
        return _answer(request, CLIENT_LEFT)
    except Exception as error:
        return _failed(request, error)


@web.middleware
async def show_again(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Show a form that was sent too often once more, as it was filled in. Stands inside `answer_errors`."""
    try:
        return await handler(request)
    except TooManyError as error:
        if error.again is None:
            raise
        response = await error.again(error)
        response.set_status(status_of(error))
        response.headers["Retry-After"] = str(whole_seconds(error.retry_after))
        return response


def guard(app: web.Application, settings: Settings) -> None:
    """Set the security headers on every answer, including files and errors, and keep pages out of caches."""
    headers = {**security_headers(settings), "Cache-Control": "no-store"}

    async def prepare(_: web.Request, response: web.StreamResponse) -> None:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        if app[DRAINING].is_set():  # so that the next request goes to another process
            response.force_close()
            response.headers["Connection"] = "close"
        response.headers["Server"] = "Bilby"  # do not disclose server versions

    app.on_response_prepare.append(prepare)


def _note(request: web.Request, status: int, seconds: float) -> None:
    route = _route(request)
    method = request.method if request.method in _METHODS else "other"
    _requests.labels(route, method, status).inc()
    _seconds.labels(route).observe(seconds)
    call = structlog.contextvars.get_contextvars().get("call")
    tracing.record(f"{method} {route}", seconds, call, status=status)
    if request.match_info.handler is static and status < 400:  # a page asks for two dozen; metrics count them
        return
    _log.info("request", route=route, method=method, status=status, ms=round(seconds * 1000, 1))


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _failed(request: web.Request, error: Exception) -> web.StreamResponse:
    reference = uuid4().hex[:12]
    _log.error("request failed", route=_route(request), reference=reference, exc_info=error)
    return _answer(request, 500, f"The error was logged as {reference}. {page(500)[1]}")


def _refused(
    request: web.Request, error: RefusalError | DatabaseUnavailableError | UnstorableError
) -> web.StreamResponse:
    if isinstance(error, DatabaseUnavailableError):
        _log.error("database unavailable", route=_route(request), error=str(error))
    if isinstance(error, ConflictError):
        return web.json_response({"error": str(error), "code": error.code, "by": error.by}, status=status_of(error))
    sentence = str(error) if isinstance(error, RefusalError) else None
    field = error.field if isinstance(error, InvalidError) else ""
    response = _answer(request, status_of(error), sentence, field)
    if isinstance(error, TooManyError):
        response.headers["Retry-After"] = str(whole_seconds(error.retry_after))
    return response


def _without_page(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Return aiohttp's own refusal (404, 405, 413 …) as our page or JSON, keeping its headers (such as Allow)."""
    is_said_by_us = bool(error.text) and error.text != f"{error.status}: {error.reason}"
    response = _answer(request, error.status, error.text if is_said_by_us and not _wants_page(request) else None)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _answer(request: web.Request, status: int, sentence: str | None = None, field: str = "") -> web.Response:
    heading, detail = page(status)
    if _wants_page(request):
        return render(request, "error.html", status=status, heading=heading, detail=sentence or detail, field=field)
    return web.json_response({"error": sentence or f"{heading}. {detail}"}, status=status)


def _wants_page(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")
