"""The NATS server comes up on its own, several at once, says why when it cannot, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import nats
import pytest

from sandbox.engines.nats import NatsServer
from sandbox.engines.processes import StartError, command_line
from tests.kit.machines.ended import gone
from tests.kit.media.nats import settled

_OWNER = """
import asyncio, pathlib, sys
from sandbox.engines.nats import NatsServer

async def hold():
    async with NatsServer(pathlib.Path(sys.argv[1]), port=int(sys.argv[2])):
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


async def _heard(server: NatsServer) -> bytes:
    """What a subscriber hears when media publishes a fact."""
    media, web = await nats.connect(server.url("media")), await nats.connect(server.url("web"))
    try:
        subscription = await web.subscribe("call.>")
        await settled(web)
        await media.publish("call.org.CA1.started", b"{}")
        return (await subscription.next_msg(timeout=60)).data
    finally:
        await media.close()
        await web.close()


async def test_carries_facts_from_media_to_web(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        assert await _heard(server) == b"{}"


async def test_two_servers_choose_their_own_ports(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "one") as one, NatsServer(tmp_path / "two") as two:
        assert one.url("web").rpartition(":")[2] != two.url("web").rpartition(":")[2]
        assert await _heard(two) == b"{}"


async def test_ends_when_left_and_frees_its_port(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    for _ in range(2):
        async with NatsServer(tmp_path, port=port):
            pid = int((tmp_path / "nats.pid").read_text().split()[0])
        assert command_line(pid) == ""


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with NatsServer(tmp_path / "first") as first:
        port = int(first.url("web").rpartition(":")[2])
        with pytest.raises(StartError, match=rf"(?s)\bNATS\b.*\b{port}\b"):
            async with NatsServer(tmp_path / "second", port=port):
                pass


async def test_stores_nothing(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        await _heard(server)
    assert os.listdir(tmp_path) == ["nats.log"]
    assert "jetstream" not in (tmp_path / "nats.log").read_text().lower()


async def test_ends_with_a_killed_owner_and_comes_back(tmp_path: Path, free_port: Callable[[], int]) -> None:
    port = free_port()
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _OWNER, tmp_path, str(port), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    assert await asyncio.wait_for(owner.stdout.readline(), 30) == b"up\n"
    pid = int((tmp_path / "nats.pid").read_text().split()[0])
    owner.kill()
    await owner.wait()
    assert gone(pid) or sys.platform != "linux"
    async with NatsServer(tmp_path, port=port) as server:
        assert await _heard(server) == b"{}"
