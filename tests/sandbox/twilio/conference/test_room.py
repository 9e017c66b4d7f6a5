"""The room's rules, whatever is done to it in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings, strategies as st

from sandbox.audio.voice import SILENCE, Voice
from sandbox.twilio.conference.events import Callback
from sandbox.twilio.conference.participant import Music, Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.twiml import ROOM_EVENTS
from sandbox.twilio.phone.verbs import Conference
from sandbox.twilio.webhooks.request import Webhook


@dataclass
class Stopped:
    """A clock that a test moves on."""

    at: int = 0
    speed: float = 1.0

    def tick(self) -> int:
        return self.at

    def now(self) -> float:
        return self.at / 50


@dataclass
class Scene:
    """A room of four who may come, and what was told of it."""

    clock: Any = field(default_factory=Stopped)
    told: list[dict[str, str]] = field(default_factory=list)
    people: list[Participant] = field(default_factory=list)

    def __post_init__(self) -> None:
        callback = Callback(self._hear, "https://app.example/room", "POST", ROOM_EVENTS)
        self.room = Room("AC1", "room", "au1", self.clock, callback, True)
        for at in range(4):
            leg = Leg("AC1", "inbound", f"+6149157000{at}", "+61255501234", self.clock)
            leg.voice = Voice((chr(65 + at) * 4,), repeats=True)
            leg.voice.begin(-10)
            wanted = Conference("room", label=str(at), beep="false", start_on_enter=at != 0, end_on_exit=at == 0)
            self.people.append(Participant.of(leg, wanted))

    def _hear(self, _: str, webhook: Webhook) -> None:
        self.told.append(dict(webhook.form))

    def do(self, what: str, who: int) -> None:
        """Do one thing to one of them, if it can be done."""
        self.clock.at += 5
        room, one = self.room, self.people[who]
        if what == "end":
            room.end()
        elif what == "join" and one.leg.status == "queued" and not room.is_over:
            one.leg.answer()
            room.admit(one)
        elif what == "hang up":
            one.leg.hang_up()
        elif what == "kick":
            room.leave(one, "participant_updated_via_api", kicked=True)
        elif one.joined and one.leg.sid in room.participants:
            self._change(what, one)

    def _change(self, what: str, one: Participant) -> None:
        room = self.room
        match what:
            case "mute" | "unmute":
                room.mute(one, what == "mute")
            case "hold":
                room.hold(one, Music(""))
            case "resume":
                room.resume(one)
            case "stay":
                room.set_end_on_exit(one, False)
            case "coach":
                room.coach(one, True, self.people[1].leg.sid)


DEEDS = ["join", "join", "join", "hang up", "kick", "mute", "unmute", "hold", "resume", "stay", "coach", "end"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 3)), max_size=30))
async def test_whatever_happens_its_story_makes_sense(deeds: list[tuple[str, int]]) -> None:
    scene = Scene()
    for deed in deeds:
        scene.do(*deed)
        _check_sound(scene)
    numbers = [int(form["SequenceNumber"]) for form in scene.told]
    assert numbers == list(range(1, len(numbers) + 1))
    _check_story(scene)


def _check_sound(scene: Scene) -> None:
    """Nobody hears who is held or muted; who is held hears nobody; nobody hears themself."""
    for listener in scene.room.joined:
        frame = listener.leg.heard(scene.clock.at)
        assert listener.leg.said(scene.clock.at) != frame
        if listener.hears != "room":
            assert frame == SILENCE
    held = [each for each in scene.room.joined if each.held or each.muted]
    said = {each.leg.said(scene.clock.at) for each in held}
    assert said.isdisjoint(each.leg.heard(scene.clock.at) for each in scene.room.joined)


def _check_story(scene: Scene) -> None:
    """Everybody who left had come; it starts and ends once; nothing comes after the end."""
    events = [(form["StatusCallbackEvent"], form.get("ParticipantLabel")) for form in scene.told]
    names = [event for event, _ in events]
    joined = [who for event, who in events if event == "participant-join"]
    left = [who for event, who in events if event == "participant-leave"]
    assert len(set(joined)) == len(joined)
    assert len(set(left)) == len(left)
    assert set(left) <= set(joined)
    assert names.count("conference-start") <= 1
    assert names.count("conference-end") == int(scene.room.is_over)
    if scene.room.is_over:
        assert names[-1] == "conference-end"
        assert set(left) == set(joined)
        assert scene.told[-1]["ReasonConferenceEnded"] == scene.room.ending
    assert {each.wanted.label for each in scene.room.joined} == set(joined) - set(left)
