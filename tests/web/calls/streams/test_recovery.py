"""A media node dies under a call, noticed by Twilio or not: the call goes on at another, and its seam is shown."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import nats
import pytest

from tests.kit.machines.house import WAIT, House, freeze, web_process
from tests.kit.media.media_ends import Screen
from tests.kit.media.nats import still
from web.calls.streams.recovery import Timing
from web.calls.streams.registry import SILENT_SECONDS

pytestmark = pytest.mark.slow

STARVED = "a node that the machine starves for 3.5 s counts as gone, as it should"

SAID = " ".join(f"w{number}" for number in range(60))  # 22 seconds of words, 360 ms each
WORD_MS = 360
LONG = " ".join(f"w{number}" for number in range(120))  # enough for the wait of a new web process


@pytest.fixture
def recovery() -> Timing:
    """Sooner than a process whose nodes may be on their way to another bus."""
    return Timing(ask_again=1.0, answer=2.0, grace=2.0)


async def watched(bilby: House, said: str = SAID) -> tuple[str, Screen]:
    """A call of which some words are on a screen of the second node."""
    screen = await bilby.screen(bilby.second)
    call = bilby.ring(said).sid
    await screen.until(lambda: "w9" in screen.spoken(call))
    return call, screen


async def goes_on(call: str, screen: Screen) -> list[str]:
    """Wait for words long after the seam, and a gap unless it cost none; all of the words."""
    before = len(screen.spoken(call))

    def seen() -> bool:
        words = screen.spoken(call)
        return len(words) >= before + 12 and (screen.gaps(call) != [] or missing_ms(words) == 0)

    await screen.until(seen, seconds=40)
    words = screen.spoken(call)
    numbers = [int(word[1:]) for word in words]
    assert numbers == sorted(set(numbers)), "in order, none twice"
    return words


def missing_ms(words: list[str]) -> int:
    """How long the words took that are not there."""
    numbers = [int(word[1:]) for word in words]
    return (numbers[-1] + 1 - len(numbers)) * WORD_MS


@pytest.mark.may_run_again(reason=STARVED)
async def test_a_killed_nodes_call_goes_on_at_another(bilby: House) -> None:
    call, screen = await watched(bilby)
    bilby.turn()
    await bilby.first.crash()
    words = await goes_on(call, screen)
    assert bilby.starts() == 1
    assert {gap["cause"] for gap in screen.gaps(call)} <= {"bilby"}
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in screen.gaps(call))
    assert missing_ms(words) <= shown_gaps + 2 * WORD_MS, "what is missing is shown as a gap"
    assert missing_ms(words) <= 1_000 + 2 * WORD_MS, "a second of words, and those the seam cut in two"


@pytest.mark.may_run_again(reason=STARVED)
async def test_a_silent_nodes_call_goes_on_at_another_though_twilio_notices_nothing(bilby: House) -> None:
    call, screen = await watched(bilby)
    bilby.turn()
    freeze(bilby.first)
    words = await goes_on(call, screen)
    assert bilby.starts() == 1
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in screen.gaps(call))
    assert missing_ms(words) <= shown_gaps + 2 * WORD_MS


async def test_a_bus_that_stands_still_is_no_nodes_death(bilby: House) -> None:
    call, screen = await watched(bilby)
    bilby.turn()  # a second stream would be heard by another node, at the same time
    async with still(bilby.nats):
        await asyncio.sleep(SILENT_SECONDS + 1.5)
    await screen.until(lambda: "w30" in screen.spoken(call), seconds=40)
    assert screen.spoken(call)[:31] == [f"w{number}" for number in range(31)]
    assert screen.gaps(call) == []
    assert bilby.starts() == 0


@pytest.mark.may_run_again(reason=STARVED)
async def test_a_node_that_dies_while_the_bus_stands_still_is_missed_afterwards(bilby: House) -> None:
    _, screen = await watched(bilby)
    bilby.turn()
    async with still(bilby.nats):
        freeze(bilby.first)
        await asyncio.sleep(2)
        assert bilby.starts() == 0
    await screen.until(lambda: bilby.starts() == 1, seconds=40)


async def test_a_proxy_that_restarts_costs_the_seam_and_no_word_on_the_page(bilby: House) -> None:
    """Its end breaks the stream, and keeps what Twilio says of that from `web`."""
    screen = await bilby.screen(bilby.first)
    call = bilby.ring(SAID).sid
    await screen.until(lambda: "w9" in screen.spoken(call))
    await bilby.restart_proxies(0.5)
    late = await bilby.screen(bilby.first)
    assert late.spoken(call)[:10] == [f"w{number}" for number in range(10)], "what was said before is still there"
    words = await goes_on(call, screen)
    assert "call.ended" not in screen.types()
    assert words[:10] == [f"w{number}" for number in range(10)]
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in screen.gaps(call))
    assert missing_ms(words) <= shown_gaps + 2 * WORD_MS, "what is missing is shown as a gap"
    assert bilby.starts() <= 3


@pytest.mark.may_run_again(reason=STARVED)
async def test_two_web_processes_that_notice_the_same_start_one_stream(
    bilby: House, free_port: Callable[[], int]
) -> None:
    async with web_process(bilby.settings.model_copy(update={"web_port": free_port()})):
        screen = await bilby.screen(bilby.second)
        leg = bilby.ring(SAID)
        await screen.until(lambda: "w9" in screen.spoken(leg.sid))
        bilby.turn()
        freeze(bilby.first)
        await goes_on(leg.sid, screen)
        assert bilby.starts() in (1, 2), "the later process may hear in time that the call goes on"
        first, second = leg.streams.values()
        assert second.wanted.name == f"after-{first.sid}", "and one was given"


@pytest.mark.may_run_again(reason=STARVED)
async def test_what_was_said_on_a_node_that_died_is_kept_by_another(bilby: House) -> None:
    screen = await bilby.screen(bilby.first)
    call = bilby.ring(SAID).sid
    await screen.until(lambda: "w9" in screen.spoken(call))
    bilby.turn()
    await bilby.first.crash()
    again = await bilby.screen(bilby.second)
    assert again.spoken(call)[:9] == [f"w{number}" for number in range(9)], "at once, in the first snapshot"
    words = await goes_on(call, again)
    assert words[:9] == [f"w{number}" for number in range(9)]
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in again.gaps(call))
    assert missing_ms(words) <= shown_gaps + 2 * WORD_MS, "what is missing is shown as a gap"


async def test_a_drained_nodes_call_takes_its_words_along(bilby: House) -> None:
    screen = await bilby.screen(bilby.first)
    call = bilby.ring(SAID).sid
    await screen.until(lambda: "w9" in screen.spoken(call))
    bilby.turn()
    bilby.first.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WAIT):
        assert await bilby.first.process.wait() == 0
    again = await bilby.screen(bilby.second)
    await again.until(lambda: "w30" in again.spoken(call), seconds=40)
    words = again.spoken(call)
    numbers = [int(word[1:]) for word in words]
    assert numbers[:10] == list(range(10)), "what was said on the node that is gone"
    assert numbers == sorted(set(numbers)), "in order, none twice"
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in again.gaps(call))
    assert missing_ms(words) <= shown_gaps + WORD_MS
    assert missing_ms(words) <= 1_000
    assert bilby.starts() == 1


@pytest.mark.may_run_again(reason=STARVED)
async def test_a_web_process_that_has_just_come_learns_where_calls_are(bilby: House) -> None:
    call, screen = await watched(bilby)
    client = await nats.connect(bilby.nats.url("media"))
    again, beats = await client.subscribe(f"call.*.{call}.started"), await client.subscribe("node.*.alive")
    await bilby.restart_web()
    await again.next_msg(WAIT)
    for _ in range(4):
        await beats.next_msg(WAIT)
    await client.close()
    bilby.turn()
    freeze(bilby.first)
    await goes_on(call, screen)
    assert bilby.starts() == 1


async def restart_all_but_the_second_node(bilby: House, also: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    """`web` knows nothing, the call's node is gone, and Twilio has not noticed."""
    await bilby.web.aclose()
    freeze(bilby.first)
    bilby.turn()
    await bilby.web.enter_async_context(web_process(bilby.settings, bilby.recovery))
    await bilby.web.enter_async_context(also())


@pytest.mark.may_run_again(reason=STARVED)
async def test_a_call_that_no_node_reports_to_a_new_web_process_goes_on(bilby: House) -> None:
    call, screen = await watched(bilby, LONG)
    await restart_all_but_the_second_node(bilby, nullcontext)
    words = await goes_on(call, screen)
    assert bilby.starts() == 1
    shown_gaps = sum(gap["to_ms"] - gap["from_ms"] for gap in screen.gaps(call))
    assert missing_ms(words) > 0
    assert missing_ms(words) <= shown_gaps + 2 * WORD_MS, "what is missing is shown as a gap"


@pytest.mark.may_run_again(reason=STARVED)
async def test_two_new_web_processes_start_one_stream_of_a_call_that_no_node_reports(
    bilby: House, free_port: Callable[[], int]
) -> None:
    screen = await bilby.screen(bilby.second)
    leg = bilby.ring(LONG)
    await screen.until(lambda: "w9" in screen.spoken(leg.sid))
    other = bilby.settings.model_copy(update={"web_port": free_port()})
    await restart_all_but_the_second_node(bilby, lambda: web_process(other, bilby.recovery))
    await goes_on(leg.sid, screen)
    assert len(leg.streams) == 2, "the first, and one that follows it"
