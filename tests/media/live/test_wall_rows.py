"""A wall's rows: only what has changed, however often it did."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, strategies as st

from media.live.talk import Talk
from media.live.transcript import (
    CallView,
    Event,
    Latency,
    LiveCall,
    Phrase,
    PhraseHeard,
    StateChanged,
    Utterance,
    Uttered,
    WordsStopped,
    apply,
)
from media.live.wall_rows import LONGEST_LINE, MOST_PHRASES, ChangedWallRows, Latest, wall_row


def call(sid: str = "CA1", org: str = "o") -> LiveCall:
    return LiveCall(org, CallView(sid, "inbound", "bob", "2026-01-01T00:00:00.000Z", "transcribing", [], []))


def said(text: str, start_ms: int = 1_000, *, final: bool = True) -> Uttered:
    return Uttered("CA1", Utterance(f"u{start_ms}", "caller", text, final, start_ms, start_ms + 900, 0))


def whole(live: LiveCall) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(wall_row(live))
    return found


def phrase(number: int, *, must_say: bool = False) -> PhraseHeard:
    return PhraseHeard("CA1", Phrase(f"r{number}", "Refund", "u1", "caller", number, 1, "Offer a voucher", must_say))


def test_a_row_has_what_only_media_knows() -> None:
    live = call()
    events: tuple[Event, ...] = (
        *(said("hello there"), said("as I was", 5_000, final=False), Latency("CA1", 800)),
        *(phrase(1), phrase(2, must_say=True), StateChanged("CA1", "held", 7)),
    )
    for event in events:
        apply(live, event)
    found = wall_row(live)
    assert (found.state, found.held_at, found.latency_ms) == ("held", 7, 800)
    assert found.latest == Latest("caller", "as I was", False, 5_900)
    assert isinstance(found.talk, Talk)
    assert isinstance(found.phrases, list)
    assert found.talk.caller_ms == 900
    assert [(each.rule, each.card) for each in found.phrases] == [("r1", None)]


def test_a_row_is_short_however_much_is_said() -> None:
    live = call()
    apply(live, said("word " * 2_000))
    for number in range(20):
        apply(live, phrase(number))
    found = wall_row(live)
    assert isinstance(found.latest, Latest)
    assert len(found.latest.text) == LONGEST_LINE
    assert found.latest.text.endswith("word ")
    assert isinstance(found.phrases, list)
    assert [each.rule for each in found.phrases] == [f"r{number}" for number in range(20 - MOST_PHRASES, 20)]


def test_a_stopped_call_has_no_words_in_its_row() -> None:
    live = call()
    for event in (said("my secret"), Latency("CA1", 800), phrase(1), WordsStopped("CA1")):
        apply(live, event)
    found = wall_row(live)
    assert found.state == "stopped"
    assert (found.latest, found.talk, found.latency_ms, found.phrases) == (None, None, None, [])


def test_only_what_has_changed_is_taken_and_once() -> None:
    rows, live = ChangedWallRows(), call()
    rows.note(live)
    assert [now.call for _, now in rows.take("o")] == ["CA1"]
    rows.note(live)
    assert rows.take("o") == []
    for text in ("a", "a b", "a b c"):
        apply(live, said(text, final=False))
        rows.note(live)
    [(_, changed)] = rows.take("o")
    assert msgspec.to_builtins(changed).keys() == {"call", "latest", "talk"}
    assert isinstance(changed.latest, Latest)
    assert changed.latest.text == "a b c"
    assert rows.take("o") == []


def test_organisations_are_apart_and_what_is_over_is_forgotten() -> None:
    rows, ours, theirs = ChangedWallRows(), call("CA1", "a"), call("CA2", "b")
    rows.note(ours)
    rows.note(theirs)
    assert [now.call for _, now in rows.take("a")] == ["CA1"]
    rows.forget(theirs)
    assert rows.organisations() == []
    rows.forget(ours)
    rows.note(ours)  # another call of that name
    assert [now.call for _, now in rows.take("a")] == ["CA1"]


@given(st.lists(st.one_of(st.just("take"), st.integers(0, 3)), max_size=30))
def test_who_was_told_every_row_knows_how_all_calls_are(steps: list[str | int]) -> None:
    rows, calls = ChangedWallRows(), [call(f"CA{number}") for number in range(4)]
    told = {live.call: whole(live) for live in calls}
    for at, step in enumerate([*steps, "take"]):
        if isinstance(step, int):
            apply(calls[step], Uttered(calls[step].call, Utterance(f"u{at}", "agent", "hello", True, at, at + 1, 0)))
            rows.note(calls[step])
        else:
            for _, change in rows.take("o"):
                told[change.call] |= msgspec.to_builtins(change)
    assert told == {live.call: whole(live) for live in calls}
