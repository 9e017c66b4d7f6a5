"""A console whose phone talks to a server that the test plays, in a browser context that complains."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.kit.browser.strict_context import strict_context
from tests.kit.web.phone_contract import PhoneServer, phone_server
from web.config import Settings

Desk = Callable[..., Awaitable[Page]]


@pytest.fixture
def contract_settings(free_port: Callable[[], int]) -> Settings:
    """Settings of a process that has no database."""
    return Settings.model_validate(
        {
            "database_url": "postgresql://bilby:none@127.0.0.1:1/bilby",
            "encryption_keys": Fernet.generate_key().decode(),
            "nats_url": "nats://web:web@127.0.0.1:1",
            "web_public_url": f"http://127.0.0.1:{free_port()}",
            "media_public_url": "ws://127.0.0.1:1",
            "session_secret": "s" * 32,
            "stream_shared_secret": "t" * 32,
            "smtp_url": "smtp://127.0.0.1:1",
            "mail_from": "Bilby <bilby@bilby.example>",
            "twilio_account_sid": f"AC{'0' * 32}",
            "twilio_auth_tokens": "a" * 32,
            "twilio_api_key_sid": f"SK{'0' * 32}",
            "twilio_api_key_secret": "k" * 32,
            "twilio_twiml_app_sid": f"AP{'0' * 32}",
        }
    )


@pytest_asyncio.fixture
async def server(contract_settings: Settings) -> AsyncIterator[PhoneServer]:
    """What the phone talks to."""
    port = int(contract_settings.web_public_url.rpartition(":")[2])
    async with phone_server(contract_settings, port) as playing:
        yield playing


@pytest_asyncio.fixture
async def context(window: Browser, contract_settings: Settings, server: PhoneServer) -> AsyncIterator[BrowserContext]:
    """Fails the test that breaks the Content-Security-Policy or throws."""
    async with strict_context(
        window, base_url=contract_settings.web_public_url, permissions=["microphone"]
    ) as opened:
        yield opened


@pytest.fixture
def desk(context: BrowserContext) -> Desk:
    """Open the console in a new tab, and wait until its phone knows the server's state."""

    async def opened(width: int = 1280, height: int = 800) -> Page:
        page = await context.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        await page.goto("/console")
        await expect(page.locator("#presence")).to_be_enabled()
        await expect(page.locator("#phone")).to_have_attribute("data-phase", "ready")
        return page

    return opened
