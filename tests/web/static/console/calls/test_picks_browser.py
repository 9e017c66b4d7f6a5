"""What is picked up from a line, and that one key copies it and nothing of it outlives the call."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, expect

from tests.kit.browser.console_page import CALL, Open, talking
from tests.kit.media.live_media import LiveMedia
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

_FOUND = """async (texts) => {
  const { picks } = await import("/static/0/console/calls/picks/picks.js");
  return texts.map((text) => picks(text).map(({ kind, value }) => `${kind} ${value}`));
}"""
_PICKS: dict[str, list[str]] = {
    "call me on 0412 345 678 please": ["phone 0412 345 678"],
    "oh four one two, three four five, six seven eight": ["phone 0412 345 678"],
    "zero four double one triple two, three three three": ["phone 0411 222 333"],
    "(02) 9876 5432 or 1300 123 456": ["phone 02 9876 5432", "phone 1300 123 456"],
    "plus, it is +61 412 345 678": ["phone 0412 345 678"],
    "in London +44 20 7946 0958": ["phone +442079460958"],
    "0412 345 678 and 0413 222 333": ["phone 0412 345 678", "phone 0413 222 333"],
    "john dot smith at example dot com dot au": ["email john.smith@example.com.au"],
    "write to info_1@bilby.org.au, thanks": ["email info_1@bilby.org.au"],
    "mary underscore one at gmail.com": ["email mary_1@gmail.com"],
    "look at home dot": [],
    "that is $1,250.50 or two hundred and fifty dollars": ["amount $1250.50", "amount $250"],
    "forty-five dollars and sixty cents": ["amount $45.60"],
    "on the fifth of March 2026, or March 21st": ["date 5 March 2026", "date 21 March"],
    "born 12/05/1980": ["date 12/05/1980"],
    "the twenty first of june": ["date 21 June"],
    "postcode is 2000": ["postcode 2000"],
    "Dubbo NSW 2830": ["postcode 2830"],
    "in 2026 we had 20 people": [],
    "my order number is 58 29 17": ["reference 582917"],
    "reference A B 4 7 double nine": ["reference AB4799"],
    "alpha bravo one two": ["reference AB12"],
    "S M I T H": ["name SMITH"],
    "it is s for sierra, m as in mike, i, double t, h": ["name SMITTH"],
    "Sierra Mike India Tango Hotel": ["name SMITH"],
    "S-M-I-T-H.": ["name SMITH"],
    "I saw a B": [],
    "I, I, I": [],
    "five five five one two": ["digits 55512"],
    "call one three hundred triple five oh oh one": ["phone 1300 555 001"],
    "eighteen hundred six double four nine two one": ["phone 1800 644 921"],
    "thirteen hundred people": [],
    "oh two nine three seven four triple oh oh": ["phone 02 9374 0000"],
    "my email is j smith at big pond dot net dot au": ["email jsmith@bigpond.net.au"],
    "it's J O H N at example dot com dot a u": ["email john@example.com.au"],
    "is john smith ninety nine at gmail dot com": ["email johnsmith99@gmail.com"],
    "we are at bilby dot com, meet at the dot com": [],
    "five cents, or two million dollars": ["amount $0.05", "amount $2000000"],
    "three fifty a week": [],
    "the third of March twenty twenty-six": ["date 3 March 2026"],
    "the fourth of July nineteen eighty four": ["date 4 July 1984"],
    "postcode two thousand": ["postcode 2000"],
    "Sydney, New South Wales two oh one oh": ["postcode 2010"],
    "ref ABC-1234, policy number QF 1 2 3 4 5 6": ["reference ABC-1234", "reference QF123456"],
    "COVID-19 in 2020": [],
    "my card is •••• •••• •••• ••••, • • •": [],
    "one of them told the other two": [],
    "": [],
}


async def test_what_is_picked_up(console: Open, cast: Cast) -> None:
    page = await console(cast.bob)
    found = await page.evaluate(_FOUND, list(_PICKS))
    assert dict(zip(_PICKS, found, strict=True)) == _PICKS


async def test_one_key_copies_the_newest_then_the_one_before_and_all_goes_with_the_call(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, socket = await talking(console, media, cast.bob)
    await socket.say(CALL, "my mobile is 0412 345 678 and the postcode is 2830")
    chips = page.locator("button.pick")
    await expect(chips).to_have_count(2)
    assert [await chip.get_attribute("data-kind") for chip in await chips.all()] == ["phone", "postcode"]
    for copied in ("2830", "0412 345 678", "2830"):
        await page.keyboard.press("c")
        await expect(page.locator("#copied")).to_contain_text(copied)
        assert await page.evaluate("navigator.clipboard.readText()") == copied
    await chips.first.click()
    await expect(chips.first).to_have_attribute("data-copied", "")
    await expect(page.locator("button.pick[data-copied]")).to_have_count(1)
    await socket.tell("call.ended", call=CALL, reason="completed")
    await page.locator("#state-note button").click()
    await expect(chips).to_have_count(0)
    await expect(page.locator("#copied")).to_be_empty()
