"""What a node notices of other nodes' calls."""

from __future__ import annotations

from media.nodes.remote_calls import RemoteCalls


def test_silence_counts_from_the_last_event_of_whichever_node() -> None:
    calls = RemoteCalls()
    calls.heard_of("CA1", "a", 10.0)
    calls.heard_of("CA1", "b", 14.0)
    assert calls.silent_for("CA1", 20.0) == 6.0


def test_silence_of_an_unknown_call_counts_from_the_first_question() -> None:
    calls = RemoteCalls()
    assert calls.silent_for("CA1", 20.0) == 0.0
    assert calls.silent_for("CA1", 25.0) == 5.0


def test_what_the_present_owner_told_does_not_say_when_others_did() -> None:
    calls = RemoteCalls()
    calls.heard_of("CA1", "a", 10.0)
    calls.heard_of("CA1", "b", 14.0)
    assert calls.told_at("CA1", but="b") == [10.0]
    assert calls.told_at("CA2", but="b") == []


def test_calls_that_nobody_tells_of_are_forgotten_unless_they_are_known() -> None:
    calls = RemoteCalls()
    for call, at in (("known", 1.0), ("fresh", 9.0), ("old", 1.0)):
        calls.heard_of(call, "a", at)
        calls.note_delay(call, 0.5, at)
    calls.prune({"known"}, since=9.0)
    assert [calls.delay(call) for call in ("known", "fresh", "old")] == [0.5, 0.5, 0.0]
