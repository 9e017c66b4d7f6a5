"""The pages for everybody: there without signing in or a database, priced with GST, and true about suppliers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from tests.kit.web.cast import Cast
from tests.kit.web.site import Browser
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


@given(st.integers(1, 10**9))
def test_gst_is_a_tenth_of_what_is_left_without_it(cents: int) -> None:
    price = Price(cents)
    assert abs(price.gst.cents * 10 - (cents - price.gst.cents)) <= 6


@pytest.mark.parametrize(("cents", "words"), [(4400, "A$44"), (4450, "A$44.50"), (123_456_05, "A$123,456.05")])
def test_amounts_are_written_as_people_do(cents: int, words: str) -> None:
    assert str(Price(cents)) == words
    assert str(Price(cents).times(2)) == str(Price(cents * 2))
