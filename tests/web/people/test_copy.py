"""Promises to customers, word by word: what the public pages say of places, retention and who is responsible."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kit.web.site import Browser
from web.config import Settings

Browsers = Callable[[], Browser]


async def test_nothing_is_promised_for_others(browser: Browsers) -> None:
    for path in ("/", "/privacy"):
        text = " ".join((await (await browser().get(path)).text()).split())
        assert "processed in Australia" in text
        assert "13 months" in text
        assert "has not been confirmed" in text
        assert "stay in Australia" not in text
        assert "stay in Sydney" not in text


async def test_where_a_bundle_goes_is_said(browser: Browsers) -> None:
    text = " ".join((await (await browser().get("/privacy")).text()).split())
    assert "a regulatory bundle of its own, its legal name, ABN and address go to Twilio" in text
    assert "<code>numbers.twilio.com</code>, <strong>in the United States</strong>" in text


class TestOptedOut:
    """Where the AWS account is attested to be opted out."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"aws_ai_opt_out": "attested", "operator": "Numbat Pty Ltd"})

    async def test_the_page_says_so(self, browser: Browsers) -> None:
        text = " ".join((await (await browser().get("/privacy")).text()).split())
        assert "Bilby’s account is opted out" in text
        assert "has not been confirmed" not in text
        assert "Numbat Pty Ltd is responsible" in text
