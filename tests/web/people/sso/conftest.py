"""An identity provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from sandbox.identity.emulator import Identity
from tests.kit.sign_in.provider_site import provider_at
from tests.kit.web.site import Site


@pytest_asyncio.fixture
async def provider(site: Site, free_port: Callable[[], int]) -> AsyncIterator[Identity]:
    """Acacia's provider, which is not in use yet."""
    async with provider_at(site, free_port) as running:
        yield running
