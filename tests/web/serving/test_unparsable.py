"""What is no HTTP is answered 400 and counted; it is no error of ours, and does not fill the log."""

from __future__ import annotations

import logging

import pytest
from aiohttp import web
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.kit.raw_http import Raw, status_of
from web.serving.unparsable import EVERY_SECONDS, server_log

JUNK = [
    Raw("GET", "/", [("a b", "c")]),
    Raw("GET", "/ /", []),
    Raw("GET", "/", [("Transfer-Encoding", "klingon")]),
]


def _counted() -> float:
    return REGISTRY.get_sample_value("bilby_web_requests_unparsable_total") or 0.0


async def test_a_scanner_is_counted_and_told_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    runner = web.AppRunner(web.Application(), access_log=None, logger=server_log(lambda: now[0]))
    await runner.setup()
    before = _counted()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        with capture_logs() as lines:
            first = [await status_of(url, each) for each in JUNK * 5]
            now[0] = EVERY_SECONDS
            later = await status_of(url, JUNK[0])
    finally:
        await runner.cleanup()
    assert {*first, later} == {400}
    assert _counted() - before == len(first) + 1
    assert [(line["log_level"], line["count"]) for line in lines] == [("warning", 1), ("warning", len(first))]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_mistake_of_ours_is_still_an_error(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise LookupError

    app = web.Application()
    app.router.add_get("/", fail)
    runner = web.AppRunner(app, access_log=None, logger=server_log())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        assert await status_of(f"http://127.0.0.1:{runner.addresses[0][1]}", Raw("GET", "/")) == 500
    finally:
        await runner.cleanup()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
