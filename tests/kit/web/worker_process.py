"""A worker in a process of its own, for tests that kill it with SIGKILL and let another go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from tests.kit.machines.forked import forked
from tests.kit.vendors.twilio_account import Account
from tests.kit.web.number_orders import WEB

QUICK = "tests.kit.machines.quick_worker:main"


@asynccontextmanager
async def worker_process(
    place: Account, url: str, key: str, more: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """A worker on the database at ``url`` that buys at ``place``; ``more``: other settings. Killed on the way out."""
    settings = place.settings
    environment = {
        "DATABASE_URL": url,
        "ENCRYPTION_KEYS": key,
        "WEB_PUBLIC_URL": WEB,
        "TWILIO_ACCOUNT_SID": settings.twilio_account_sid,
        "TWILIO_API_KEY_SID": settings.twilio_api_key_sid,
        "TWILIO_API_KEY_SECRET": settings.twilio_api_key_secret.get_secret_value(),
        "TWILIO_API_BASE": settings.twilio_api_base,
        "TWILIO_BUNDLE_SID": settings.twilio_bundle_sid,
        "TWILIO_ADDRESS_SID": settings.twilio_address_sid,
        **(more or {}),
    }
    async with forked(QUICK, environment) as process:
        yield
        assert process.returncode is None
