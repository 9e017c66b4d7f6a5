"""Read the body of an HTTP answer within bounds."""

from __future__ import annotations

import aiohttp


async def first_bytes(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """Return the first ``most`` bytes of the body, or all of a shorter one, in however many pieces it arrives.

    ``answer.content.read(most)`` returns what has arrived so far. Raise what aiohttp raises if the body breaks off.
    """
    read = bytearray()
    while len(read) < most and (piece := await answer.content.read(most - len(read))):
        read += piece
    return bytes(read)
