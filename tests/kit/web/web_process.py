"""Web in a process of its own, for tests that kill it with SIGKILL and start it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from tests.kit.machines.forked import Forked, forked
from web.config import Settings

MAIN = "web.__main__:main"
START_SECONDS = 60.0


@asynccontextmanager
async def killed_web(environment: Mapping[str, str], url: str, *, main: str = MAIN) -> AsyncIterator[None]:
    """Run web, or another ``main``, and wait until it answers at ``url``. Killed on the way out, and not before."""
    async with started_web(environment, url, main=main) as process:
        yield
        assert process.returncode is None


@asynccontextmanager
async def started_web(environment: Mapping[str, str], url: str, *, main: str = MAIN) -> AsyncIterator[Forked]:
    """Likewise, for a test that may kill it."""
    async with forked(main, environment) as process:
        async with aiohttp.ClientSession() as http, asyncio.timeout(START_SECONDS):
            while True:
                if await _answers(http, url):
                    break
                await asyncio.sleep(0.05)
        yield process


def environment_of(settings: Settings) -> dict[str, str]:
    """Return ``settings`` as a process reads them."""
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {name.upper(): _written(value) for name, value in values.items() if value is not None}


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(_written(each) for each in value)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with http.get(f"{url}/healthz") as answer:
            return answer.status == 200
    return False
