"""The pages for operators of a node."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from sandbox.twilio.phone.media_stream import signature
from tests.kit.media.media_node import TOKEN, Node


async def test_pages_for_those_who_run_it(node: Node) -> None:
    http = node.url.replace("ws://", "http://")

    def fetch(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(http + path, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, ""

    get = asyncio.to_thread
    assert await get(fetch, "/healthz") == (200, "ok\n")
    await node.connected()
    assert await get(fetch, "/readyz") == (200, "ready\n")
    status, text = await get(fetch, "/metrics")
    assert status == 200
    assert "bilby_live_calls" in text
    assert (await get(fetch, "/nothing"))[0] == 404
    node.server.calls.draining = True
    assert (await get(fetch, "/readyz"))[0] == 503
    url = f"{node.url}/twilio/stream"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"x-twilio-signature": signature(TOKEN, url)}, proxy=None)
    assert refused.value.response.status_code == 503
