"""Which events each role gets.

Alice is owner, Sam supervisor, Bob and Dana agents; Charlie has another organisation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from media.live.hub import Hub
from media.live.transcript import (
    CallAssigned,
    CallEnded,
    CallStarted,
    CallView,
    Event,
    StateChanged,
    Utterance,
    Uttered,
)
from protocol.tickets import Role


@dataclass(eq=False)
class Person:
    """A console that records its events."""

    org: str
    member: str
    role: Role
    events: list[dict[str, Any]] = field(default_factory=list)

    def send(self, event: bytes) -> None:
        self.events.append(msgspec.json.decode(event))

    def close_revoked(self) -> None:
        self.events.append({"type": "revoked"})

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def started(call: str = "CA1", agent: str | None = None) -> CallStarted:
    return CallStarted(CallView(call, "inbound", agent, "2026-01-01T00:00:00.000Z", "waiting_for_slot", [], []))


def said(text: str, call: str = "CA1") -> Uttered:
    return Uttered(call, Utterance("u", "caller", text, False, 0, 1, 0))


def people() -> dict[str, Person]:
    return {
        "alice": Person("a", "alice", "owner"),
        "sam": Person("a", "sam", "supervisor"),
        "bob": Person("a", "bob", "agent"),
        "dana": Person("a", "dana", "agent"),
        "charlie": Person("b", "charlie", "owner"),
    }


def test_everyone_sees_what_is_theirs_and_nobody_else() -> None:
    hub, cast = Hub(), people()
    for person in cast.values():
        hub.watch(person)
    hub.publish("a", started())
    hub.publish("a", said("hello"))
    hub.publish("a", CallAssigned("CA1", "bob"))
    hub.publish("a", said("hello there"))
    hub.publish("a", CallEnded("CA1", "completed"))
    for name in ("alice", "sam"):
        assert cast[name].types() == ["call.started", "utterance", "call.assigned", "utterance", "call.ended"]
    assert cast["bob"].types() == ["call.started", "utterance", "call.ended"]
    assert cast["bob"].events[0]["call"]["utterances"][0]["text"] == "hello"
    assert cast["dana"].events == []
    assert cast["charlie"].events == []


def test_who_loses_a_call_is_told_and_hears_no_more() -> None:
    hub, cast = Hub(), people()
    hub.watch(cast["bob"])
    hub.watch(cast["dana"])
    hub.publish("a", started(agent="bob"))
    hub.publish("a", CallAssigned("CA1", "dana"))
    hub.publish("a", said("secret"))
    assert cast["bob"].types() == ["call.started", "call.assigned"]
    assert cast["dana"].types() == ["call.started", "utterance"]


def test_an_outbound_call_is_told_to_be_answered_though_its_agent_was_known() -> None:
    hub, cast = Hub(), people()
    view = CallView("CA1", "outbound", "bob", "2026-01-01T00:00:00.000Z", "transcribing", [], [])
    hub.publish("a", CallStarted(view))
    for name in ("sam", "bob"):
        hub.watch(cast[name])
    assigned = CallAssigned("CA1", "bob")
    hub.publish("a", assigned)
    hub.publish("a", assigned)  # Twilio says so twice
    for name in ("sam", "bob"):
        assert cast[name].events == [{"type": "call.assigned", "call": "CA1", "agent": "bob"}]
    assert [call["answered"] for call in msgspec.json.decode(hub.watch(people()["alice"]))["calls"]] == [True]


def test_joining_late_shows_the_words_so_far() -> None:
    hub, cast = Hub(), people()
    hub.publish("a", started(agent="bob"))
    hub.publish("a", said("so far"))
    for name, sees in (("sam", True), ("bob", True), ("dana", False), ("charlie", False)):
        snapshot = msgspec.json.decode(hub.watch(cast[name]))
        assert [call["utterances"][0]["text"] for call in snapshot["calls"]] == (["so far"] if sees else [])


def test_what_changes_nothing_is_not_told() -> None:
    hub, cast = Hub(), people()
    hub.watch(cast["sam"])
    hub.publish("a", started())
    hub.publish("a", StateChanged("CA1", "transcribing"))
    hub.publish("a", StateChanged("CA1", "transcribing"))
    assert cast["sam"].types() == ["call.started", "state"]


def test_an_ended_call_leaves_nothing_behind() -> None:
    hub = Hub()
    hub.publish("a", started())
    hub.publish("a", CallEnded("CA1", "completed"))
    hub.publish("a", said("too late"))
    assert hub.find("a", "CA1") is None
    assert hub.calls_of("a") == []
    assert hub.all_calls() == []


def test_an_unwatched_hub_forgets_its_watchers() -> None:
    hub, cast = Hub(), people()
    hub.watch(cast["sam"])
    hub.unwatch(cast["sam"])
    hub.publish("a", started())
    assert cast["sam"].events == []
    assert not hub.is_watched("a")


def test_only_what_was_born_here_is_relayed() -> None:
    relayed: list[tuple[str, Event]] = []
    hub = Hub(lambda org, event, _: relayed.append((org, event)))
    hub.publish("a", started("CA1"))
    hub.publish("a", started("CA2"), local=False)
    assert relayed == [("a", started("CA1"))]


def test_a_known_call_that_starts_again_keeps_its_words_and_its_agent() -> None:
    """It moved to another node, which knows its agent and state but not its words yet."""
    hub, cast = Hub(), people()
    hub.publish("a", started(agent="bob"))
    hub.publish("a", said("so far"))
    for person in cast.values():
        hub.watch(person)
    hub.publish("a", StateChanged("CA1", "transcribing"))
    hub.publish("a", started(agent="dana"), local=False)
    hub.publish("a", started(), local=False)
    assert cast["sam"].types() == ["state", "call.assigned", "state"]
    assert cast["dana"].types() == ["call.started", "state"]
    assert cast["dana"].events[0]["call"]["utterances"][0]["text"] == "so far"
    assert cast["bob"].types() == ["state", "call.assigned"]
    known = hub.find("a", "CA1")
    assert known is not None
    assert [one.text for one in known.utterances.values()] == ["so far"]


def test_a_removed_member_is_shown_out_alone() -> None:
    hub, cast = Hub(), people()
    for person in cast.values():
        hub.watch(person)
    hub.close_consoles("a", "bob")
    hub.close_consoles("a", "sam")
    hub.close_consoles("b", "alice")
    assert {name for name, person in cast.items() if person.types() == ["revoked"]} == {"bob", "sam"}
