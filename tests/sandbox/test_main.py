"""``python -m sandbox`` as somebody at a terminal sees it: links to open, one reason when it cannot, no leftovers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from sandbox.config import Secrets
from sandbox.engines.processes import command_line
from tests.kit.machines.sandbox_run import STOP_SECONDS, UP, Begin, Sandbox, sandbox_run

pytestmark = pytest.mark.slow


@pytest.fixture
def begin(tmp_path: Path, free_port: Callable[[], int]) -> Begin:
    """Begin a sandbox in a folder of this test's."""

    def begun(name: str = "one", **variables: object) -> contextlib.AbstractAsyncContextManager[Sandbox]:
        return sandbox_run(tmp_path / name, free_port, **({"SANDBOX_SPEECH": "scripted"} | variables))

    return begun


def _gone(pids: dict[str, int]) -> list[str]:
    """Those of ``pids`` still there after a while."""
    deadline = time.monotonic() + STOP_SECONDS
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


async def _status(url: str, method: str = "GET") -> int:
    async with aiohttp.ClientSession() as http, http.request(method, url, allow_redirects=False) as response:
        return response.status


@pytest.mark.timeout(600)
async def test_from_first_starts_side_by_side_over_ctrl_c_and_kill_9_to_the_death_of_parts(begin: Begin) -> None:
    """One journey, as a start costs 7 s of CPU: each of the six ends in another way."""
    async with begin("one") as one, begin("two") as two:
        await one.until(UP)
        await two.until(UP)
        await _leads_to_every_page(one)
        await _keeps_its_folder_to_itself(one, begin)
        await _prints_fresh_links_at_enter(two)
        await _ends_at_ctrl_c(one)
        await _ends_without(two, "web")
    async with begin("one", **one.ports) as again:
        await again.until(UP)
        assert len(again.links) == 4, "the demo organisation is there once"
        await _is_killed(again)
    async with begin("one", **one.ports) as after_the_kill:
        await after_the_kill.until(UP)
        assert await _status(after_the_kill.links[0], "POST") == 303
        await _ends_without(after_the_kill, "outside-world")
    for part in ("nats", "postgres"):
        async with begin("one", **one.ports) as another:
            await another.until(UP)
            await _ends_without(another, part)


async def _leads_to_every_page(sandbox: Sandbox) -> None:
    assert [await _status(link, "POST") for link in sandbox.links] == [303] * 4
    assert [await _status(link, "POST") for link in sandbox.links] != [303] * 4, "a link works once"
    pages = re.findall(r"(http://\S+:\d+/)$", "\n".join(sandbox.said), re.MULTILINE)
    assert [await _status(page) for page in pages] == [200] * 4, "phone, mail box, payments, identity provider"
    others = re.findall(r"(http://\S+:\d+/(?!sign-in)\S+)$", "\n".join(sandbox.said), re.MULTILINE)
    assert [await _status(page) for page in others] == [200] * 2, "the way in for a newcomer, numbers and bundles"


async def _keeps_its_folder_to_itself(sandbox: Sandbox, begin: Begin) -> None:
    assert os.stat(sandbox.folder / "secrets.json").st_mode & 0o777 == 0o600
    async with begin(sandbox.folder.name) as another:
        assert await another.ended() == 1
        assert "SANDBOX_DIR" in "\n".join(another.said)


async def _prints_fresh_links_at_enter(sandbox: Sandbox) -> None:
    assert sandbox.process.stdin is not None
    sandbox.process.stdin.write(b"\n")
    await sandbox.until("Alice")
    assert len(set(sandbox.links)) == 8
    assert await _status(sandbox.links[-1], "POST") == 303
    sandbox.process.stdin.close()


async def _ends_at_ctrl_c(sandbox: Sandbox) -> None:
    pids = sandbox.pids()
    assert set(pids) == {"outside-world", "media", "web", "provisioning", "nats", "postgres"}
    assert await sandbox.stop(signal.SIGINT) == 0
    assert (_gone(pids), _taken(sandbox.ports)) == ([], [])


async def _is_killed(sandbox: Sandbox) -> None:
    pids = sandbox.pids()
    await sandbox.stop(signal.SIGKILL)
    assert _gone(pids) == [] or sys.platform != "linux"


async def _ends_without(sandbox: Sandbox, part: str) -> None:
    """Let a part die: the sandbox names it, and leaves nothing."""
    pids = sandbox.pids()
    os.kill(pids[part], signal.SIGKILL)
    assert await sandbox.ended() == 1
    assert re.search(rf"(?i){part.replace('-', ' ')}\w* .* -9\b", "\n".join(sandbox.said))
    assert (_gone(pids), _taken(sandbox.ports)) == ([], [])


async def test_told_to_end_while_it_starts_it_leaves_nothing(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until("NATS")
        assert await sandbox.stop(signal.SIGTERM) == 0
        assert _taken(sandbox.ports) == []


async def test_taken_ports_are_named_with_their_variables(begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        web, nats = one.getsockname()[1], two.getsockname()[1]
        async with begin(SANDBOX_WEB_PORT=web, SANDBOX_NATS_PORT=nats) as sandbox:
            assert await sandbox.ended() == 1
            said = "\n".join(sandbox.said)
            assert re.search(rf"\b{web}\b.*SANDBOX_WEB_PORT", said)
            assert re.search(rf"\b{nats}\b.*SANDBOX_NATS_PORT", said)
            assert "Traceback" not in said


async def test_a_wrong_setting_is_one_line(begin: Begin) -> None:
    async with begin(SANDBOX_WEB_PORT=70000) as sandbox:
        assert await sandbox.ended() == 2
        assert len(sandbox.said) == 1
        assert "SANDBOX_WEB_PORT" in sandbox.said[0]


async def test_a_part_that_does_not_start_is_named_with_its_reason(begin: Begin, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    Secrets.kept_in(folder)
    place = folder / "secrets.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"twilio_account_sid": "nonsense"}))
    async with begin(folder.name) as broken:
        assert await broken.ended() == 1
        assert re.search(r"(media|web) .*\b2\b.*TWILIO_ACCOUNT_SID", "\n".join(broken.said), re.DOTALL)
        assert _taken(broken.ports) == []
