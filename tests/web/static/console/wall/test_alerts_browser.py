"""When the wall raises an alert: at its limit, once, until well below; and never about what is not known."""

from __future__ import annotations

import random
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.kit.browser.console_page import CALL, OTHER, Open
from tests.kit.media.live_media import LiveMedia, call_view
from tests.kit.web.cast import Cast

pytestmark = pytest.mark.browser

LIMITS = {"call": 1800, "hold": 120, "late_words": 10, "silence": 60, "waiting": 60}
NOW = 10_000_000
_MEASURE = """async (cases) => {
  const { measured } = await import("/static/0/console/wall/alerts.js");
  return cases.map(([call, state, now]) => measured(call, state, now));
}"""
_RUN = """async ([values, limit]) => {
  const { raised } = await import("/static/0/console/wall/alerts.js");
  let were = [];
  return values.map((value) => (were = raised(were, { silence: value }, { silence: limit })).length > 0);
}"""
_SNOOZE = """async ([calls, limits, steps]) => {
  const { Alerts } = await import("/static/0/console/wall/alerts.js");
  const alerts = new Alerts(limits);
  return steps.map(([now, snoozed]) => {
    if (snoozed) alerts.snooze(snoozed, now);
    const changed = alerts.look(calls, (call) => call.state, now).map(({ id }) => id);
    return [alerts.of(calls[0].id), changed];
  });
}"""


def call(**facts: Any) -> dict[str, Any]:
    usual = {"id": "CA1", "direction": "inbound", "startedAt": NOW - 90_000, "heldAt": None, "latencyMs": 900}
    return usual | {"spoken": {"endMs": 20_000}} | facts


async def measures(page: Page) -> None:
    nothing = dict.fromkeys(LIMITS)
    held = call(heldAt=NOW - 30_000)
    expected: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
        (call(), "transcribing", {"call": 90, "silence": 70, "late_words": 0.9}),
        (call(), "silent", {"call": 90, "silence": 70}),
        (call(spoken=None), "transcribing", {"call": 90, "late_words": 0.9}),
        (held, "held", {"call": 90, "hold": 30}),
        (call(), "ringing", {"waiting": 90}),
        (call(direction="outbound"), "ringing", {}),
        (call(), "reconnecting", {"call": 90}),
        (call(), "failed", {"call": 90}),
        (call(), "stopped", {"call": 90}),
        (held, "stale", {}),
        (call(), "ended", {}),
    ]
    found = await page.evaluate(_MEASURE, [[each, state, NOW] for each, state, _ in expected])
    assert found == [nothing | said for _, _, said in expected]


async def hysteresis(page: Page) -> None:
    values = [0, 59, 60, 61, 59, 48, 47.9, 59, 60, None, 59, 300]
    raised = [False, False, True, True, True, True, False, False, True, False, False, True]
    assert await page.evaluate(_RUN, [values, 60]) == raised
    assert await page.evaluate(_RUN, [values, None]) == [False] * len(values)


async def is_raised_only_at_the_limit(page: Page) -> None:
    """Whatever comes: raised only at the limit, cleared only well below it or when nothing is known."""
    chosen = random.Random(12)  # the same in every run
    values = [chosen.choice([None, *range(0, 130, 3)]) for _ in range(3_000)]
    found, was = await page.evaluate(_RUN, [values, 60]), False
    for value, raised in zip(values, found, strict=True):
        if value is None:
            assert not raised
        elif value >= 60:
            assert raised
        elif value >= 48:
            assert raised == was
        else:
            assert not raised
        was = raised


async def snoozes(page: Page) -> None:
    late = call(state="transcribing", latencyMs=20_000, spoken=None)
    steps = [[NOW, ""], [NOW, ""], [NOW + 1, "CA1"], [NOW + 1, ""], [NOW + 899_000, ""], [NOW + 900_002, ""]]
    found = await page.evaluate(_SNOOZE, [[late], LIMITS, steps])
    assert [alerts for alerts, _ in found] == [["late_words"], ["late_words"], [], [], [], ["late_words"]]
    assert [changed for _, changed in found] == [["CA1"], [], [], [], [], ["CA1"]]


async def test_what_raises_an_alert(console: Open, media: LiveMedia, cast: Cast) -> None:
    page = await console(cast.sam)
    await media.console()
    for decides in (measures, hysteresis, is_raised_only_at_the_limit, snoozes):
        await decides(page)


async def test_an_alert_is_shown_found_and_snoozed(
    console: Open, media: LiveMedia, cast: Cast, context: BrowserContext
) -> None:
    page = await console(cast.sam)
    socket = await media.console(call_view(CALL, str(cast.bob.id)), call_view(OTHER, str(cast.dana.id)))
    latest = {"speaker": "caller", "text": "hello", "final": True, "end_ms": 1_000}
    # Both began long ago; one of them says so.
    await socket.tell("rows", rows=[{"call": CALL, "state": "transcribing", "latency_ms": 30_000, "latest": latest}])
    alerts = page.locator(f'[data-call="{CALL}"] [data-part=alerts]')
    await context.clock.run_for(2_000)
    await expect(page.locator(f'[data-call="{CALL}"]')).to_have_attribute("data-alert", "")
    await expect(alerts).not_to_be_empty()
    await page.locator("#attention").click()
    await expect(page.locator(".call[data-alert]")).to_have_count(2)  # both are long
    await page.locator("#attention").click()
    await page.locator(f'[data-call="{CALL}"] > button').focus()
    await page.keyboard.press("z")
    await expect(page.locator(f'[data-call="{CALL}"]')).not_to_have_attribute("data-alert", "")
    await socket.close(1001)  # nothing is raised about what is not live
    await context.clock.run_for(2_000)
    await expect(page.locator(".call[data-alert]")).to_have_count(0)
