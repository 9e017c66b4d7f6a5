"""Which other node keeps a call, and which events it is sent."""

from __future__ import annotations

from collections import Counter

import pytest

from media.live.transcript import (
    CallEnded,
    CallStarted,
    CallView,
    Event,
    Latency,
    LiveCall,
    StateChanged,
    TalkChanged,
    Utterance,
    Uttered,
    WordsStopped,
)
from media.nodes.mirrors import PARTIAL_SECONDS, RENEW_SECONDS, Mirrors, keeper_of

SIDS = [f"CA{number:032x}" for number in range(3000)]
HISTORY = [CallStarted, Uttered, TalkChanged]


def live(sid: str) -> LiveCall:
    return LiveCall("a", CallView(sid, "inbound", None, "2026-01-01T00:00:00.000Z", "transcribing", [said("hi")], []))


def said(text: str, *, final: bool = True) -> Utterance:
    return Utterance(text, "caller", text, final, 0, 1, 0)


def test_calls_spread_evenly_and_hardly_any_moves_when_a_node_comes_or_goes() -> None:
    before = {sid: keeper_of(sid, ["a", "b", "c"]) for sid in SIDS}
    assert all(800 < count < 1200 for count in Counter(before.values()).values())
    after = {sid: keeper_of(sid, ["a", "b"]) for sid in SIDS}
    assert all(after[sid] == keeper for sid, keeper in before.items() if keeper != "c")
    assert keeper_of("CA1", []) is None


def test_a_keeper_is_sent_the_history_once_and_then_a_sign_of_life() -> None:
    mirrors, call = Mirrors("me"), live("CA1")
    assert list(mirrors.renew([call], [], 0)) == [], "nobody is there"
    first = [event for _, event in mirrors.renew([call], ["b"], 1)]
    assert [type(event) for event in first] == HISTORY
    assert mirrors.subject("a", "CA1") == "_INBOX.b.kept.a.CA1.me"
    assert list(mirrors.renew([call], ["b"], 1 + RENEW_SECONDS / 2)) == []
    assert [event for _, event in mirrors.renew([call], ["b"], 1 + RENEW_SECONDS)] == [
        StateChanged("CA1", "transcribing")
    ]
    assert [type(event) for _, event in mirrors.renew([call], ["c"], 7)] == HISTORY, "b has died"
    assert mirrors.keeper("CA1") == "c"
    assert list(mirrors.renew([], ["c"], 8)) == []
    assert mirrors.keeper("CA1") is None, "the call is over"


def test_finals_go_at_once_and_partials_seldom() -> None:
    mirrors, call = Mirrors("me"), live("CA1")
    list(mirrors.renew([call], ["b"], 0))
    partial, final = Uttered("CA1", said("p", final=False)), Uttered("CA1", said("p"))
    times = [1 + step / 10 for step in range(20)]  # ten a second, for two seconds
    sent = [now for now in times if mirrors.due("CA1", partial, now)]
    assert len(sent) <= 2 / PARTIAL_SECONDS
    assert mirrors.due("CA1", final, 3) == (final,), "which replaces the partials"
    ended = CallEnded("CA1", "completed")
    assert mirrors.due("CA1", ended, 3) == (ended,)
    assert not mirrors.due("CA1", Latency("CA1", 300), 3)
    assert not mirrors.due("CA2", final, 3), "nobody keeps it"


def test_a_keeper_never_knows_later_words_without_earlier_ones() -> None:
    mirrors, call = Mirrors("me"), live("CA1")
    list(mirrors.renew([call], ["b"], 0))
    first, revised, other, final = (
        Uttered("CA1", said("one", final=False)),
        Uttered("CA1", said("one", final=False)),
        Uttered("CA1", said("two", final=False)),
        Uttered("CA1", said("three")),
    )
    assert mirrors.due("CA1", first, 1) == (first,)
    assert mirrors.due("CA1", other, 1.1) == ()
    assert mirrors.due("CA1", revised, 1.2) == ()
    assert mirrors.due("CA1", final, 1.3) == (other, revised, final)
    assert mirrors.due("CA1", final, 1.4) == (final,)


@pytest.mark.parametrize("event", [WordsStopped("CA1"), CallEnded("CA1", "completed")])
def test_words_that_are_to_be_forgotten_are_not_sent(event: Event) -> None:
    mirrors, call = Mirrors("me"), live("CA1")
    list(mirrors.renew([call], ["b"], 0))
    mirrors.due("CA1", Uttered("CA1", said("one", final=False)), 1)
    assert mirrors.due("CA1", Uttered("CA1", said("two", final=False)), 1.1) == ()
    assert mirrors.due("CA1", event, 1.2) == (event,)


def test_the_last_of_the_node_before_goes_at_once() -> None:
    mirrors, call = Mirrors("me"), live("CA1")
    list(mirrors.renew([call], ["b"], 0))
    mirrors.due("CA1", Uttered("CA1", said("one", final=False)), 1)
    partial = Uttered("CA1", said("two", final=False))
    assert mirrors.due("CA1", partial, 1.1, at_once=True) == (partial,)


def test_what_is_kept_is_forgotten_with_the_call() -> None:
    mirrors = Mirrors("me")
    mirrors.keep("CA1", "b", 1)
    mirrors.keep("CA2", "b", 1)
    mirrors.alive("b", 5)
    mirrors.moved("CA2", "c")
    mirrors.alive("b", 6)
    assert (mirrors.kept["CA1"].last_event_at, mirrors.kept["CA1"].alive_at) == (1, 6)
    assert (mirrors.kept["CA2"].owner, mirrors.kept["CA2"].alive_at) == ("c", 5)
    assert mirrors.forget("CA1")
    assert not mirrors.forget("CA1")
    mirrors.prune({"CA3"})
    assert mirrors.kept == {}
