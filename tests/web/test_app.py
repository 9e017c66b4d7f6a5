"""The process starts without its dependencies, serves once they are there, reports errors, and ends on a signal."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from db import migrate
from db.engine import Database
from db.models import Member
from tests.kit.vendors.twilio_caller import INBOUND, available, calling, twilio_of
from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser, Site, serving
from tests.kit.web.web_process import environment_of
from web.app import create_app
from web.config import Settings
from web.resources import DATABASE

ROOT = Path(__file__).parents[2]
Browsers = Callable[[], Browser]


@pytest.fixture
def more_routes() -> list[web.RouteDef]:
    """A page that fails with an error whose text must not reach the client."""

    async def fail(_: web.Request) -> web.StreamResponse:
        raise LookupError("the secret is forty-two")

    return [web.get("/boom", fail)]


@asynccontextmanager
async def _process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "web", cwd=ROOT, env=environment_of(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _listening(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    line = b""
    while b'"listening"' not in line:
        line = await process.stdout.readline()
        assert line, await process.stderr.read()


async def test_the_process_serves_and_ends_when_told_to(settings: Settings) -> None:
    async with _process(settings) as process:
        await _listening(process)
        async with aiohttp.ClientSession(settings.web_public_url) as http:
            async with http.get("/healthz") as answer:
                assert answer.status == 200
            async with http.get("/sign-in/a-secret-token?x=y") as answer:
                assert answer.status == 410
            async with http.get("/favicon.ico") as answer:  # and the file, which is not worth a line
                assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
    lines = [json.loads(line) for line in out.splitlines()]
    served = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in served] == [
        ("/healthz", 200),
        ("/sign-in/{token}", 410),
        ("/favicon.ico", 303),
    ]
    assert all({"ms", "method", "timestamp", "level", "request"} <= line.keys() for line in served)
    assert b"a-secret-token" not in out


async def test_requests_are_answered_while_others_learn_to_send_no_more(
    settings: Settings, cast: Cast, database: Database
) -> None:
    await available(database, cast.bob)
    async with _process(settings.model_copy(update={"web_drain_seconds": 600})) as process:
        await _listening(process)
        async with aiohttp.ClientSession(settings.web_public_url) as http:
            async with http.get("/healthz") as answer:
                assert "Connection" not in answer.headers
            process.send_signal(signal.SIGTERM)
            while True:
                async with http.get("/readyz") as answer:
                    if await answer.json() == {"draining": True}:
                        assert answer.status == 503
                        break
            async with http.post(INBOUND, data={"CallSid": "CA1"}) as answer:
                assert (answer.status, answer.headers["Connection"]) == (403, "close")
        async with twilio_of(settings) as twilio:  # each on a connection of its own, for every answer closes it
            calls = [{**calling(cast.number), "CallSid": f"CA{number:032x}"} for number in range(60)]
            answers = [await twilio.post(INBOUND, call) for call in calls]
        assert [answer.status for answer in answers] == [200] * 60
        assert all("Dial" in answer.tags for answer in answers)
        process.send_signal(signal.SIGTERM)  # no need to wait for the rest of the time
        await process.communicate()
        assert process.returncode == 0


async def test_a_taken_port_is_named_in_one_line(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.web_port)):
        async with _process(settings) as process:
            _, err = await process.communicate()
    assert process.returncode == 2
    assert err.decode().count("\n") == 1
    assert re.search(rf"\bWEB_PORT:.* 127\.0\.0\.1:{settings.web_port}\b", err.decode())


async def test_ready_once_migrated_and_nats_was_there(
    site: Site, browser: Browsers, owners_database: Database
) -> None:
    ready = await browser().get("/readyz")
    assert ready.status == 503
    assert await ready.json() == {"database": True, "nats": False, "nats_connected": False}
    await migrate.downgrade(owners_database, "-1")
    assert (await (await browser().get("/readyz")).json())["database"] is False


async def test_metrics_are_for_those_who_ask_directly(settings: Settings, site: Site, browser: Browsers) -> None:
    await browser().get("/")
    figures = await (await browser().get("/metrics")).text()
    assert 'bilby_web_requests_total{method="GET",route="/",status="200"}' in figures
    behind = settings.model_copy(update={"web_proxy_hops": 1, "web_port": 0})
    runner = web.AppRunner(create_app(behind), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/metrics"
            async with http.get(url, headers={"X-Forwarded-For": "203.0.113.9"}) as answer:
                assert answer.status == 404
            async with http.get(url) as answer:
                assert answer.status == 200
    finally:
        await runner.cleanup()


@pytest.mark.usefixtures("site")
async def test_a_mistake_of_ours_tells_a_reference_and_nothing_else(browser: Browsers) -> None:
    page = await browser().get("/boom")
    answer = await browser().get("/boom", headers={"Accept": "application/json"})
    assert page.status == answer.status == 500
    assert "forty-two" not in await page.text()
    said = (await answer.json())["error"]
    assert "forty-two" not in said
    assert re.search(r"\b[0-9a-f]{12}\b", said)


async def test_a_lost_database_is_503_and_heals(cast: Cast, settings: Settings, database: Database) -> None:
    host, equals, sockets = settings.database_url.get_secret_value().partition("host=")
    with TemporaryDirectory() as folder:
        way = Path(folder) / "way"
        way.symlink_to(unquote(sockets))
        there = SecretStr(f"{host}{equals}{way}")
        async with serving(settings.model_copy(update={"database_url": there})) as site:
            bob = await Browser(site, database).sign_in(cast.bob)
            async with bob.http:
                assert (await bob.get("/console")).status == 200
                way.unlink()
                await site.app[DATABASE].close()  # the pool is emptied; new connections fail
                page = await bob.get("/console")
                assert page.status == 503
                assert "text/html" in page.headers["Content-Type"]
                ticket = await bob.post("/console/ticket", headers={"Accept": "application/json"})
                assert (ticket.status, ticket.headers["Content-Type"]) == (503, "application/json; charset=utf-8")
                assert (await bob.get("/healthz")).status == 200
                way.symlink_to(unquote(sockets))
                assert (await bob.get("/console")).status == 200


async def test_what_is_not_there_or_not_so_meant(site: Site, browser: Browsers) -> None:
    anyone = browser()
    assert (await anyone.get("/nothing")).status == 404
    wrong = await anyone.post("/healthz")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET,HEAD")
    missing = await anyone.get("/nothing", headers={"Accept": "*/*"})
    assert (await missing.json())["error"]
    large = await anyone.post("/sign-in", data={"email": "x" * 300_000})
    assert large.status == 413


async def test_the_landing_page_leads_members_on(cast: Cast, browser: Browsers) -> None:
    stranger, alice = browser(), await browser().sign_in(cast.alice)
    assert (await stranger.get("/")).status == 200
    for path in ("/", "/sign-in"):
        page = await alice.get(path)
        assert (page.status, page.headers["Location"]) == (303, "/console")


async def test_the_console_shows_an_agent_only_themselves(cast: Cast, browser: Browsers) -> None:
    def names(page: str) -> list[str]:
        everybody: list[Member] = [cast.alice, cast.sam, cast.bob, cast.dana, cast.charlie]
        return [member.name for member in everybody if member.name in page]

    bob, sam = await browser().sign_in(cast.bob), await browser().sign_in(cast.sam)
    assert names(await (await bob.get("/console")).text()) == ["Bob Brown"]
    assert "Charlie Cho" not in names(await (await sam.get("/console")).text())
