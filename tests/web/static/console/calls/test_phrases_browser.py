"""What phrase rules notice is shown where the call is read and in the list, and goes with the call's words."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from db.engine import Database
from db.queries.words.phrase_rules import PhraseRuleRows
from protocol.phrases import PhraseRule
from tests.kit.browser.console_page import CALL, Open, talking
from tests.kit.media.live_media import LiveMedia
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser


def _phrase(rule: str, utterance: str, **facts: Any) -> dict[str, Any]:
    known = {"name": "Leaving", "speaker": "caller", "at_ms": 1000, "priority": 1, "card": None, "must_say": False}
    return known | {"rule": rule, "utterance": utterance} | facts


async def test_a_help_card_a_marked_line_and_a_sentence_ticked_off(
    console: Open, media: LiveMedia, cast: Cast, database: Database
) -> None:
    async with database.begin() as session:
        rows = PhraseRuleRows(session, cast.a.id)
        told = await rows.save(PhraseRule("", "Disclosure", ("shown as text",), must_say=True), is_on=True)
        await rows.save(PhraseRule("", "Draft", ("never",), must_say=True), is_on=False)
    page, socket = await talking(console, media, cast.bob)
    must = page.locator(".must-say")
    await expect(must).to_have_count(1)
    await expect(must).to_have_attribute("data-said", "no")
    await expect(page.locator(".phrase-card")).to_have_count(0)
    await socket.say(CALL, "I want to cancel")
    card = _phrase("r1", "I want to cancel", card="<b>Offer</b> three months.")
    for _ in range(2):  # a repeated event changes nothing
        await socket.tell("phrase", call=CALL, phrase=card)
    await expect(page.locator(".phrase-card")).to_have_count(1)
    await expect(page.locator(".phrase-card")).to_have_attribute("data-priority", "1")
    await expect(page.locator(".phrase-text")).to_have_text("<b>Offer</b> three months.")
    await expect(page.locator(".line[data-phrase]")).to_have_count(1)
    await expect(page.locator(f'[data-call="{CALL}"]')).to_have_attribute("data-phrase", "")
    said = _phrase(told.id, "words before", name="Disclosure", speaker="agent", must_say=True)
    await socket.tell("phrase", call=CALL, phrase=said)
    await expect(must).to_have_attribute("data-said", "yes")
    await socket.tell("call.stopped", call=CALL)
    await expect(page.locator("#phrases")).to_be_hidden()
    await expect(page.locator(".phrase-card, .must-say")).to_have_count(0)
