"""What a browser's form says, whatever was really sent."""

from __future__ import annotations

from aiohttp import web

from web.errors import InvalidError


async def field(request: web.Request, name: str) -> str:
    """The text of field ``name``, "" if there is none. Raises `InvalidError` for a body that is no form at all."""
    try:
        value = (await request.post()).get(name, "")
    except (ValueError, LookupError, AssertionError):  # bytes that are no text, an unknown charset, half a part
        raise InvalidError from None
    return value if isinstance(value, str) else ""
