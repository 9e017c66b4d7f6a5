"""An agent's browser, as the console's page behaves: it listens, sends heartbeats, claims what rings, wraps up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import msgspec

from sandbox.load.phone.figures import Figures

BEAT_SECONDS = 5.0
_DATA = b"data: "


class _Id(msgspec.Struct):
    call: str
    joined: bool = False


class _Told(msgspec.Struct):
    """What of an event the load needs; the rest is what a browser would parse besides."""

    offers: list[_Id] | msgspec.UnsetType = msgspec.UNSET
    call: _Id | msgspec.UnsetType | None = msgspec.UNSET
    wrap_up: _Id | msgspec.UnsetType | None = msgspec.UNSET


_decode = msgspec.json.Decoder(_Told).decode


@dataclass(eq=False, slots=True)
class Page:
    """One member's page. ``rang`` is told of each call that begins to ring here, and when."""

    member: str
    http: aiohttp.ClientSession
    headers: dict[str, str]
    figures: Figures
    rang: Callable[[Page, str, float], None]
    ringing: set[str] = field(default_factory=set)
    """Calls, by their rooms' names."""
    is_taken: bool = False
    """Whether the agent has something to do: is about to claim, or on a call, or wraps up."""
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    _claimed_at: float = 0.0

    @property
    def is_free(self) -> bool:
        return not self.is_taken

    async def listen(self) -> None:
        """Read the page's events until cancelled; come back as a browser does."""
        while True:
            try:
                async with self.http.get("/phone/events", timeout=aiohttp.ClientTimeout()) as answer:
                    if answer.status != 200:
                        self.figures.results[f"event streams answered {answer.status}"] += 1
                    await self._read(answer)
            except aiohttp.ClientError:
                self.figures.results["event streams broken"] += 1
            await asyncio.sleep(1)

    async def _read(self, answer: aiohttp.ClientResponse) -> None:
        async for line in answer.content:
            if line.startswith(_DATA):
                now = time.perf_counter()
                self._take(_decode(line[len(_DATA) :]), now)

    def _take(self, told: _Told, now: float) -> None:
        self.is_open.set()
        if isinstance(told.offers, list):
            ringing = {offer.call.replace("-", "") for offer in told.offers}
            for call in ringing - self.ringing:
                self.rang(self, call, now)
            self.ringing = ringing
        if isinstance(told.call, _Id) and told.call.joined and self._claimed_at:
            self.figures.joins.append(now - self._claimed_at)
            self._claimed_at = 0.0

    async def beat(self) -> None:
        """Send console heartbeats until cancelled."""
        await asyncio.sleep(secrets.randbelow(1000) / 1000 * BEAT_SECONDS)
        body = {"console": "desk", "registered": True, "microphone": True}
        while True:
            await self._post("beats", "/phone/beat", body)
            await asyncio.sleep(BEAT_SECONDS)

    async def claim(self, call: str) -> bool:
        """Claim ``call``; return whether the agent has it."""
        began = time.perf_counter()
        status = await self._post("claims", f"/phone/calls/{call}/claim", {}, allowed=(200, 409))
        if status in (200, 409):
            self.figures.claims.append(time.perf_counter() - began)
        if status == 409:
            self.figures.results["claims after somebody else's"] += 1
        self._claimed_at = time.perf_counter() if status == 200 else 0.0
        return status == 200

    async def wrap_up(self, call: str) -> None:
        """Say that nothing is left to do for ``call``."""
        await self._post("wrap-ups", f"/phone/calls/{call}/wrap-up", {"done": True})

    async def _post(self, what: str, path: str, body: object, *, allowed: tuple[int, ...] = (200,)) -> int:
        try:
            async with self.http.post(path, json=body, headers=self.headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError):
            self.figures.results[f"{what} without an answer"] += 1
            return 0
        if answer.status not in allowed:
            self.figures.results[f"{what} answered {answer.status}"] += 1
        return answer.status
