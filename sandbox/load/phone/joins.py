"""``python -m sandbox.load.phone.joins [--calls 20]``: from an agent's click until both sides hear each other.

Once with rooms, where the agent claims the call and the softphone then calls the room, and once with
``<Dial><Client>``, where the softphone is ringing and picks up. The emulated Twilio carries the sound; what a browser
and Twilio's network need to set up a connection is in neither figure.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from sandbox.audio.voice import FRAME_BYTES, frames
from sandbox.load.phone.figures import Figures, quantile, request_seconds
from sandbox.load.phone.pages import Page
from sandbox.load.phone.site import Site, site
from sandbox.twilio.browser.signalling import call_app
from sandbox.twilio.phone.leg import CallSound, Leg
from sandbox.twilio.phone.place_call import place_call

SOFTPHONE = "/twilio/voice/outbound"
CUSTOMER, AGENT = (frames(bytes([code]) * FRAME_BYTES)[0] for code in (0x10, 0x20))
"""What each says, again and again: alone on a line it is heard unchanged."""
SECONDS = 60  # of it
LOOK_SECONDS = 0.002
BETWEEN_SECONDS = 2.0  # for web to hear that a call is over: until then its agent is not dialled
TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Join:
    """Seconds from the click: until both heard each other, and how many of them web worked."""

    all: float
    web: float


async def until(condition: Callable[[], object]) -> float:
    """Wait until it is so; return when that was."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():  # noqa: ASYNC110 (the emulator tells nobody what is heard)
            await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter()


def hear_each_other(ours: Site, customer: Leg, agent: Leg) -> bool:
    """Return whether each hears the other now."""
    tick = ours.vendor.exchange.clock.tick()
    return customer.heard(tick) == AGENT and agent.heard(tick) == CUSTOMER


def calls(ours: Site) -> Leg:
    """Let somebody call who speaks all the time."""
    customer, agent = (frame * (50 * SECONDS) for frame in ((CUSTOMER,), (AGENT,)))
    speech = CallSound(customer, agent, speak_on="answer")
    ours.vendor.exchange.sounds[f"client:{ours.members[0].id.hex}"] = speech
    return place_call(ours.vendor.exchange, caller=customer, agent=agent, speak_on="answer")


async def in_a_room(ours: Site, page: Page, http: aiohttp.ClientSession) -> Join:
    """Return one call that the agent claims, and whose room the softphone then calls."""
    customer = calls(ours)
    await until(lambda: page.ringing)
    (room,) = page.ringing
    before, clicked = request_seconds(await ours.metrics(http), SOFTPHONE), time.perf_counter()
    assert await page.claim(room)
    claimed = time.perf_counter()
    agent = call_app(ours.vendor.exchange, page.member, {"room": room})
    heard = await until(lambda: hear_each_other(ours, customer, agent))
    asked = request_seconds(await ours.metrics(http), SOFTPHONE) - before
    customer.hang_up()
    await until(lambda: agent.over.is_set() and not page.ringing)
    await page.wrap_up(room)
    return Join(heard - clicked, claimed - clicked + asked)


async def dialled(ours: Site, _: Page, __: aiohttp.ClientSession) -> Join:
    """Return one call that rings at the softphone, which picks up."""
    customer = calls(ours)
    legs = ours.vendor.exchange.legs

    def picked_up() -> Leg | None:
        return next((leg for leg in legs.values() if leg.parent is customer and leg.answered), None)

    clicked = await until(picked_up)
    agent = picked_up()
    assert agent is not None
    heard = await until(lambda: hear_each_other(ours, customer, agent))
    customer.hang_up()
    await until(lambda: agent.over.is_set())
    await asyncio.sleep(BETWEEN_SECONDS)
    return Join(heard - clicked, 0.0)


async def measure(
    routing: str, one: Callable[[Site, Page, aiohttp.ClientSession], Awaitable[Join]], times: int
) -> Sequence[Join]:
    """Return ``times`` joins of one kind, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        async with site(Path(folder), 1, 0, routing=routing) as ours, aiohttp.ClientSession() as http:
            browser, headers = ours.browser(ours.members[0])
            page = Page(ours.members[0].id.hex, browser, headers, Figures(), lambda *_: None)
            async with browser, asyncio.TaskGroup() as tasks:
                background = [tasks.create_task(page.listen()), tasks.create_task(page.beat())]
                await page.is_open.wait()
                joins = [await one(ours, page, http) for _ in range(times)]
                for task in background:
                    task.cancel()
                return joins


def row(name: str, joins: Sequence[Join]) -> str:
    """Return a row of the table."""
    everything, web = [join.all for join in joins], [join.web for join in joins]
    vendor = [join.all - join.web for join in joins]
    shown = (f"{quantile(times, share) * 1000:.0f}" for times in (everything, web, vendor) for share in (0.5, 0.95))
    return f"| {name} | {' | '.join(shown)} |"


async def run(times: int) -> None:
    """Measure both, and print."""
    print("| ms | all p50 | p95 | web p50 | p95 | emulated Twilio p50 | p95 |\n|---|---|---|---|---|---|---|")
    print(row("claim, then join the room", await measure("rooms", in_a_room, times)))
    print(row("`<Dial><Client>` picks up", await measure("dial", dialled, times)))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Measure from an agent's click to sound both ways.")
    parser.add_argument("--calls", type=int, default=20)
    asyncio.run(run(parser.parse_args().calls))


if __name__ == "__main__":
    main()
