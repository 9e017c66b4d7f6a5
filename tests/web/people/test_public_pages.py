"""The pages for everybody: there without signing in or a database, priced with GST, and true about suppliers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
from web.config import Settings
from web.request.price import Price

Browsers = Callable[[], Browser]
PAGES = ("/", "/pricing", "/terms", "/acceptable-use", "/privacy")


@pytest.mark.parametrize("path", PAGES)
async def test_everybody_may_read_them(path: str, browser: Browsers) -> None:
    page = await browser().get(path)
    text = await page.text()
    assert page.status == 200
    for other in PAGES[1:]:
        assert f'href="{other}"' in text


async def test_every_link_on_a_public_page_leads_somewhere(browser: Browsers) -> None:
    visitor = browser()
    linked = set()
    for path in PAGES:
        linked |= set(re.findall(r'(?:href|action)="(/[^"#]*)"', await (await visitor.get(path)).text()))
    answers = {path: (await visitor.get(path)).status for path in linked}
    assert {path: status for path, status in answers.items() if status != 200} == {}


async def test_who_is_signed_in_goes_straight_to_work(browser: Browsers, cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await alice.get("/")
    assert (page.status, page.headers["Location"]) == (303, "/console")


async def test_the_price_is_said_with_its_gst(browser: Browsers) -> None:
    for path in ("/", "/pricing", "/terms"):
        text = " ".join((await (await browser().get(path)).text()).split())
        assert "A$44" in text
        assert "A$4 " in text
        assert "GST" in text


async def test_nothing_is_promised_for_others(browser: Browsers) -> None:
    for path in ("/", "/privacy"):
        text = " ".join((await (await browser().get(path)).text()).split())
        assert "processed in Australia" in text
        assert "13 months" in text
        assert "has not been confirmed" in text
        assert "stay in Australia" not in text
        assert "stay in Sydney" not in text


async def test_where_papers_go_is_said(browser: Browsers) -> None:
    text = " ".join((await (await browser().get("/privacy")).text()).split())
    assert "papers of its own, its legal name, ABN and address go to Twilio" in text
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


@given(st.integers(1, 10**9))
def test_gst_is_a_tenth_of_what_is_left_without_it(cents: int) -> None:
    price = Price(cents)
    assert abs(price.gst.cents * 10 - (cents - price.gst.cents)) <= 6


@pytest.mark.parametrize(("cents", "words"), [(4400, "A$44"), (4450, "A$44.50"), (123_456_05, "A$123,456.05")])
def test_amounts_are_written_as_people_do(cents: int, words: str) -> None:
    assert str(Price(cents)) == words
    assert str(Price(cents).times(2)) == str(Price(cents * 2))
