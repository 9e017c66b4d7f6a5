"""The handshake: every spelling that RFC 9110 and Twilio's own validators allow, and no traces of refused ones."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator

from media.sockets.console import Console
from media.sockets.twilio_stream import Stream
from protocol.tickets import sign_console
from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import ORIGIN, SECRET, TOKEN, Node, media_node, scripted_vendor

STREAM, CONSOLE = "/twilio/stream", "/console"


def signed(url: str) -> str:
    return str(RequestValidator(TOKEN).compute_signature(url, {}))


async def handshake(node: Node, path: str, *lines: str, upgrade: bool = True) -> int:
    """Return the status of the answer to a raw request with these header ``lines``."""
    host, port = node.url.removeprefix("ws://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    key = base64.b64encode(os.urandom(16)).decode()
    fixed = [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"] if upgrade else []
    request = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}:{port}", *fixed, *lines, "", ""])
    writer.write(request.encode("latin-1"))
    try:
        answer = await asyncio.wait_for(reader.readline(), 60)
        return int(answer.split()[1])
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    "lines",
    [
        ["Connection: Upgrade", "Upgrade: websocket"],
        ["Connection: keep-alive, Upgrade", "Upgrade: websocket"],
        ["connection: UPGRADE ,keep-alive", "upgrade: WebSocket"],
        ["Connection: keep-alive", "Connection: upgrade", "Upgrade: websocket"],
        ["Connection: keep-alive,\tUpgrade , close", "Upgrade: h2c, WebSocket"],
        ["Connection:Upgrade,", "Upgrade: h2c", "UPGRADE:websocket"],
    ],
)
async def test_connection_and_upgrade_are_lists_of_tokens(node: Node, lines: list[str]) -> None:
    assert await handshake(node, CONSOLE, f"Origin: {ORIGIN}", *lines) == 101
    url = f"{node.url}{STREAM}"
    assert await handshake(node, STREAM, f"X-Twilio-Signature: {signed(url)}", *lines) == 101


@pytest.mark.parametrize(
    "lines",
    [
        ["Connection: keep-alive", "Upgrade: websocket"],
        ["Connection: no-upgrade, upgraded", "Upgrade: websocket"],
        ["Connection: Upgrade", "Upgrade: websockets"],
        ["Connection: Upgrade"],
        ["Upgrade: websocket"],
        [],
    ],
)
async def test_what_asks_for_no_upgrade_is_400(node: Node, lines: list[str]) -> None:
    assert await handshake(node, CONSOLE, f"Origin: {ORIGIN}", *lines) == 400


async def test_refused_and_broken_attempts_leave_nothing_behind(node: Node) -> None:
    url = f"{node.url}{STREAM}"
    upgrade = ["Connection: Upgrade", "Upgrade: websocket"]
    for _ in range(3):
        await handshake(node, CONSOLE, f"Origin: {ORIGIN}", "Connection: close")  # refused after the door
        await handshake(node, STREAM, f"X-Twilio-Signature: {signed(url)}", upgrade=False)
        await handshake(node, CONSOLE, "Origin: http://evil.example", *upgrade)
        await handshake(node, CONSOLE, f"Origin: {ORIGIN}", *upgrade)  # admitted to the socket, and gone
    async with asyncio.timeout(60):
        while node.server.consoles or sockets():
            await asyncio.sleep(0.01)
            gc.collect()


def sockets() -> list[object]:
    return [thing for thing in gc.get_objects() if isinstance(thing, Console | Stream)]


@pytest.mark.parametrize(
    ("public", "signs", "status"),
    [
        ("wss://media.example.com.au", "wss://media.example.com.au", 101),
        ("wss://media.example.com.au", "wss://media.example.com.au:443", 101),
        ("wss://media.example.com.au:443", "wss://media.example.com.au", 101),
        ("wss://media.example.com.au:443", "wss://media.example.com.au:443", 101),
        ("wss://media.example.com.au:8443", "wss://media.example.com.au:8443", 101),
        ("wss://media.example.com.au", "https://media.example.com.au", 403),
        ("wss://media.example.com.au", "ws://media.example.com.au", 403),
        ("wss://media.example.com.au", "wss://media.example.com.au:8443", 403),
        ("wss://media.example.com.au", "wss://other.example.com.au", 403),
    ],
)
async def test_the_signed_url_may_name_its_default_port(tmp_path: Path, public: str, signs: str, status: int) -> None:
    async with (
        NatsServer(tmp_path) as nats,
        scripted_vendor() as vendor,
        media_node(nats, vendor, media_public_url=public) as node,
    ):
        header = f"X-Twilio-Signature: {signed(signs + STREAM)}"
        assert await handshake(node, STREAM, header, "Connection: Upgrade", "Upgrade: websocket") == status


@pytest.mark.parametrize("signature", ["", "\xe9t\xe9", "\x80", "x" * 10_000])
async def test_a_signature_of_nonsense_is_403(node: Node, signature: str) -> None:
    lines = [f"X-Twilio-Signature: {signature}", "Connection: Upgrade", "Upgrade: websocket"]
    assert await handshake(node, STREAM, *lines) == 403


async def test_a_text_of_more_than_4_kb_before_a_ticket_is_1009(node: Node) -> None:
    for hello in ("x" * 5_000, b"x" * 5_000, ["x" * 3_000, "x" * 3_000]):
        screen = await node.open_screen()
        await screen.socket.send(hello)
        assert await screen.closed_with() == 1009
    line = await node.dial("CA1", {"ticket": "x" * 5_000})
    await line.send(line.writer.start())
    assert await line.closed_with() == 1009


async def test_after_a_ticket_it_is_64_kb(node: Node) -> None:
    screen = await node.screen()
    await screen.socket.send("x" * 60_000)
    await screen.socket.send(json.dumps({"ticket": sign_console(SECRET, org="a", sub="m", role="owner")}))
    assert await (await screen.socket.ping()) >= 0
    await screen.socket.send("x" * 70_000)
    assert await screen.closed_with() == 1009
