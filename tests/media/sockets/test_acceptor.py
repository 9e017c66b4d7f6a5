"""Connections without a ticket are limited; when descriptors run out, accepting pauses with one line in the log."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from media.sockets.acceptor import Limits, Unadmitted, client_address
from media.sockets.console import ConsoleLimits
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import ORIGIN, Address, Distant, media_node, media_process, scripted_vendor

PATIENT = 600.0  # seconds: longer than any test


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "counted_by"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        ("2001:db8:1:2:3::4", None, "2001:db8:1:2::/64"),
        ("fe80::1%eth0", None, "fe80::/64"),
        ("9.9.9.9", "198.51.100.9", "9.9.9.9"),  # a client may say what it likes
        ("10.0.0.2", "198.51.100.9", "198.51.100.9"),
        ("172.18.0.5", "6.6.6.6, 198.51.100.9", "198.51.100.9"),  # the proxy's own word is the last
        ("127.0.0.1", "2001:db8::9", "2001:db8::/64"),
        ("10.0.0.2", "unknown", "10.0.0.2"),
        ("10.0.0.2", "", "10.0.0.2"),
    ],
)
def test_a_client_is_counted_by_its_address(peer: str, forwarded_for: str | None, counted_by: str) -> None:
    assert client_address(peer, forwarded_for) == counted_by


def test_some_room_is_kept_for_those_who_prove_themselves_by_a_signature() -> None:
    unadmitted = Unadmitted(Limits(unadmitted=2, of_one_address=2))
    assert [unadmitted.enter() for _ in range(5)] == [True, True, True, True, False]
    assert not unadmitted.enter_console("a")
    for _ in range(2):
        unadmitted.leave(None)
    assert unadmitted.enter_console("a")
    unadmitted.leave("a")
    assert unadmitted.enter()


def test_one_address_cannot_take_all_the_room() -> None:
    unadmitted = Unadmitted(Limits(unadmitted=10, of_one_address=2))
    for _ in range(3):
        unadmitted.enter()
    assert [unadmitted.enter_console("a") for _ in range(3)] == [True, True, False]
    assert unadmitted.enter_console("b")
    unadmitted.leave("a")
    assert unadmitted.enter_console("a")


def test_few_descriptors_make_tight_limits() -> None:
    assert Limits.for_descriptors(1024) == Limits(unadmitted=256, of_one_address=128)
    assert Limits.for_descriptors(1_000_000) == Limits()


async def status_of_a_console(address: Address) -> int:
    """Return the handshake's status; a socket that opens stays open and sends nothing."""
    try:
        await address.open_screen()
    except InvalidStatus as refused:
        return refused.response.status_code
    return 101


async def test_consoles_without_a_ticket_are_bounded_and_calls_go_on(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    limits = Limits(unadmitted=10, of_one_address=3)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(
            nats, vendor, port=free_port(), limits=limits, console_limits=ConsoleLimits(ticket=PATIENT)
        ) as node,
    ):
        watching = [await node.screen(f"m{number}") for number in range(5)]  # with a ticket they do not count
        assert [await status_of_a_console(node) for _ in range(4)] == [101, 101, 101, 503]
        line = await node.call()
        await line.say("people are heard all the same")
        await watching[0].until(lambda: watching[0].words(line.call) == "people are heard all the same")
        for screen in node.screens[5:]:
            await screen.close()
        await until_a_console_opens(node)


async def test_who_connects_and_asks_for_nothing_is_answered_503_when_there_are_too_many(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    limits = Limits(unadmitted=2, of_one_address=2, handshake_seconds=PATIENT)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), limits=limits) as node,
    ):
        idle = [await connected(node) for _ in range(4)]
        reader, too_many = await connected(node)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503 ")
        for writer in (too_many, *(writer for _, writer in idle)):
            writer.close()
        await until_a_console_opens(node)


async def test_who_asks_for_nothing_or_sends_half_a_request_is_disconnected(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    limits = Limits(unadmitted=2, of_one_address=2, handshake_seconds=0.2)
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, port=free_port(), limits=limits) as node,
    ):
        idle = [await connected(node) for _ in range(4)]
        for _, writer in idle[:2]:
            writer.write(b"GET /console HTTP/1.1\r\nHost: ")
        for reader, writer in idle:
            assert await asyncio.wait_for(reader.read(), 30) == b""
            writer.close()
        await until_a_console_opens(node)


async def until_a_console_opens(address: Address) -> None:
    """Try until there is room again."""
    async with asyncio.timeout(30):
        while not await opens(address):  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.02)


async def opens(address: Address) -> bool:
    """Whether a console is let in. The refusal may come before the request, which `websockets` does not expect."""
    reader, writer = await connected(address)
    with closing(writer), suppress(ConnectionError):
        headers = {"Host": "node", "Origin": ORIGIN, "Connection": "Upgrade", "Upgrade": "websocket"}
        headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        lines = ["GET /console HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        return b" 101 " in await reader.readline()
    return False


async def connected(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = address.url.removeprefix("ws://").split(":")
    return await asyncio.open_connection(host, int(port))


async def test_out_of_descriptors_is_a_pause_and_one_line_in_the_log(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_process(nats, vendor, free_port()) as node,
    ):
        host, port = node.url.removeprefix("ws://").split(":")
        watching = await node.screen()
        line = await node.call()
        await line.say("before")
        await watching.until(lambda: watching.words(line.call) == "before")
        room = len(os.listdir(f"/proc/{node.process.pid}/fd")) + 5
        usual = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (room, usual[1]))
        crowd = [socket.create_connection((host, int(port))) for _ in range(60)]
        before = cpu_seconds(node)
        said = await lines_of(node, seconds=3)
        assert len(said) <= 20, "it floods its log"
        assert cpu_seconds(node) - before < 1, "it spins"
        await line.say("and during it")
        await watching.until(lambda: watching.words(line.call) == "before and during it")
        for each in crowd:
            each.close()
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, usual)
        async with asyncio.timeout(60):
            late = await node.screen()
        assert late.words(line.call) == "before and during it"
        said += await lines_of(node, seconds=1)
        assert [each["level"] for each in said].count("error") == 1


def cpu_seconds(node: Distant) -> float:
    fields = Path(f"/proc/{node.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def lines_of(node: Distant, seconds: float) -> list[dict[str, str]]:
    """What ``node`` logs for ``seconds``."""
    lines: list[dict[str, str]] = []
    assert node.process.stdout is not None
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                lines.append(json.loads(await node.process.stdout.readline()))
    return lines
