"""Events fold into a call in the same way, whether they arrive early or late."""

from __future__ import annotations

import msgspec
from hypothesis import given, strategies as st

from media.live.transcript import (
    CallAssigned,
    CallStarted,
    CallView,
    Event,
    Gap,
    GapFound,
    Latency,
    LiveCall,
    StateChanged,
    Utterance,
    Uttered,
    apply,
    decode,
    encode,
)


def view() -> CallView:
    return CallView("CA1", "inbound", None, "2026-01-01T00:00:00.000Z", "waiting_for_slot", [], [])


def utterance(name: str = "u1", text: str = "hello", *, final: bool = False, start_ms: int = 0) -> Utterance:
    return Utterance(name, "caller", text, final, start_ms, start_ms + 500, 0)


events = st.one_of(
    st.builds(
        Uttered,
        st.just("CA1"),
        st.builds(
            Utterance,
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["caller", "agent"]),
            st.text(max_size=5),
            st.booleans(),
            st.integers(0, 1000),
            st.integers(1000, 2000),
            st.integers(0, 3),
        ),
    ),
    st.builds(StateChanged, st.just("CA1"), st.sampled_from(["transcribing", "reconnecting", "failed"])),
    st.builds(CallAssigned, st.just("CA1"), st.one_of(st.none(), st.just("m1"))),
    st.builds(GapFound, st.just("CA1"), st.builds(Gap, st.integers(0, 5), st.integers(6, 9), st.just("twilio"))),
)


@given(st.lists(events), st.integers(0, 20))
def test_a_snapshot_and_the_rest_fold_to_the_same_as_everything(history: list[Event], joined: int) -> None:
    whole = LiveCall("o", view())
    for event in history[:joined]:
        apply(whole, event)
    late = LiveCall("o", msgspec.json.decode(encode(whole.view()), type=CallView))
    for event in history[joined:]:
        assert apply(whole, event) == apply(late, event)
    assert late.view() == whole.view()


def test_a_final_is_never_revised() -> None:
    call = LiveCall("o", view())
    assert apply(call, Uttered("CA1", utterance(text="good", final=True)))
    assert not apply(call, Uttered("CA1", utterance(text="bad")))
    assert call.view().utterances == [utterance(text="good", final=True)]


def test_a_view_is_in_the_order_in_which_it_was_said() -> None:
    call = LiveCall("o", view())
    apply(call, Uttered("CA1", utterance("late", start_ms=900)))
    apply(call, Uttered("CA1", utterance("early", start_ms=100)))
    assert [spoken.id for spoken in call.view().utterances] == ["early", "late"]


def test_the_json_form_is_the_contract() -> None:
    assert msgspec.json.decode(encode(Uttered("CA1", utterance()))) == {
        "type": "utterance",
        "call": "CA1",
        "utterance": {
            "id": "u1",
            "speaker": "caller",
            "text": "hello",
            "final": False,
            "start_ms": 0,
            "end_ms": 500,
            "stable_words": 0,
        },
    }
    assert msgspec.json.decode(encode(GapFound("CA1", Gap(1, 2, "bilby")))) == {
        "type": "gap",
        "call": "CA1",
        "gap": {"from_ms": 1, "to_ms": 2, "cause": "bilby"},
    }
    assert msgspec.json.decode(encode(Latency("CA1", 7))) == {"type": "latency", "call": "CA1", "ms": 7}
    started = CallStarted(view())
    assert msgspec.json.decode(encode(started))["call"]["started_at"] == "2026-01-01T00:00:00.000Z"
    assert decode(encode(started)) == started
