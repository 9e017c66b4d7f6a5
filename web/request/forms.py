"""Read forms from browsers, treating the body as untrusted.

Our pages send ``application/x-www-form-urlencoded`` in UTF-8, so nothing else is accepted. aiohttp would
write the files of a multipart form to disk, and this process has none.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec
from aiohttp import web

from web.config import SETTINGS
from web.request.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    TooSlowError,
    WrongTypeError,
)

FORM = "application/x-www-form-urlencoded"
READ_SECONDS = 15.0  # for a whole body; 256 kB in that time are 140 kbit/s
MOST_FIELDS = 200
_FIELDS: web.RequestKey[dict[str, str]] = web.RequestKey("form")
"""The fields that were sent; absent until `field` has run."""
_Shape = TypeVar("_Shape")
_CHARSETS = ("utf-8", "utf8", "us-ascii")


async def field(request: web.Request, name: str) -> str:
    """Return the text of field ``name``, "" if absent. If it comes twice, the first one counts.

    Raise `InvalidError` for a body that is not such a form, `WrongTypeError` for a multipart one, and as `read_body`
    does.
    """
    if _FIELDS not in request:
        request[_FIELDS] = await _read(request)
    return request[_FIELDS].get(name, "")


async def uuid_field(request: web.Request, name: str) -> UUID:
    """Return the UUID in field ``name``. Raise `InvalidError`, and as `field` does."""
    try:
        return UUID(await field(request, name))
    except ValueError:
        raise InvalidError from None


def read_uuid(text: str) -> UUID:
    """Return the id of a row as an address or a form names it. Raise `NotFoundError` if it cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError from None


async def read_json(request: web.Request) -> Any:
    """Return the body as JSON; None if it is none. Raise as `read_body` does."""
    try:
        return json.loads(await read_body(request))
    except (ValueError, RecursionError):  # not JSON, or nested too deeply
        return None


async def read_as(request: web.Request, shape: type[_Shape]) -> _Shape:
    """Return the body, JSON, as ``shape``. Raise `InvalidError`, and as `read_body` does."""
    try:
        return msgspec.convert(await read_json(request), shape)
    except msgspec.ValidationError as error:
        raise InvalidError(f"That was not understood: {error}.") from None


def check_own_page(request: web.Request) -> None:
    """Raise `ForbiddenError` if the browser says that a page of another site sent this form."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        is_ours = site in ("same-origin", "none")
    else:  # Safari before 16.4: the origin tells, and our own pages send "null", for they send no referrer
        is_ours = request.headers.get("Origin", "null") in ("null", request.app[SETTINGS].web_public_url)
    if not is_ours:
        raise ForbiddenError("Please use the form on Bilby's own page.")


async def read_body(request: web.Request, *, seconds: float = READ_SECONDS, largest: int | None = None) -> bytes:
    """Return the whole body, decompressed: at most ``largest`` bytes, or the application's limit (256 kB).

    Raise `TooSlowError` if it takes longer than ``seconds``, `TooLargeError`, `InvalidError` if it does not match
    its Content-Encoding, and ConnectionError if the client disconnected.
    """
    limited = request if largest is None else request.clone(client_max_size=largest)
    try:
        async with asyncio.timeout(seconds):
            return await limited.read()
    except TimeoutError:
        raise TooSlowError from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLargeError from None
    except web.RequestPayloadError:
        raise InvalidError from None


async def _read(request: web.Request) -> dict[str, str]:
    if request.content_type.startswith("multipart/"):
        raise WrongTypeError
    if request.content_type != FORM:
        return {}
    try:
        text = (await read_body(request)).decode(_charset(request))
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="replace")
    except ValueError:
        raise InvalidError from None
    if any("\0" in part for pair in pairs for part in pair):
        raise InvalidError
    return dict(reversed(pairs))


def _charset(request: web.Request) -> str:
    charset = (request.charset or _CHARSETS[0]).lower()
    if charset not in _CHARSETS:
        raise InvalidError
    return charset
