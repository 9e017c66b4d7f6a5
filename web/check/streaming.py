"""The results of checks, sent as each is there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import asdict

from aiohttp import web

from web.check.result import CheckResult

Look = Callable[[str], Coroutine[None, None, CheckResult]]


async def stream(request: web.Request, names: Iterable[str], look: Look) -> web.StreamResponse:
    """Run the checks and send one JSON object a line, in the order in which they finish."""
    headers = {"Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no"}
    answer = web.StreamResponse(headers=headers)
    await answer.prepare(request)
    try:
        async with asyncio.TaskGroup() as tasks:
            looks = [tasks.create_task(look(name)) for name in names]
            for finished in asyncio.as_completed(looks):
                await answer.write(f"{json.dumps(asdict(await finished))}\n".encode())
    except* ConnectionError:
        pass  # the client has disconnected: the task group has cancelled the other checks
    return answer


async def all_of(names: Iterable[str], look: Look) -> list[CheckResult]:
    """Run the checks; return what they say once all have finished."""
    return list(await asyncio.gather(*map(look, names)))
