"""Calls that are dialled, the way of last resort. How they go in rooms is tested in tests/web/conferences."""

from __future__ import annotations

import pytest

from web.config import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"call_routing": "dial"})
