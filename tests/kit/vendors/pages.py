"""The pages of emulated vendors, without a browser."""

from __future__ import annotations

import aiohttp


async def press(page: str, button: str, status: int = 303, origin: str = "", **fields: str) -> str:
    """A button of the page; what is answered."""
    headers = {"Origin": origin} if origin else {}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{page}/{button}", data=fields, allow_redirects=False) as response,
    ):
        assert response.status == status
        return await response.text()
