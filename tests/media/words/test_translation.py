"""A reader has a call translated: a node, its console and Amazon Translate."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.engines.nats import NatsServer
from sandbox.transcribe.errors import AwsError
from sandbox.transcribe.json_api import JsonServices, json_services, translated
from tests.kit.media.media_ends import Line, Screen
from tests.kit.media.media_node import KEYS, Node, media_node, scripted_vendor


@dataclass
class Scene:
    node: Node
    amazon: JsonServices


@pytest_asyncio.fixture
async def scene(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[Scene]:
    async with (
        NatsServer(tmp_path) as server,
        scripted_vendor() as vendor,
        json_services(port=0, access_keys=KEYS) as amazon,
        media_node(server, vendor, port=free_port(), translate_api_base=amazon.url, live_translation="on") as node,
    ):
        await node.connected()
        yield Scene(node, amazon)


async def _spoken(node: Node) -> tuple[Line, Screen]:
    screen, line = await node.screen(), await node.call()
    await line.say("hello there")
    await screen.until(lambda: screen.words(line.call) == "hello there")
    return line, screen


def _got(screen: Screen) -> list[str]:
    return [event["text"] for event in screen.events if event["type"] == "translation"]


async def test_a_reader_asks_and_gets_what_was_and_is_said(scene: Scene) -> None:
    line, screen = await _spoken(scene.node)
    other = await scene.node.screen()
    await screen.socket.send(json.dumps({"type": "translate", "call": line.call, "to": "vi"}))
    await screen.until(lambda: _got(screen) == [translated("hello there", "vi")])
    await line.say("my card is 4111 1111 1111 1111 okay")
    await screen.until(lambda: len(_got(screen)) == 2)
    assert _got(screen)[1] == translated("my card is •••• •••• •••• •••• okay", "vi")
    assert "4111" not in json.dumps(scene.amazon.asked), "what is masked is masked for Amazon, too"
    await screen.socket.send(json.dumps({"type": "translate", "call": line.call, "to": None}))
    await line.say("not translated")
    for console in (screen, other):
        await console.until(lambda c=console: "not translated" in c.words(line.call))  # type: ignore[misc]
    assert (len(_got(screen)), _got(other)) == (2, [])


@pytest.mark.parametrize(
    ("denial", "problem"), [("TooManyRequestsException", "busy"), ("AccessDeniedException", "unavailable")]
)
async def test_a_refusal_is_told(scene: Scene, denial: str, problem: str) -> None:
    line, screen = await _spoken(scene.node)
    scene.amazon.denial["translate"] = AwsError(denial, "no")
    await screen.socket.send(json.dumps({"type": "translate", "call": line.call, "to": "vi"}))
    await screen.until(lambda: "translation.failed" in screen.types())
    assert screen.events[-1]["problem"] == problem


async def test_what_else_a_console_sends_is_ignored(scene: Scene) -> None:
    line, screen = await _spoken(scene.node)
    for sent in ("", "{}", "[1]", '{"type": "translate"}', '{"type": "translate", "call": "x", "to": "../"}', "{"):
        await screen.socket.send(sent)
    for _ in range(100):
        await screen.socket.send(json.dumps({"type": "translate", "call": "CA0", "to": "vi"}))
    await line.say("still here")
    await screen.until(lambda: "still here" in screen.words(line.call))
    assert scene.amazon.asked == []
