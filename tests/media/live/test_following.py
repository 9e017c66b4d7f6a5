"""What a console with a subscription is told: facts and rows of every call, the words of those it follows.

Sam is supervisor, Bob an agent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from hypothesis import given, strategies as st

from media.live.following import MOST_CALLS, Following, Subscription
from media.live.hub import Hub
from media.live.transcript import (
    CallAssigned,
    CallEnded,
    CallStarted,
    CallView,
    StateChanged,
    Utterance,
    Uttered,
    WordsStopped,
    encode,
)
from protocol.tickets import Role
from tests.kit.media.media_ends import fold

ROWS = Subscription(rows=True)


@dataclass(eq=False)
class Console:
    """One that remembers what it was told."""

    member: str = "sam"
    role: Role = "supervisor"
    org: str = "a"
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, event: bytes) -> None:
        self.events.append(msgspec.json.decode(event))

    def told(self, events: list[bytes]) -> None:
        for event in events:
            self.send(event)

    def close_revoked(self) -> None:
        self.events.append({"type": "revoked"})

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def words(self) -> dict[str, list[str]]:
        """The words of each call as a page would show them."""
        calls: dict[str, dict[str, Any]] = {}
        for event in self.events:
            fold(calls, event)
        spoken = {call: sorted(view["utterances"].values(), key=_start) for call, view in calls.items()}
        return {call: [one["text"] for one in each] for call, each in spoken.items()}


def _start(utterance: dict[str, Any]) -> int:
    return int(utterance["start_ms"])


def started(call: str, agent: str | None = "bob") -> CallStarted:
    return CallStarted(CallView(call, "inbound", agent, "2026-01-01T00:00:00.000Z", "transcribing", [], []))


def said(call: str, text: str, at: int = 0) -> Uttered:
    return Uttered(call, Utterance(f"u{at}", "caller", text, True, at, at + 1, 0))


def watching(hub: Hub, subscription: Subscription, **who: Any) -> Console:
    console = Console(**who)
    console.send(hub.watch(console, subscription))
    return console


def test_facts_come_at_once_words_never_and_rows_when_it_is_time() -> None:
    hub = Hub()
    sam = watching(hub, ROWS)
    hub.publish("a", started("CA1", None))
    hub.publish("a", said("CA1", "hello"))
    hub.publish("a", CallAssigned("CA1", "bob"))
    hub.publish("a", StateChanged("CA1", "failed"))
    assert sam.types() == ["snapshot", "call.started", "call.assigned"]
    hub.tell_rows()
    [row] = sam.events[-1]["rows"]
    assert (row["call"], row["state"], row["latest"]["text"]) == ("CA1", "failed", "hello")
    hub.tell_rows()
    hub.publish("a", WordsStopped("CA1"))
    hub.publish("a", CallEnded("CA1", "completed"))
    hub.tell_rows()
    assert sam.types()[3:] == ["rows", "call.stopped", "call.ended"]
    assert sam.words() == {"CA1": []}


def test_who_asked_for_no_rows_gets_none() -> None:
    hub = Hub()
    sam = watching(hub, Subscription())
    hub.publish("a", started("CA1"))
    hub.publish("a", said("CA1", "hello"))
    hub.tell_rows()
    assert sam.types() == ["snapshot", "call.started"]
    assert hub.rows(sam) is None


def test_the_snapshot_has_the_words_of_ones_own_call_alone() -> None:
    hub = Hub()
    for call, agent in (("CA1", "sam"), ("CA2", "bob")):
        hub.publish("a", started(call, agent))
        hub.publish("a", said(call, f"words of {call}"))
    both = Subscription(calls=["CA1", "CA2"])
    assert watching(hub, both).words() == {"CA1": ["words of CA1"], "CA2": []}
    bob = watching(hub, both, member="bob", role="agent")
    assert bob.words() == {"CA2": ["words of CA2"]}
    charlie = watching(hub, both, org="b", role="owner")
    assert charlie.words() == {}


def test_a_call_is_told_whole_once_it_is_both_followed_and_read() -> None:
    hub = Hub()
    hub.publish("a", started("CA1"))
    hub.publish("a", said("CA1", "before", 0))
    sam = watching(hub, Subscription(calls=["CA1"]))
    hub.publish("a", said("CA1", "not read yet", 1))
    sam.told(hub.read(sam, "CA1"))
    hub.publish("a", said("CA1", "and after", 2))
    assert sam.types() == ["snapshot", "call.words", "utterance", "talk"]
    assert sam.words()["CA1"] == ["before", "not read yet", "and after"]
    hub.leave(sam, "CA1")
    hub.publish("a", said("CA1", "read no more", 3))
    assert sam.types()[4:] == []
    assert hub.follow(sam, ROWS)[0].startswith(b'{"type":"rows"')
    assert sam.words()["CA1"][-1] == "and after"


def test_who_becomes_the_agent_of_a_followed_call_is_told_its_words_first() -> None:
    hub = Hub()
    hub.publish("a", started("CA1"))
    hub.publish("a", said("CA1", "before", 0))
    sam = watching(hub, Subscription(calls=["CA1"]))
    hub.publish("a", CallAssigned("CA1", "sam"))
    hub.publish("a", said("CA1", "and after", 1))
    assert sam.types() == ["snapshot", "call.assigned", "call.words", "utterance", "talk"]
    hub.publish("a", CallAssigned("CA1", "bob"))
    hub.publish("a", said("CA1", "not for Sam", 2))
    assert sam.types()[5:] == ["call.assigned"]


def test_an_agent_who_subscribes_still_sees_their_own_calls_only() -> None:
    hub = Hub()
    bob = watching(hub, Subscription(rows=True, calls=["CA1", "CA2"]), member="bob", role="agent")
    for call, agent in (("CA1", "bob"), ("CA2", "dana")):
        hub.publish("a", started(call, agent))
        hub.publish("a", said(call, "hello"))
    hub.tell_rows()
    assert bob.types() == ["snapshot", "call.started", "utterance", "talk", "rows"]
    assert {row["call"] for event in bob.events if event["type"] == "rows" for row in event["rows"]} == {"CA1"}
    hub.publish("a", CallAssigned("CA2", "bob"))
    assert bob.words() == {"CA1": ["hello"], "CA2": ["hello"]}


def test_who_has_everything_and_subscribes_later_has_less() -> None:
    hub, sam = Hub(), Console()
    sam.send(hub.watch(sam))
    hub.publish("a", started("CA1"))
    assert hub.rows(sam) is None
    [rows] = hub.follow(sam, ROWS)
    assert msgspec.json.decode(rows)["rows"][0]["call"] == "CA1"
    hub.publish("a", said("CA1", "hello"))
    assert sam.types() == ["snapshot", "call.started"]
    hub.unwatch(sam)
    hub.tell_rows()
    assert not hub.is_watched("a")
    assert sam.types() == ["snapshot", "call.started"]


def test_a_subscription_is_bounded() -> None:
    decode = msgspec.json.Decoder(Subscription).decode
    assert decode(encode({"calls": ["CA1"] * MOST_CALLS})).calls == ["CA1"] * MOST_CALLS
    malformed: Any
    for malformed in ({"calls": ["CA1"] * (MOST_CALLS + 1)}, {"calls": ["x" * 65]}, {"rows": 1}, [], None):
        try:
            decode(encode(malformed))
        except msgspec.ValidationError:
            continue
        raise AssertionError(malformed)


def test_without_a_subscription_everything_is_followed() -> None:
    following = Following("sam", None)
    hub = Hub()
    hub.publish("a", started("CA1"))
    call = hub.find("a", "CA1")
    assert call is not None
    assert (following.follows(call, "bob"), following.rows) == (True, False)


CALLS = ["CA0", "CA1", "CA2"]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(CALLS)),
        st.tuples(st.just("follow"), st.lists(st.sampled_from(CALLS), max_size=3)),
        st.tuples(st.sampled_from(["read", "leave"]), st.sampled_from(CALLS)),
        st.tuples(st.just("assign"), st.sampled_from(["bob", "sam"])),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_is_followed_has_all_its_words_and_nothing_else_has_new_ones(steps: list[tuple[str, Any]]) -> None:
    hub = Hub()
    for call in CALLS:
        hub.publish("a", started(call))
    sam = watching(hub, ROWS)
    read: set[str] = set()
    followed: set[str] = set()
    for at, (step, what) in enumerate(steps):
        before = sam.words()
        match step:
            case "say":
                hub.publish("a", said(what, f"word {at}", at))
            case "follow":
                followed = set(what)
                sam.told(hub.follow(sam, Subscription(rows=True, calls=what)))
            case "read":
                read.add(what)
                sam.told(hub.read(sam, what))
            case "leave":
                read.discard(what)
                hub.leave(sam, what)
            case "assign":
                hub.publish("a", CallAssigned("CA0", what))
        for live in hub.calls_of("a"):
            if live.call in followed and (live.call in read or live.agent == "sam"):
                assert sam.words()[live.call] == [each.text for each in live.view().utterances]
            else:
                assert sam.words()[live.call] == before[live.call]
