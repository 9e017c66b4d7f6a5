"""How often Twilio asks, and after what: `Connection Overrides` of its documentation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from sandbox.twilio.webhooks.overrides import Overrides, Trouble, overrides_of
from sandbox.twilio.webhooks.request import Answer, Failure, Webhook, Webhooks

_ALL: frozenset[Trouble] = frozenset({"ct", "rt", "4xx", "5xx"})


@asynccontextmanager
async def application(port: int, statuses: list[int]) -> AsyncIterator[list[str]]:
    """Answer with ``statuses``, one after the other; 0 cuts the connection. Yield the tokens of what was asked."""
    tokens: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        tokens.append(request.headers["I-Twilio-Idempotency-Token"])
        status = statuses[len(tokens) - 1]
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, text="<Response/>", content_type="text/xml")

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield tokens
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("fragment", "statuses", "asked"),
    [
        ("", [500, 200], 1),  # by itself Twilio asks again only where there was no connection
        ("", [0, 200], 1),
        ("#rc=2&rp=5xx,ct", [502, 503, 200], 3),
        ("#e=sydney&rc=2&rp=5xx,ct", [502, 502, 502, 200], 3),
        ("#rc=2&rp=5xx,ct", [404, 200], 1),
        ("#rc=2&rp=5xx,ct", [0, 200], 1),
        ("#rc=3&rp=5xx,ct,rt", [0, 500, 200], 3),
        ("#rc=5&rp=all", [400, 0, 500, 200], 4),
        ("#rc=0&rp=all", [500, 200], 1),
    ],
)
async def test_a_request_is_repeated_as_its_url_says(
    free_port: Callable[[], int], fragment: str, statuses: list[int], asked: int
) -> None:
    port = free_port()
    async with application(port, statuses) as tokens, aiohttp.ClientSession() as http:
        answer = await Webhooks(http, "t" * 32).ask(Webhook(f"http://127.0.0.1:{port}/{fragment}"))
    assert len(tokens) == asked
    assert len(set(tokens)) == 1
    assert isinstance(answer, Answer if statuses[asked - 1] == 200 else Failure)


async def test_who_refuses_a_connection_is_asked_once_more(free_port: Callable[[], int]) -> None:
    port, connections = free_port(), 0

    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.transport.abort()

    async with aiohttp.ClientSession() as http:
        asking = Webhooks(http, "t" * 32).ask(Webhook(f"http://127.0.0.1:{port}/"))
        assert isinstance(await asking, Failure)  # twice in vain
        async with await asyncio.start_server(cut, "127.0.0.1", port):
            asking = Webhooks(http, "t" * 32).ask(Webhook(f"http://127.0.0.1:{port}/"))
            assert isinstance(await asking, Failure)
    assert connections == 1  # a connection that breaks is no connection that was refused


@pytest.mark.parametrize(
    ("url", "overrides"),
    [
        ("https://a.example/", Overrides()),
        ("https://a.example/#rc=5&rp=all&ct=100&rt=200&tt=300", Overrides(5, _ALL, 0.1, 0.2, 0.3)),
        ("https://a.example/#rc=6&ct=99&rt=15001&tt=x", Overrides()),
        ("https://a.example/#rp=4xx,nonsense", Overrides(after=frozenset({"4xx"}))),
        ("https://a.example/#rp=nonsense", Overrides(after=frozenset())),
    ],
)  # fmt: skip
def test_what_a_url_says(url: str, overrides: Overrides) -> None:
    assert overrides_of(url) == overrides
