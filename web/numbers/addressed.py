"""The number that a page's address names, and how the page names it."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from db.models import Number
from web.request.access import Rows
from web.request.callers import shown
from web.request.errors import NotFoundError
from web.request.forms import read_uuid


async def addressed(request: web.Request, rows: Rows) -> Number:
    """Return the organisation's number in the request's address. Raise `NotFoundError`."""
    number = await rows.numbers.get(read_uuid(request.match_info["number"]))
    if number is None:
        raise NotFoundError
    return number


def naming(number: Number) -> dict[str, Any]:
    """Return what the template needs to name ``number``."""
    return {"number": number, "called": number.label or shown(number.e164), "shown": shown(number.e164)}
