"""A request's parameters and body, as the types that an operation names. All of it is untrusted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec import Struct

from web.api.operations import Operation
from web.request.errors import InvalidError, NotFoundError, WrongTypeError
from web.request.forms import read_body

JSON = "application/json"
_NONE = UUID(int=0)


def read_query(request: web.Request, shape: type[Struct]) -> Struct:
    """Return the parameters. Raise `InvalidError`, also for one that is unknown or given twice."""
    if len(set(request.query)) != len(request.query):
        raise InvalidError("A parameter is given twice.")
    try:
        return msgspec.convert(dict(request.query), shape, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidError(f"In the query: {error}.") from None


def parse_body(request: web.Request, sent: bytes, shape: type[Struct] | None) -> Any:
    """Return the body. Raise `InvalidError`, and `WrongTypeError` for one that is not JSON."""
    if shape is None:
        return None
    if request.content_type != JSON:
        raise WrongTypeError(f"Send the body as {JSON}.")
    try:
        return msgspec.json.decode(sent, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:  # a ValidationError is one, too
        raise InvalidError(f"In the body: {error}.") from None


async def sent_body(request: web.Request, operation: Operation) -> bytes:
    """Return the bytes of the body, b"" for an operation that only reads. Raise as `read_body` does."""
    return await read_body(request) if operation.writes else b""


def read_id(request: web.Request, operation: Operation) -> UUID:
    """Return the id in the path. Raise `NotFoundError`."""
    if not operation.has_id:
        return _NONE
    try:
        return UUID(request.match_info["id"])
    except ValueError:
        raise NotFoundError("There is nothing with that id.") from None
