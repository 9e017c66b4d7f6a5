"""How far an order is reaches who listens, over the real NATS under production's rules; nothing waits for it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import uuid4

import nats

from provisioning import progress
from provisioning.progress import Progress
from sandbox.engines.nats import NatsServer
from tests.kit.media.nats import settled


async def test_who_listens_hears_how_far_it_is(tmp_path: Path) -> None:
    organisation, order = uuid4(), uuid4()
    async with NatsServer(tmp_path) as server:
        web = await nats.connect(server.url("web"))
        heard = await web.subscribe(f"progress.{organisation}.>")
        await settled(web)
        told = Progress(server.url("provisioning"))
        async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
            told.tell(organisation, order, "bought")  # before there is a connection
            running = tasks.create_task(told.run())
            fact = await heard.next_msg(timeout=60)
            told.tell(organisation, order, "done")
            last = await heard.next_msg(timeout=60)
            running.cancel()
        await web.close()
    assert fact.subject == f"progress.{organisation}.{order}"
    assert json.loads(fact.data) == {"order": str(order), "state": "bought"}
    assert json.loads(last.data)["state"] == "done"


async def test_nobody_waits_for_an_absent_bus() -> None:
    told = Progress("nats://provisioning:x@127.0.0.1:9")
    for _ in range(progress.WAITING_FACTS + 1):
        told.tell(uuid4(), uuid4(), "paid")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(told.run())
        await asyncio.sleep(0)
        running.cancel()


async def test_without_an_address_nobody_is_told() -> None:
    told = Progress("")
    told.tell(uuid4(), uuid4(), "paid")
    await told.run()  # ends at once
