"""The number that a page's address names."""

from __future__ import annotations

from aiohttp import web

from db.models import Number
from web.request.access import Rows
from web.request.errors import NotFoundError
from web.request.forms import read_uuid


async def addressed(request: web.Request, rows: Rows) -> Number:
    """Return the organisation's number in the request's address. Raises `NotFoundError`."""
    number = await rows.numbers.get(read_uuid(request.match_info["number"]))
    if number is None:
        raise NotFoundError
    return number
