"""What a page is told: what changed, at once or a little later, and never twice."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, strategies as st

from web.phone.board import SLOW
from web.phone.telling import MUCH, Telling


def told(data: bytes | None) -> Any:
    return None if data is None else json.loads(data)


def test_first_everything_then_what_changed() -> None:
    telling = Telling(1)
    telling.take({"now": b"1", "offers": b"[]", "team": b"[]"})
    assert told(telling.due(1, 0)) == {"now": 1, "offers": [], "team": []}
    telling.take({"now": b"2", "offers": b"[]", "team": b"[]"})
    assert telling.due(1, 0) is None
    telling.take({"now": b"3", "offers": b"[7]", "team": b"[]"})
    assert told(telling.due(1, 0)) == {"now": 3, "offers": [7]}


def test_much_for_everybody_waits_and_ones_own_does_not() -> None:
    telling, pages = Telling(1), MUCH
    telling.take({"offers": b"[]", "team": b"[1]"})
    assert told(telling.due(pages, 0)) == {"offers": [], "team": [1]}
    telling.take({"offers": b"[7]", "team": b"[2]"})
    assert told(telling.due(pages, 0.25)) == {"offers": [7]}
    assert telling.owes_in(0.25) == 0.75
    assert told(telling.due(pages, 1)) == {"team": [2]}
    assert telling.owes_in(1) is None


def test_what_is_held_back_is_told_to_each_page_at_a_moment_of_its_own() -> None:
    early, late = Telling(1, phase=0.25), Telling(1, phase=0.75)
    for telling in (early, late):
        telling.take({"team": b"[1]"})
        telling.due(MUCH, 10)
        telling.take({"team": b"[2]"})
        assert telling.due(MUCH, 10) is None
    assert [each.owes_in(10) for each in (early, late)] == [0.25, 0.75]
    assert told(early.due(MUCH, 10.25)) == {"team": [2]}
    assert late.due(MUCH, 10.25) is None


def test_little_for_everybody_does_not_wait() -> None:
    telling = Telling(1)
    for second, team in enumerate((b"[1]", b"[2]")):
        telling.take({"team": team})
        assert told(telling.due(2, second / 10)) == {"team": [second + 1]}


@given(st.lists(st.tuples(st.sampled_from(["offers", "call", *SLOW]), st.integers(0, 3), st.floats(0, 2))))
def test_a_page_that_merges_what_it_is_told_ends_with_the_latest(steps: list[tuple[str, int, float]]) -> None:
    telling, page, latest, now = Telling(1), {}, {"now": b"0"}, 0.0  # type: ignore[var-annotated]
    for name, value, seconds in steps:
        now += seconds
        latest = latest | {name: b"%d" % value}
        telling.take(latest)
        page |= told(telling.due(MUCH, now)) or {}
        fast = {each: int(part) for each, part in latest.items() if each not in SLOW and each != "now"}
        assert {each: page.get(each) for each in fast} == fast
    owed = telling.owes_in(now)
    if owed is not None:
        page |= told(telling.due(MUCH, now + owed))
    assert telling.owes_in(now + 5) is None
    if steps:
        assert page == {each: int(part) for each, part in latest.items()}
