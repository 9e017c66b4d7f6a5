"""A process that hears leaves no core, however the machine treats cores."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

_ASK = """
import ctypes, os, resource
from media.hardening import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3), flush=True)
if os.fork() == 0:
    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3), flush=True)
    os._exit(0)
os.wait()
os.abort()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
async def test_no_core_is_left_by_it_or_its_children(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _ASK),
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.defpath},
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    assert said.decode().splitlines() == ["(0, 0) 0", "(0, 0) 0"]
    assert process.returncode == -6
    assert os.listdir(tmp_path) == []
