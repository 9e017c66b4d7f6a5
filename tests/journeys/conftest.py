"""Journeys on the telephone share their agents' browsers, as other tests do theirs: to start three takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.kit.browser.phone_floor import microphones


@pytest_asyncio.fixture(scope="session")
async def browsers_with_microphones(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mapping[str, Browser]]:
    """Browsers by the names of their microphones (`tests.kit.browser.phone_floor.PITCHES`), for the whole run."""
    async with microphones(tmp_path_factory.mktemp("microphones"), "bob", "dana", "sam") as browsers:
        yield browsers
