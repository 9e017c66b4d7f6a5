"""The public pages: what they promise is what there is, and nobody needs to sign in to read it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.cast import Cast
from tests.site import Browser
from web.price import Price

PAGES = ["/", "/pricing", "/terms", "/acceptable-use", "/privacy"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_public_page_reads_without_signing_in(browser: Callable[[], Browser], path: str) -> None:
    page = await browser().get(path)
    assert page.status == 200
    assert "<h1>" in await page.text()


async def test_every_link_on_a_public_page_leads_somewhere(browser: Callable[[], Browser]) -> None:
    visitor = browser()
    linked = set()
    for path in PAGES:
        linked |= set(re.findall(r'(?:href|action)="(/[^"#]*)"', await (await visitor.get(path)).text()))
    answers = {path: (await visitor.get(path)).status for path in linked}
    assert {path: status for path, status in answers.items() if status != 200} == {}


async def test_who_is_signed_in_goes_straight_to_work(browser: Callable[[], Browser], cast: Cast) -> None:
    alice = await browser().sign_in(cast.alice)
    page = await alice.get("/")
    assert (page.status, page.headers["Location"]) == (303, "/console")


@pytest.mark.parametrize(
    ("cents", "shown", "gst"), [(44_00, "A$44", "A$4"), (49_50, "A$49.50", "A$4.50"), (11, "A$0.11", "A$0.01")]
)
def test_prices_name_their_gst(cents: int, shown: str, gst: str) -> None:
    assert (str(Price(cents)), str(Price(cents).gst)) == (shown, gst)
