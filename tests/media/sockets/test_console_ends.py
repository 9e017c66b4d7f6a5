"""A console ends with its member's right to it, sends signs of life, and is one of at most eight."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
import pytest_asyncio

from media.sockets.console import ConsoleLimits
from protocol.tickets import REVOKED_SECONDS, ConsoleTicket, Revoked, sign_console
from sandbox.engines.nats import NatsServer
from sandbox.transcribe.emulator import Transcribe as Vendor
from tests.kit.media.media_ends import Screen
from tests.kit.media.media_node import SECRET, Node, media_node, scripted_vendor
from tests.kit.media.nats import settled


@pytest_asyncio.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with scripted_vendor() as running:
        yield running


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def nodes(bus: NatsServer, vendor: Vendor, free_port: Callable[[], int]) -> Callable[..., Any]:
    """Opens a node with these `ConsoleLimits`, connected to the bus."""

    @asynccontextmanager
    async def opened(**limits: Any) -> AsyncIterator[Node]:
        async with media_node(bus, vendor, port=free_port(), console_limits=ConsoleLimits(**limits)) as node:
            await node.connected()
            yield node

    return opened


def hello(member: str = "sam", **claims: Any) -> str:
    return json.dumps({"ticket": sign_console(SECRET, org="a", sub=member, role="supervisor", **claims)})


async def opened(node: Node, text: str) -> Screen:
    """Return a console that has sent ``text``."""
    screen = await node.open_screen()
    await screen.socket.send(text)
    return screen


async def remove(bus: NatsServer, member: str, body: dict[str, int] | None = None) -> None:
    client = await nats.connect(bus.url("web"))
    await client.publish(f"member.a.{member}.removed", json.dumps(body or {}).encode())
    await settled(client)
    await client.close()


async def test_beats_come_to_every_console_also_when_nothing_is_said(nodes: Callable[..., Any]) -> None:
    async with nodes(sign_of_life=1.0) as node:
        for screen in (await node.screen(), await node.screen("bob", "agent"), await node.screen("x", org="b")):
            await screen.until(lambda screen=screen: screen.types().count("beat") == 2)
            assert {"type": "beat"} in screen.events
        nobody = await node.open_screen()
        assert await nobody.closed_with() == 4401
        assert nobody.events == []


async def test_a_console_ends_after_its_time(nodes: Callable[..., Any]) -> None:
    async with nodes(most=1.0) as node:
        assert await (await node.screen()).closed_with() == 4401
        assert await (await node.screen()).closed_with() == 4401  # a fresh ticket opens another


async def test_a_console_ends_with_the_sign_in(nodes: Callable[..., Any]) -> None:
    async with nodes() as node:
        screen = await opened(node, hello(until=time.time() + 1.5))
        await screen.until(lambda: screen.types() == ["snapshot"])
        assert await screen.closed_with() == 4401
        late = await opened(node, hello(until=time.time() - 1))
        assert await late.closed_with() == 4401
        assert late.events == []
        odd = await opened(node, hello(until="soon"))
        assert await odd.closed_with() == 4401


async def test_a_ticket_from_before_a_removal_opens_nothing(nodes: Callable[..., Any], bus: NatsServer) -> None:
    async with nodes() as node:
        before, watching = hello(), await node.screen()
        bystander = await node.screen("alice")
        await remove(bus, "sam", {"at": round(time.time() * 1000)})
        assert await watching.closed_with() == 4401
        refused = await opened(node, before)
        assert await refused.closed_with() == 4401
        assert refused.events == []
        again = await opened(node, hello())  # in another role, or from another sign-in
        await again.until(lambda: again.types() == ["snapshot"])
        await bystander.socket.ping()
        assert bystander.types() == ["snapshot"]


async def test_an_older_release_of_web_says_no_time(nodes: Callable[..., Any], bus: NatsServer) -> None:
    async with nodes() as node:
        before, watching = hello(), await node.screen()
        await remove(bus, "sam")
        assert await watching.closed_with() == 4401
        assert await (await opened(node, before)).closed_with() == 4401


async def _are_open(*screens: Screen) -> bool:
    """Return True if all answer a ping."""
    for screen in screens:
        await asyncio.wait_for(await screen.socket.ping(), 60)
    return True


async def test_of_nine_consoles_of_a_member_the_oldest_ends(nodes: Callable[..., Any]) -> None:
    async with nodes(settle=0.1) as node:
        others = await node.screen("alice")
        first, *rest = [await node.screen() for _ in range(9)]
        assert await first.closed_with() == 4429
        assert await _are_open(others, *rest)


async def test_consoles_of_a_member_are_counted_on_all_nodes(nodes: Callable[..., Any]) -> None:
    async with nodes(of_a_member=4, settle=0.1) as one, nodes(of_a_member=4, settle=0.1) as two:
        everywhere = (one, two)
        others = [await node.screen("alice") for node in everywhere] + [await one.screen(org="b")]
        first, second, *rest = [await everywhere[number % 2].screen() for number in range(6)]
        assert await first.closed_with() == 4429
        assert await second.closed_with() == 4429
        assert await _are_open(*others, *rest)
        await rest[0].socket.close()  # whoever closes one may open another
        rest[0] = await two.screen()
        newest = await one.screen()
        assert await rest[1].closed_with() == 4429
        assert await _are_open(*others, rest[0], *rest[2:], newest)


async def test_a_console_that_replaces_another_does_not_count_twice(nodes: Callable[..., Any]) -> None:
    async with nodes(of_a_member=2, settle=1.0) as one, nodes(of_a_member=2, settle=1.0) as two:
        oldest, replaced = await one.screen(), await one.screen()
        new = await two.screen()
        await replaced.socket.close()
        third = await two.screen("bob")  # opened later, so it is counted after ``new``
        fourth = await two.screen("bob")
        fifth = await one.screen("bob")
        assert await third.closed_with() == 4429
        assert await _are_open(oldest, new, fourth, fifth)


async def test_without_nats_a_node_counts_its_own_consoles(nodes: Callable[..., Any], bus: NatsServer) -> None:
    async with nodes(of_a_member=2, settle=0.1) as one, nodes(of_a_member=2, settle=0.1) as two:
        assert bus.child is not None
        bus.child.process.kill()
        await bus.child.process.wait()
        elsewhere = await two.screen()
        first, *rest = [await one.screen() for _ in range(3)]
        assert await first.closed_with() == 4429
        assert await _are_open(elsewhere, *rest)


def ticket(issued_at: float, sub: str = "sam") -> ConsoleTicket:
    return ConsoleTicket("a", sub, "owner", "j", round(issued_at) + 60, issued_at)


def test_a_removal_voids_what_was_issued_before_and_is_remembered_longer_than_that_lives() -> None:
    now = 1000.0
    revoked = Revoked(lambda: now)
    revoked.revoke("a", "sam", 1000.0)
    assert revoked.covers(ticket(999.9))
    assert not revoked.covers(ticket(1000.1))
    assert not revoked.covers(ticket(999.9, "bob"))
    revoked.revoke("a", "sam", 990.0)  # reported late
    assert revoked.covers(ticket(999.9))
    now += REVOKED_SECONDS - 1
    revoked.revoke("a", "bob", now)
    assert revoked.covers(ticket(999.9))
    now += 2
    revoked.revoke("a", "dana", now)
    assert not revoked.covers(ticket(999.9)), "nothing is kept for ever"
    assert REVOKED_SECONDS > 60 + 5
