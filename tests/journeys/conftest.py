"""A whole sandbox; and agents' browsers, which journeys on the telephone share: to start three takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.kit.browser.newcomer import World, open_world
from tests.kit.browser.phone_floor import microphones


@pytest_asyncio.fixture(scope="session")
async def browsers_with_microphones(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Browser]]:
    """Browsers by the names of their microphones (`tests.kit.browser.phone_floor.PITCHES`), for the whole run."""
    async with microphones(tmp_path_factory.mktemp("microphones"), "bob", "dana", "sam") as browsers:
        yield browsers


@pytest_asyncio.fixture
async def world(tmp_path: Path, free_port: Callable[[], int]) -> AsyncIterator[World]:
    """A whole sandbox, just started."""
    async with open_world(tmp_path, free_port) as opened:
        yield opened
