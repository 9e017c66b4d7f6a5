"""Two media nodes on one NATS, and web's connection to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from sandbox.engines.nats import NatsServer
from tests.kit.media.media_node import Node, media_node, scripted_vendor
from tests.kit.media.nats import settled


@dataclass
class TwoNodes:
    """``facts`` are what media has sent to web: subjects and bodies."""

    a: Node
    b: Node
    nats: NatsServer
    web: Client
    facts: list[tuple[str, dict[str, Any]]]

    def told(self, call: str, fact: str) -> list[dict[str, Any]]:
        """Return what web was told about ``call``, of one kind."""
        return [body for subject, body in self.facts if subject == f"call.a.{call}.{fact}"]


@asynccontextmanager
async def two_nodes(folder: Path, free_port: Callable[[], int]) -> AsyncIterator[TwoNodes]:
    """Both nodes, connected."""
    async with (
        NatsServer(folder) as server,
        scripted_vendor() as vendor,
        media_node(server, vendor, port=free_port()) as a,
        media_node(server, vendor, port=free_port()) as b,
    ):
        await a.connected()
        await b.connected()
        web = await nats.connect(server.url("web"))
        facts: list[tuple[str, dict[str, Any]]] = []

        async def note(message: Msg) -> None:
            facts.append((message.subject, json.loads(message.data)))

        for subject in ("call.>", "phrases.*.wanted"):
            await web.subscribe(subject, cb=note)
        await settled(web)
        try:
            yield TwoNodes(a, b, server, web, facts)
        finally:
            await web.close()
