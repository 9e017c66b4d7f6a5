"""Who talked for how long, checked against a count of every millisecond."""

from __future__ import annotations

from typing import Literal

import msgspec
from hypothesis import given, strategies as st

from media.live.talk import Talk, TalkTimes
from media.live.transcript import CallView, LiveCall, StateChanged, Utterance, Uttered, apply, history

Said = tuple[Literal["caller", "agent"], int, int]
said = st.lists(st.tuples(st.sampled_from(["caller", "agent"]), st.integers(1, 60), st.integers(0, 20)), max_size=12)


def times(spoken: list[Said]) -> Talk:
    talk = TalkTimes()
    for speaker, start, length in spoken:
        talk.add(speaker, "two words", start, start + length)
    return talk.sums()


@given(said)
def test_sums_are_those_of_every_millisecond(spoken: list[Said]) -> None:
    when: dict[str, set[int]] = {"caller": set(), "agent": set()}
    for speaker, start, length in spoken:
        when[speaker] |= set(range(start, start + length))
    caller, agent = when["caller"], when["agent"]
    either = caller | agent
    silence = len(set(range(min(either), max(either) + 1)) - either) if either else 0
    words = [2 * sum(each[0] == speaker for each in spoken) for speaker in ("caller", "agent")]
    found = times(spoken)
    assert (found.caller_ms, found.agent_ms) == (len(caller), len(agent))
    assert (found.both_ms, found.silence_ms) == (len(caller & agent), silence)
    assert [found.caller_words, found.agent_words] == words


@given(said, st.randoms())
def test_the_order_of_utterances_does_not_matter(spoken: list[Said], random: object) -> None:
    shuffled = list(spoken)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert times(shuffled) == times(spoken)


def call() -> LiveCall:
    return LiveCall("o", CallView("CA1", "inbound", None, "2026-01-01T00:00:00.000Z", "transcribing", [], []))


def say(live: LiveCall, start_ms: int, end_ms: int, *, final: bool = True) -> None:
    apply(live, Uttered("CA1", Utterance(f"u{start_ms}", "caller", "hello there", final, start_ms, end_ms, 0)))


def test_time_on_hold_is_no_silence_also_on_a_node_that_comes_later() -> None:
    live = call()
    say(live, 1_000, 2_000)
    say(live, 3_000, 4_000, final=False)
    say(live, 3_000, 4_000)
    apply(live, StateChanged("CA1", "held", 5))
    apply(live, StateChanged("CA1", "transcribing"))
    say(live, 64_000, 65_000)
    assert live.talk.sums() == Talk(3_000, 0, 0, 1_000, 6, 0)
    by_snapshot = LiveCall("o", msgspec.json.decode(msgspec.json.encode(live.view()), type=CallView))
    by_events = call()
    for event in history(live.view()):
        apply(by_events, event)
    for other in (by_snapshot, by_events):
        say(other, 66_000, 67_000)
        assert other.talk.sums() == Talk(4_000, 0, 0, 2_000, 8, 0)


def test_a_call_on_hold_before_anybody_spoke_has_no_silence_either() -> None:
    live = call()
    apply(live, StateChanged("CA1", "held", 5))
    say(live, 60_000, 61_000)
    assert live.talk.sums().silence_ms == 0
