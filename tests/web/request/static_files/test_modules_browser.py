"""The console's modules by themselves, in the browser that runs them: what they fold, and what they say."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page

from media.live import transcript
from media.live.transcript import (
    CallStarted,
    CallView,
    Event,
    Gap,
    GapFound,
    LiveCall,
    Snapshot,
    StateChanged,
    Utterance,
    Uttered,
)
from web.request.render import STATIC

pytestmark = pytest.mark.browser

_FOLD = """
async (texts) => {
  const { CallsStore } = await import("/static/console/calls/calls_store.js");
  const store = new CallsStore();
  for (const text of texts) store.apply(JSON.parse(text));
  return store.inOrder().map(({ id, agent, state, lines }) => [
    id, agent, state,
    lines.filter((line) => line.kind === "utterance").map((line) => line.utterance),
    lines.filter((line) => line.kind === "gap").map((line) => line.gap),
  ]);
}
"""


@dataclass(frozen=True, slots=True)
class Modules:
    """A blank page from which the modules can be imported."""

    page: Page

    async def call(self, module: str, expression: str) -> Any:
        """``expression`` with everything that ``module`` exports in scope as ``it``."""
        return await self.page.evaluate(f'import("/static/{module}").then((it) => {expression})')


@pytest_asyncio.fixture
async def modules(free_port: Any, window: Browser) -> AsyncIterator[Modules]:
    app = web.Application()
    app.router.add_static("/static", STATIC)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        page = await window.new_page()
        await page.goto(f"http://127.0.0.1:{port}/static/bilby.svg")
        yield Modules(page)
    finally:
        await runner.cleanup()


def _conversation(seed: int) -> list[Event]:
    """Speech as Transcribe tells it: revised, out of order, repeated, with a start that moves now and then."""
    chance = random.Random(seed)
    view = CallView("CA1", "inbound", "bob", "2026-11-20T03:00:00+00:00", "transcribing", [], [])
    events: list[Event] = [CallStarted(view)]
    for _ in range(120):
        start = chance.randrange(60) * 1000
        spoken = Utterance(str(chance.randrange(30)), "caller", "words", chance.random() < 0.3, start, start + 500, 0)
        gap = Gap(start + 7, start + 900, chance.choice(["twilio", "bilby", "transcribe"]))
        changes: list[Event] = [Uttered("CA1", spoken), GapFound("CA1", gap), StateChanged("CA1", "silent")]
        events.append(chance.choices(changes, [20, 1, 1])[0])
    return events


async def test_the_page_folds_events_as_media_does(modules: Modules) -> None:
    """A snapshot and the events after it make the same as all the events, here and there."""
    for seed in range(20):
        events = _conversation(seed)
        half = random.Random(seed).randrange(1, len(events))
        all_of_it, snapshot = _folded(events), _folded(events[:half])
        texts = [msgspec.json.encode(event).decode() for event in events]
        late = [msgspec.json.encode(Snapshot([snapshot])).decode(), *texts[half:]]
        expected = _lines(all_of_it)
        assert _sorted(await modules.page.evaluate(_FOLD, texts)) == expected
        assert _sorted(await modules.page.evaluate(_FOLD, late)) == expected


SAID = {
    "it.duration(65_000)": "1:05",
    "it.duration(3_605_999)": "1:00:05",
    "it.duration(-5)": "0:00",
    'it.gapWords({from_ms: 0, to_ms: 450, cause: "transcribe"}).match(/[\\d.:]*\\d/g)': ["0.5"],
    'it.gapWords({from_ms: 500, to_ms: 1700, cause: "bilby"}, 0).match(/[\\d.:]*\\d/g)': ["1.2"],
    'new Set(["twilio", "bilby", "transcribe", ""].map((cause) => it.gapWords({from_ms: 1, cause}))).size': 4,
    """it.gapWords({from_ms: 0, to_ms: 7000, cause: "bilby"}, new Date("2026-11-20T14:03:07").getTime())
        .match(/[\\d.:]*\\d/g)""": ["14:03:07"],
    'it.splitStable("one two  three", 2)': ["one two", "three"],
    'it.splitStable("one two", 9)': ["one two", ""],
    'it.splitStable("", 1)': ["", ""],
    'it.splitStable("one", 0)': ["", "one"],
    "it.latencyWords(3001).late": True,
    "it.latencyWords(900).late": False,
    'it.stateWords("of tomorrow") === it.STATES.transcribing': True,
}


async def test_the_small_pure_parts(modules: Modules) -> None:
    assert {expression: await modules.call("console/wording.js", expression) for expression in SAID} == SAID
    waits = "[0, 1, 9].map((tries) => [it.waitBefore(tries, () => 0), it.waitBefore(tries, () => 1)])"
    assert await modules.call("console/connection/connection.js", waits) == [[500, 1000], [1000, 2000], [7500, 15000]]
    reassigned = """(() => {
      const store = new it.CallsStore("bob");
      const about = { direction: "inbound", started_at: "", state: "silent", utterances: [], gaps: [] };
      store.apply({ type: "snapshot", calls: [{ call: "CA1", agent: "bob", ...about }] });
      store.apply({ type: "call.assigned", call: "CA1", agent: "dana" });
      return store.live().length;
    })()"""
    assert await modules.call("console/calls/calls_store.js", reassigned) == 0


def _folded(events: list[Event]) -> CallView:
    assert isinstance(events[0], CallStarted)
    call = LiveCall("org", events[0].call)
    for event in events[1:]:
        transcript.apply(call, event)
    return call.view()


def _lines(view: CallView) -> list[Any]:
    return _sorted([[view.call, view.agent, view.state, *map(msgspec.to_builtins, (view.utterances, view.gaps))]])


def _sorted(calls: list[Any]) -> list[Any]:
    """What was said at the same moment may stand in either order."""
    for call in calls:
        assert [said["start_ms"] for said in call[3]] == sorted(said["start_ms"] for said in call[3])
        call[3].sort(key=lambda said: (said["start_ms"], said["id"]))
        call[4].sort(key=lambda gap: (gap["from_ms"], gap["cause"]))
    return calls
