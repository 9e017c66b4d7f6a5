"""Somebody holds every connection of PostgreSQL: callers hear a sentence, and live calls lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg
import pytest
from prometheus_client import REGISTRY

from db.engine import Database
from sandbox.engines.postgres import EmbeddedPostgres
from tests.kit.machines.house import WAIT, House
from tests.kit.media.media_ends import Screen
from tests.kit.vendors.twilio_caller import available
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.slow

SAID = " ".join(f"w{number}" for number in range(150))  # 54 seconds of words, 360 ms each
WORD_MS = 360
_END_EVERYBODY_ELSE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> 'hog'
"""


@asynccontextmanager
async def full(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """Take every connection, also those that others have, and the ones reserved for superusers."""

    connect = partial(asyncpg.connect, postgres.dsn, server_settings={"application_name": "hog"})
    hogs = [await connect()]
    try:
        others = True
        while others:  # somebody may come back before all is taken
            others = bool(await hogs[0].fetch(_END_EVERYBODY_ELSE))
            with suppress(asyncpg.TooManyConnectionsError):
                while True:
                    hogs.append(await connect())
        yield
    finally:
        await asyncio.gather(*(hog.close() for hog in hogs))


def numbers(screen: Screen, call: str) -> list[int]:
    """The numbers of the words on the screen, in the order in which they were said."""
    return [int(word[1:]) for word in screen.spoken(call)]


def refusals() -> float:
    """How often `web` could not start a stream of a call that had lost its own."""
    return REGISTRY.get_sample_value("bilby_web_stream_restarts_total", {"result": "failed"}) or 0.0


def codes(bilby: House) -> set[int]:
    """What Twilio's debugger has."""
    return {alert.code for alert in bilby.emulator.exchange.alerts}


async def test_a_caller_hears_a_sentence_and_a_live_call_keeps_every_word(
    bilby: House, postgres: EmbeddedPostgres, database: Database, cast: Cast
) -> None:
    screen = await bilby.screen(bilby.first)
    call = bilby.ring(SAID).sid
    await screen.until(lambda: numbers(screen, call)[-1:] >= [5])
    async with full(postgres):
        refused = bilby.ring("nobody hears me")
        async with asyncio.timeout(WAIT):
            await refused.over.wait()
        assert refused.status == "completed", "it was answered, and ended by a document of ours"
        assert not codes(bilby), "every webhook was answered"
        said = numbers(screen, call)[-1]
        await screen.until(lambda: numbers(screen, call)[-1] >= said + 12)
    assert refused.sid not in screen.calls()
    await available(database, cast.sam, cast.dana, cast.alice)
    answered = bilby.ring("here I am")
    await screen.until(lambda: numbers(screen, call)[-1] >= said + 30 and answered.sid in screen.calls())
    seen = numbers(screen, call)
    assert seen == list(range(len(seen)))
    assert screen.gaps(call) == []


async def test_a_stream_lost_meanwhile_is_replaced_once_there_is_room_and_what_it_cost_is_shown(
    bilby: House, postgres: EmbeddedPostgres
) -> None:
    screen = await bilby.screen(bilby.second)
    call = bilby.ring(SAID).sid
    await screen.until(lambda: numbers(screen, call)[-1:] >= [5])
    async with full(postgres):
        bilby.turn()
        before = refusals()
        await bilby.first.crash()
        async with asyncio.timeout(WAIT):
            while refusals() < before + 2:  # noqa: ASYNC110  (a counter has no event)
                await asyncio.sleep(0.05)
        assert bilby.starts() == 0, "no ticket without the call's row"
    before = len(numbers(screen, call))
    await screen.until(lambda: len(numbers(screen, call)) >= before + 12 and screen.gaps(call) != [], seconds=60)
    seen = numbers(screen, call)
    assert seen == sorted(set(seen)), "in order, none twice"
    assert bilby.starts() == 1
    missing_ms = (seen[-1] + 1 - len(seen)) * WORD_MS
    reported_ms = sum(gap["to_ms"] - gap["from_ms"] for gap in screen.gaps(call))
    assert missing_ms <= reported_ms + 2 * WORD_MS, "what is missing is shown as a gap"
