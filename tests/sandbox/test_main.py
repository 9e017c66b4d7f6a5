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


async def test_from_the_first_start_to_ctrl_c_and_again(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(UP)
        assert [await _status(link, "POST") for link in sandbox.links] == [303] * 4
        assert [await _status(link, "POST") for link in sandbox.links] != [303] * 4, "a link works once"
        pages = re.findall(r"(http://\S+:\d+/)$", "\n".join(sandbox.said), re.MULTILINE)
        assert [await _status(page) for page in pages] == [200] * 4, "phone, mail box, payments, identity provider"
        others = re.findall(r"(http://\S+:\d+/(?!sign-in)\S+)$", "\n".join(sandbox.said), re.MULTILINE)
        assert [await _status(page) for page in others] == [200] * 2, "the way in for a newcomer, numbers and bundles"
        assert os.stat(sandbox.folder / "secrets.json").st_mode & 0o777 == 0o600
        pids = sandbox.pids()
        assert set(pids) == {"outside-world", "media", "web", "provisioning", "nats", "postgres"}
        assert await sandbox.stop() == 0
        assert (_gone(pids), _taken(sandbox.ports)) == ([], [])
    async with begin(**sandbox.ports) as again:
        await again.until(UP)
        assert len(again.links) == 4, "the demo organisation is there once"
        assert await again.stop(signal.SIGTERM) == 0


async def test_it_says_who_hears_and_how_many_calls_at_once(begin: Begin) -> None:
    pytest.importorskip("moonshine_voice")
    async with begin(SANDBOX_SPEECH="auto", SANDBOX_CALLS_HEARD=1) as sandbox:
        await sandbox.until(" 1 call ")
        assert await sandbox.stop() == 0


async def test_one_folder_is_for_one_and_two_folders_for_two_on_one_machine(begin: Begin) -> None:
    async with begin("one") as one, begin("two") as two:
        await one.until(UP)
        await two.until(UP)
        async with begin("one") as third:
            assert await third.ended() == 1
            assert "SANDBOX_DIR" in "\n".join(third.said)
        await _ends_without(one, "postgres")
        await _prints_fresh_links_at_enter(two)
        assert await _status(two.links[-1], "POST") == 303
        await _ends_without(two, "outside-world")


async def _prints_fresh_links_at_enter(sandbox: Sandbox) -> None:
    assert sandbox.process.stdin is not None
    sandbox.process.stdin.write(b"\n")
    await sandbox.until("Alice")
    assert len(set(sandbox.links)) == 8
    sandbox.process.stdin.close()


async def _ends_without(sandbox: Sandbox, part: str) -> None:
    """Let a part die: the sandbox names it, and leaves nothing."""
    pids = sandbox.pids()
    os.kill(pids[part], signal.SIGKILL)
    assert await sandbox.ended() == 1
    assert re.search(rf"(?i){part.replace('-', ' ')}\w* .* -9\b", "\n".join(sandbox.said))
    assert (_gone(pids), _taken(sandbox.ports)) == ([], [])


async def test_comes_back_after_kill_9(begin: Begin) -> None:
    async with begin() as sandbox:
        await sandbox.until(UP)
        pids = sandbox.pids()
        await sandbox.stop(signal.SIGKILL)
        assert _gone(pids) == [] or sys.platform != "linux"
    async with begin(**sandbox.ports) as again:
        await again.until(UP)
        assert await _status(again.links[0], "POST") == 303
        await _ends_without(again, "nats")


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


async def test_a_part_that_dies_later_is_noticed(begin: Begin) -> None:
    """Web; the tests above end with the death of another part each, as a start costs 8 s of CPU."""
    async with begin() as sandbox:
        await sandbox.until(UP)
        await _ends_without(sandbox, "web")
