"""What the tests of several of media's rooms stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio

from tests.kit.media.two_nodes import TwoNodes, two_nodes


@pytest_asyncio.fixture
async def nodes(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[TwoNodes]:
    """Two nodes on one NATS."""
    async with two_nodes(tmp_path, free_port) as opened:
        yield opened
