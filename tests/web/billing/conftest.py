"""Whose bundle numbers are bought with."""

from __future__ import annotations

import pytest

from web.config import Settings


@pytest.fixture
def platform_bundle() -> None:
    """Let the platform have a bundle of its own in this test: who buys need not have one."""


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """For a test that has a `platform_bundle`."""
    if "platform_bundle" not in request.fixturenames:
        return settings
    return settings.model_copy(update={"twilio_bundle_sid": f"BU{'0' * 32}", "twilio_address_sid": f"AD{'0' * 32}"})
