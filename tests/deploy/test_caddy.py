"""The shipped Caddyfile, run by a real Caddy: who reaches what through it, also while parts restart and drain."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protocol.tickets import sign_console
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from sandbox.twilio.phone.media_stream import signature
from tests.kit.machines.caddy import MEDIA_PORT, WEB_PORT, Proxy, loopback_host, proxy
from tests.kit.media.media_node import ORIGIN, SECRET, TOKEN, Address, Node, media_node, scripted_vendor


@pytest.fixture
async def caddy(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Proxy]:
    async with proxy(tmp_path, free_port) as running:
        yield running


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as server:
        yield server


@asynccontextmanager
async def node_behind(caddy: Proxy, nats: NatsServer, vendor: Vendor, host: str) -> AsyncIterator[Node]:
    """A real media node at ``host``, whose public address is Caddy's."""
    node_at = media_node(nats, vendor, port=MEDIA_PORT, media_host=host, media_public_url=caddy.media)
    async with node_at as node:
        await node.connected()
        yield node


@asynccontextmanager
async def web_at(host: str) -> AsyncIterator[list[web.Request]]:
    """Something that answers as web does; what it was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(text=await request.text() or "page")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, WEB_PORT).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


def calls_on(node: Node) -> set[str]:
    return set(node.server.calls)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; what is under way needs a moment."""
    async with asyncio.timeout(60):
        while True:
            if condition():
                return
            await asyncio.sleep(0.02)


async def test_streams_and_consoles_pass_and_words_arrive(caddy: Proxy, nats: NatsServer) -> None:
    host = loopback_host()
    caddy.serve("media", host)
    async with scripted_vendor() as vendor, node_behind(caddy, nats, vendor, host):
        outside = Address(caddy.media)
        screen = await outside.screen()
        line = await outside.call()
        await line.say("hello from behind the proxy")
        await screen.until(lambda: screen.words(line.call) == "hello from behind the proxy")
        await outside.close()


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/healthz", "/console/x"])
async def test_nothing_else_of_media_is_reached(caddy: Proxy, path: str) -> None:
    host = loopback_host()
    caddy.serve("media", host)
    async with aiohttp.ClientSession() as http, http.get(caddy.media.replace("ws", "http") + path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz"])
async def test_the_inside_of_web_is_not_reached(caddy: Proxy, path: str) -> None:
    host = loopback_host()
    caddy.serve("web", host)
    async with web_at(host) as asked, aiohttp.ClientSession(caddy.web) as http:
        assert (await http.get(path)).status == 404
        assert (await http.get("/console")).status == 200
        assert [request.path for request in asked] == ["/console"]


async def test_web_is_told_the_address_of_the_connection_and_no_other(caddy: Proxy) -> None:
    host = loopback_host()
    caddy.serve("web", host)
    claimed = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "evil.example"}
    async with web_at(host) as asked, aiohttp.ClientSession(caddy.web) as http:
        await http.get("/sign-in", headers=claimed)
        assert asked[0].headers.getall("X-Forwarded-For") == ["127.0.0.1"]
        assert asked[0].headers["X-Forwarded-Proto"] == "http"
        assert "evil" not in asked[0].headers["X-Forwarded-Host"]


async def test_a_restart_of_web_loses_no_request(caddy: Proxy) -> None:
    """Gone, its name as well, and back at another address: as `docker compose up` replaces a container."""
    hosts = loopback_host(), loopback_host()
    caddy.serve("web", hosts[0])
    statuses: list[int] = []

    async def probe(http: aiohttp.ClientSession, number: int) -> None:
        verb = http.post if number % 2 else http.get  # a webhook, or a page
        async with verb("/twilio/voice/status", data=b"CallSid=CA1" if number % 2 else None) as answer:
            statuses.append(answer.status)

    async with aiohttp.ClientSession(caddy.web) as http, asyncio.TaskGroup() as tasks:
        async with web_at(hosts[0]):
            for number in range(50):
                tasks.create_task(probe(http, number))
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)  # web finishes what it was asked
        caddy.serve("web")
        for number in range(50):
            tasks.create_task(probe(http, number))
            await asyncio.sleep(0.02)
        async with web_at(hosts[1]):
            caddy.serve("web", hosts[1])
            for number in range(50):
                tasks.create_task(probe(http, number))
                await asyncio.sleep(0.02)
            await until(lambda: len(statuses) == 150)
    assert statuses == [200] * 150


async def test_a_draining_node_gets_no_new_stream(caddy: Proxy, nats: NatsServer) -> None:
    hosts = loopback_host(), loopback_host()
    caddy.serve("media", *hosts)
    async with (
        scripted_vendor() as vendor,
        node_behind(caddy, nats, vendor, hosts[0]) as staying,
        node_behind(caddy, nats, vendor, hosts[1]) as leaving,
    ):
        outside = Address(caddy.media)
        # The draining one has the fewest sockets, so it is what Caddy would choose.
        busy = [await Address(staying.url.replace("127.0.0.1", hosts[0])).open_screen() for _ in range(3)]
        leaving.server.calls.draining = True
        lines = [await outside.call() for _ in range(6)]
        await until(lambda: {line.call for line in lines} == calls_on(staying))
        assert not calls_on(leaving)
        for screen in busy:
            await screen.close()
        await outside.close()


async def test_with_every_node_draining_a_stream_is_refused_and_the_call_goes_on(
    caddy: Proxy, nats: NatsServer
) -> None:
    host = loopback_host()
    caddy.serve("media", host)
    async with scripted_vendor() as vendor, node_behind(caddy, nats, vendor, host) as node:
        node.server.calls.draining = True
        url = f"{caddy.media}/twilio/stream"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers={"x-twilio-signature": signature(TOKEN, url)}, proxy=None)
        assert refused.value.response.status_code == 503


async def test_a_node_that_died_is_passed_over_at_once(caddy: Proxy, nats: NatsServer) -> None:
    alive, dead = loopback_host(), loopback_host()
    caddy.serve("media", dead, alive)
    async with scripted_vendor() as vendor, node_behind(caddy, nats, vendor, alive) as node:
        outside = Address(caddy.media)
        lines = [await outside.call() for _ in range(4)]
        await until(lambda: {line.call for line in lines} == calls_on(node))
        await outside.close()


async def test_sign_in_links_and_tickets_reach_no_log(caddy: Proxy, nats: NatsServer) -> None:
    """Also where Caddy complains: web away for good, a client that is gone, a body too large."""
    secret = "sEcReT" * 7
    async with aiohttp.ClientSession(caddy.web) as http:
        headers = {"Referer": f"{caddy.web}/sign-in/{secret}", "Cookie": f"bilby={secret}", "X-Token": secret}
        async with http.get(f"/sign-in/{secret}?next={secret}", headers=headers) as answer:
            assert answer.status in (502, 503)
        host = loopback_host()
        caddy.serve("web", host)
        async with web_at(host):
            await http.post(f"/sign-in/{secret}", data=io.BytesIO(b"x" * 1_100_000), headers=headers)
    media = loopback_host()
    caddy.serve("media", media)
    async with scripted_vendor() as vendor, node_behind(caddy, nats, vendor, media):
        ticket = sign_console(SECRET, org="a", sub="sam", role="supervisor")
        async with connect(
            f"{caddy.media}/console?{secret}", additional_headers={"Origin": ORIGIN}, proxy=None
        ) as socket:
            await socket.send(json.dumps({"ticket": ticket}))
            await socket.recv()
    written = caddy.log.read_text()
    assert '"level":"error"' in written, "Caddy did complain"
    assert secret not in written
    assert ticket not in written
