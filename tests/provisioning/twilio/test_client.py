"""Twilio's client as we use it, against a listener that shows what arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from provisioning.twilio import client as twilio_client

ACCOUNT, KEY, SECRET = "AC" + "1" * 32, "SK" + "2" * 32, "secret"
CALL = "CA" + "3" * 32
STOPPED: Any = "stopped"  # twilio declares a class for it that its strings are no instances of


@pytest.fixture
async def server() -> AsyncIterator[BaseTestServer]:
    async def stopped(request: web.Request) -> web.Response:
        form = dict(await request.post())
        seen = {"path": request.path, "auth": request.headers["Authorization"], "form": form}
        request.app["seen"].append(seen)
        return web.json_response({"sid": "MZ1", "status": "stopped"})

    app = web.Application()
    app["seen"] = []
    app.router.add_post("/{path:.*}", stopped)
    async with TestServer(app) as server:
        yield server


@pytest.mark.filterwarnings("ignore:It is recommended to use web.AppKey:UserWarning")
async def test_requests_go_to_the_base_with_the_key(server: BaseTestServer) -> None:
    base = str(server.make_url("/"))
    async with twilio_client.connected(account=ACCOUNT, key=KEY, secret=SECRET, base=base) as client:
        stream = await client.calls(CALL).streams("bilby").update_async(status=STOPPED)
    assert stream.sid == "MZ1"
    assert isinstance(server, TestServer)
    (seen,) = server.app["seen"]
    assert seen["path"] == f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{CALL}/Streams/bilby.json"
    assert seen["auth"].startswith("Basic ")
    assert seen["form"] == {"Status": "stopped"}


def test_without_a_base_sydney_is_asked() -> None:
    async def hostname() -> str:
        async with twilio_client.connected(account=ACCOUNT, key=KEY, secret=SECRET) as client:
            return client.get_hostname("https://api.twilio.com/2010-04-01/Accounts.json")

    assert asyncio.run(hostname()).startswith("https://api.sydney.au1.twilio.com/")
    assert twilio_client.at(None, "https://x/y?z") == "https://x/y?z"


async def test_a_silent_twilio_is_given_up() -> None:
    given_up = asyncio.Event()

    async def never_answers(_: web.Request) -> web.Response:
        await asyncio.wait_for(given_up.wait(), 60)
        return web.Response()

    app = web.Application()
    app.router.add_post("/{path:.*}", never_answers)
    async with TestServer(app) as server:
        base = str(server.make_url("/"))
        connected = twilio_client.connected(account=ACCOUNT, key=KEY, secret=SECRET, base=base, seconds=0.05)
        async with connected as client:
            with pytest.raises(TimeoutError):
                await client.calls(CALL).streams("bilby").update_async(status=STOPPED)
        given_up.set()
