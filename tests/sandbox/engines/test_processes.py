"""Children start, say why when they do not, end when asked or made to, and never outlive us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.engines.processes import Child, StartError, locked, start, stop_recorded
from tests.kit.machines.ended import gone

_SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
_STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]
_PARENT = """
import asyncio, pathlib, sys
from sandbox.engines.processes import start

async def hold():
    child = await start("child", ["/bin/sleep", "600"], log=pathlib.Path(sys.argv[1]))
    print(child.process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(hold())
"""


async def _up(child: Child) -> Child:
    async def spoke() -> bool:
        return child.log_tail() == "up"

    await child.ready(spoke, 30)
    return child


async def _never() -> bool:
    return False


async def test_a_child_ends_when_asked_however_often(tmp_path: Path) -> None:
    child = await _up(await start("child", _SLEEPER, log=tmp_path / "log"))
    await child.stop()
    await child.stop()
    assert child.process.returncode == -signal.SIGTERM


async def test_a_child_that_will_not_end_is_made_to(tmp_path: Path) -> None:
    child = await _up(await start("child", _STUBBORN, log=tmp_path / "log"))
    await child.stop(seconds=0.05)
    assert child.process.returncode == -signal.SIGKILL


async def test_a_child_that_ends_too_soon_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"]
    child = await start("child", command, log=tmp_path / "log")
    with pytest.raises(StartError, match=r"(?s)\bchild\b.*\b3\b.*the reason"):
        await child.ready(_never, 30)


async def test_a_child_that_is_not_ready_in_time_is_named(tmp_path: Path) -> None:
    child = await start("child", _SLEEPER, log=tmp_path / "log")
    with pytest.raises(StartError, match=r"\bchild\b"):
        await child.ready(_never, 0.01)
    await child.stop()


async def test_what_cannot_be_executed_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"\bchild\b"):
        await start("child", [tmp_path / "nothing"], log=tmp_path / "log")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's rope is Linux's")
async def test_a_child_ends_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, tmp_path / "log", stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 30))
    parent.kill()
    await parent.wait()
    assert gone(pid)


async def test_a_child_left_behind_is_stopped_at_the_next_start(tmp_path: Path) -> None:
    record = tmp_path / "child.pid"
    left = await _up(await start("child", _SLEEPER, log=tmp_path / "log", record=record))
    assert await asyncio.to_thread(stop_recorded, record)
    assert await asyncio.wait_for(left.process.wait(), 60) == -signal.SIGTERM
    assert not record.exists()
    assert not stop_recorded(record)


@pytest.mark.parametrize(
    "record", ["", "1", "x\ny", "999999999\npython", f"{os.getpid()}\nsome other program"], ids=range(5)
)
async def test_a_pid_that_is_somebody_elses_is_left_alone(tmp_path: Path, record: str) -> None:
    place = tmp_path / "child.pid"
    place.write_text(record)
    assert not stop_recorded(place)


async def test_a_lock_has_one_holder(tmp_path: Path) -> None:
    async with locked(tmp_path, "go elsewhere"):
        with pytest.raises(StartError, match="go elsewhere"):
            async with locked(tmp_path, "go elsewhere"):
                pass
    async with locked(tmp_path, "go elsewhere"):
        pass
