"""Refusals as programs read them: RFC 9457, ``application/problem+json``.

``type`` leads to the reference page, where each is described; ``code`` is its last part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from db.engine import DatabaseUnavailableError, UnstorableError
from web.config import SETTINGS
from web.request.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    NotSignedInError,
    RefusalError,
    TooLargeError,
    TooManyError,
    TooSlowError,
    UnavailableError,
    WrongTypeError,
)

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[str, tuple[int, str]] = {
    "invalid": (400, "The request is not valid"),
    "unauthorised": (401, "The key is missing, unknown, revoked or expired"),
    "scope": (403, "The key may not do this"),
    "not-found": (404, "There is no such thing"),
    "method": (405, "This method is not supported here"),
    "too-slow": (408, "The request took too long to arrive"),
    "conflict": (409, "It conflicts with existing data"),
    "in-progress": (409, "The same request is in progress"),
    "too-large": (413, "The request is too large"),
    "media-type": (415, "The body is not JSON"),
    "key-reused": (422, "The idempotency key was used for another request"),
    "too-many": (429, "Too many requests"),
    "failed": (500, "Something went wrong on our side"),
    "unavailable": (503, "Bilby is not available right now"),
}
"""Status and title of each problem, by its code."""

_OF_ERRORS: Mapping[type[Exception], str] = {
    InvalidError: "invalid",
    UnstorableError: "invalid",
    NotSignedInError: "unauthorised",
    ForbiddenError: "scope",
    NotFoundError: "not-found",
    ConflictError: "conflict",
    TooSlowError: "too-slow",
    TooLargeError: "too-large",
    WrongTypeError: "media-type",
    TooManyError: "too-many",
    UnavailableError: "unavailable",
    DatabaseUnavailableError: "unavailable",
}
KNOWN: tuple[type[Exception], ...] = (RefusalError, *_OF_ERRORS)
"""The errors that are a refusal. Anything else is a bug of ours."""


class Problem(Struct, frozen=True):
    """Why a request was refused (RFC 9457)."""

    type: Annotated[str, Meta(description="Where it is described.")]
    title: str
    status: int
    code: Annotated[str, Meta(description="The last part of the type.")]
    detail: Annotated[str, Meta(description="What is wrong with this request, for people.")]


class ProblemError(RefusalError):
    """A refusal by its ``code``."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def code_of(error: Exception) -> str:
    """Return the code of a refusal."""
    if isinstance(error, ProblemError):
        return error.code
    return next((_OF_ERRORS[kind] for kind in type(error).__mro__ if kind in _OF_ERRORS), "failed")


def problem(
    request: web.Request, code: str, detail: str = "", headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return the answer for the problem ``code``."""
    status, title = STATUS[code]
    place = f"{request.app[SETTINGS].web_public_url}/api#{code}"
    body = Problem(type=place, title=title, status=status, code=code, detail=detail or title)
    return web.Response(
        body=msgspec.json.encode(body), status=status, content_type=MEDIA_TYPE, headers=dict(headers or {})
    )
