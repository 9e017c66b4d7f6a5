"""``python -m sandbox`` as somebody at a terminal sees it: links to open, one reason when it cannot, no leftovers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from sandbox.config import Settings
from sandbox.processes import command_line

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[1]
_UP = "Ctrl-C stops everything."
_START_SECONDS = 60
_STOP_SECONDS = 30


@dataclass
class Sandbox:
    """A sandbox in a process of its own, and all it has said."""

    folder: Path
    ports: dict[str, int]
    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)

    async def until(self, words: str) -> None:
        """Read on until a line contains ``words``."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_START_SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line.rstrip())
                if words in line:
                    return
        raise AssertionError("\n".join(self.said))

    async def ended(self) -> int:
        """Read to the end; the exit status."""
        assert self.process.stdout is not None
        async with asyncio.timeout(_STOP_SECONDS):
            self.said += (await self.process.stdout.read()).decode().splitlines()
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait; the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    @property
    def links(self) -> list[str]:
        """Every sign-in link it has printed."""
        return re.findall(r"http://\S+/sign-in/\S+", "\n".join(self.said))

    def pids(self) -> dict[str, int]:
        """The processes it has written down, by name."""
        places = [*self.folder.glob("*.pid"), self.folder / "nats" / "nats.pid"]
        pids = {place.stem: int(place.read_text().split()[0]) for place in places}
        return pids | {"postgres": int((self.folder / "postgres/cluster/postmaster.pid").read_text().split()[0])}


Begin = Callable[..., "contextlib.AbstractAsyncContextManager[Sandbox]"]


@pytest.fixture
def begin(tmp_path: Path, free_port: Callable[[], int]) -> Begin:
    """Begin a sandbox in a folder of this test's, on free ports unless told which; killed at the end."""

    @contextlib.asynccontextmanager
    async def begun(name: str = "one", **ports: int) -> AsyncIterator[Sandbox]:
        chosen = {variable: free_port() for variable in Settings().ports} | ports
        environment = {variable: str(port) for variable, port in chosen.items()}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sandbox"),
            env={"SANDBOX_DIR": str(tmp_path / name), "PATH": os.defpath} | environment,
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield Sandbox(tmp_path / name, chosen, process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    return begun


def _gone(pids: dict[str, int]) -> list[str]:
    """Those of ``pids`` still there after a while."""
    deadline = time.monotonic() + _STOP_SECONDS
    while any(map(command_line, pids.values())) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [name for name, pid in pids.items() if command_line(pid)]


def _taken(ports: dict[str, int]) -> list[str]:
    taken = []
    for variable, port in ports.items():
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            taken.append(variable)
    return taken


async def _status(url: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as response:
        return response.status


async def test_from_the_first_start_to_ctrl_c_and_again(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(_UP)
        assert [await _status(link) for link in sandbox.links] == [303] * 4
        assert [await _status(link) for link in sandbox.links] != [303] * 4, "a link works once"
        pages = re.findall(r"(http://\S+:\d+/)$", "\n".join(sandbox.said), re.MULTILINE)
        assert [await _status(page) for page in pages] == [200, 200]
        pids = sandbox.pids()
        assert set(pids) == {"outside-world", "media", "web", "provisioning", "nats", "postgres"}
        assert await sandbox.stop() == 0
        assert (_gone(pids), _taken(sandbox.ports)) == ([], [])
    async with begin(**sandbox.ports) as again:
        await again.until(_UP)
        assert len(again.links) == 4, "the demo organisation is there once"
        assert await again.stop(signal.SIGTERM) == 0


async def test_enter_prints_fresh_links(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(_UP)
        assert sandbox.process.stdin is not None
        sandbox.process.stdin.write(b"\n")
        await sandbox.until("Alice")
        assert len(set(sandbox.links)) == 8
        sandbox.process.stdin.close()
        assert await _status(sandbox.links[-1]) == 303
        assert await sandbox.stop() == 0


async def test_two_live_on_one_machine(begin: Begin) -> None:
    async with begin("one") as one, begin("two") as two:
        await one.until(_UP)
        await two.until(_UP)
        assert await one.stop() == 0
        assert await _status(two.links[0]) == 303
        assert await two.stop() == 0


async def test_one_folder_is_for_one(begin: Begin) -> None:
    async with begin() as first:
        await first.until("NATS")
        async with begin() as second:
            assert await second.ended() == 1
            assert "in use by another process" in "\n".join(second.said)
            assert "SANDBOX_DIR" in "\n".join(second.said)


async def test_comes_back_after_kill_9(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(_UP)
        pids = sandbox.pids()
        await sandbox.stop(signal.SIGKILL)
        assert _gone(pids) == [] or sys.platform != "linux"
    async with begin(**sandbox.ports) as again:
        await again.until(_UP)
        assert await _status(again.links[0]) == 303
        assert await again.stop() == 0


async def test_ctrl_c_while_it_starts_leaves_nothing(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until("NATS")
        assert await sandbox.stop() == 0
        assert _taken(sandbox.ports) == []


async def test_taken_ports_are_named_with_their_variables(begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        web, nats = one.getsockname()[1], two.getsockname()[1]
        async with begin(SANDBOX_WEB_PORT=web, SANDBOX_NATS_PORT=nats) as sandbox:
            assert await sandbox.ended() == 1
            said = "\n".join(sandbox.said)
            assert f"port {web} is taken: set SANDBOX_WEB_PORT" in said
            assert f"port {nats} is taken: set SANDBOX_NATS_PORT" in said
            assert "Traceback" not in said


async def test_a_wrong_setting_is_one_line(begin: Begin) -> None:
    async with begin(SANDBOX_WEB_PORT=70000) as sandbox:
        assert await sandbox.ended() == 2
        assert len(sandbox.said) == 1
        assert "SANDBOX_WEB_PORT" in sandbox.said[0]


async def test_a_part_that_does_not_start_is_named_with_its_reason(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(_UP)
        assert await sandbox.stop() == 0
    place = sandbox.folder / "secrets.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"twilio_account_sid": "nonsense"}))
    async with begin(**sandbox.ports) as broken:
        assert await broken.ended() == 1
        assert re.search(r"(media|web) ended with status 2.*TWILIO_ACCOUNT_SID", "\n".join(broken.said), re.DOTALL)
        assert _taken(sandbox.ports) == []


@pytest.mark.parametrize("part", ["web", "outside-world", "postgres", "nats"])
async def test_a_part_that_dies_later_is_noticed(begin: Begin, part: str) -> None:
    async with begin() as sandbox:
        await sandbox.until(_UP)
        pids = sandbox.pids()
        os.kill(pids[part], signal.SIGKILL)
        assert await sandbox.ended() == 1
        assert re.search(rf"(?i){part.replace('-', ' ')}\w* ended with status -9", "\n".join(sandbox.said))
        assert (_gone(pids), _taken(sandbox.ports)) == ([], [])


async def test_secrets_are_for_their_owner_alone(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until("NATS")
        place = sandbox.folder / "secrets.json"
        assert os.stat(place).st_mode & 0o777 == 0o600
        assert await sandbox.stop() == 0
