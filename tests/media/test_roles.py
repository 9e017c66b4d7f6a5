"""``media`` as it runs at AWS: no keys in its settings, but a role that gives temporary ones and changes them.

Each scene runs in network and mount namespaces of its own, where this machine can have the addresses that AWS's
services have; awscrt asks those and no others. They can be had by root, and by others where the system allows it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.kit.media.role_scene import SOURCES

_SECONDS = 90.0
APART = ("unshare", "--net", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))


@pytest.mark.parametrize("source", SOURCES)
async def test_a_role_gives_the_credentials_of_every_call(source: str, tmp_path: Path) -> None:
    scene = await asyncio.create_subprocess_exec(
        *(*APART, sys.executable, "-m", "tests.kit.media.role_scene", source, str(tmp_path)),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            told, _ = await scene.communicate()
    finally:
        if scene.returncode is None:
            scene.kill()
            await scene.wait()
    assert scene.returncode == 0, told.decode()
