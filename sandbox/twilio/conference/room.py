"""One conference: who is in it, who hears whom, when it starts and why it ends.

It is ``init`` until it has two participants of whom one may start it, and ``completed`` for good when somebody ends
it or nobody is left. Whatever changes it is one call of a method, without waiting; its events are told in that order.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Literal

from sandbox.audio import voice
from sandbox.audio.clock import Clock
from sandbox.audio.voice import Sound, Voice
from sandbox.twilio.conference.audibility import heard_by
from sandbox.twilio.conference.events import Callback, EventName
from sandbox.twilio.conference.mixer import Ear, Mixer, Source
from sandbox.twilio.conference.participant import Hears, Music, Participant, Reason
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Event

RoomStatus = Literal["init", "in-progress", "completed"]
Ending = Literal[
    "conference-ended-via-api",
    "participant-with-end-conference-on-exit-left",
    "participant-with-end-conference-on-exit-kicked",
    "last-participant-kicked",
    "last-participant-left",
]
_REASONS: dict[Ending, str] = {
    "conference-ended-via-api": "The conference was ended via API",
    "participant-with-end-conference-on-exit-left": "Participant {} with EndConferenceOnExit true left",
    "participant-with-end-conference-on-exit-kicked": "Participant {} with EndConferenceOnExit true was kicked",
    "last-participant-kicked": "The last participant {} was kicked",
    "last-participant-left": "The last participant {} left",
}


class Room:
    """A Conference resource. ``lost_coach``: whether everybody hears a coach whose participant has left."""

    def __init__(
        self, account: str, name: str, region: str, clock: Clock, callback: Callback, lost_coach: bool
    ) -> None:
        self.account_sid = account
        self.name = name
        self.region = region
        self.sid = f"CF{uuid.uuid4().hex}"
        self.status: RoomStatus = "init"
        self.created = self.updated = datetime.now(UTC)
        self.participants: dict[str, Participant] = {}  # by CallSid, those that ring included
        self.ending: Ending | None = None
        self.ended_by = ""  # CallSid
        self.over = asyncio.Event()
        self._clock = clock
        self._callback = callback
        self._lost_coach = lost_coach
        self._mixer = Mixer()
        self._sounds: list[Sound] = []  # heard by everybody in the room: announcements
        self._beeps: list[Voice] = []

    # -- who is in it ---------------------------------------------------------------------------------------

    @property
    def joined(self) -> list[Participant]:
        """Those who are in it, in the order they came."""
        return [each for each in self.participants.values() if each.joined]

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.over.is_set()

    def find(self, sid_or_label: str) -> Participant | None:
        """Return the participant with that CallSid, or else that label."""
        labelled = (each for each in self.participants.values() if each.wanted.label == sid_or_label)
        return self.participants.get(sid_or_label) or (next(labelled, None) if sid_or_label else None)

    def expect(self, participant: Participant) -> None:
        """Take up a participant who is being called."""
        self.participants[participant.leg.sid] = participant
        self._settle()

    def admit(self, participant: Participant) -> None:
        """Let a participant in who is on the line."""
        leg = participant.leg
        self.participants[leg.sid] = participant
        participant.joined = True
        participant.early_media = None
        participant.change()
        leg.hears = Ear(self._mixer, leg.sid)
        leg.watchers.append(self._watch)
        self._tell("participant-join", participant)
        if participant.wanted.beep in ("true", "onEnter"):
            self._beep()
        if self.status == "init" and len(self.joined) > 1 and any(each.wanted.start_on_enter for each in self.joined):
            self.status = "in-progress"
            self._change()
            self._tell("conference-start")
        self._settle()

    def leave(self, participant: Participant, reason: Reason, *, kicked: bool = False) -> None:
        """Let a participant go, with what follows from that for the others. Once it has gone, nothing happens."""
        if not self._part(participant, reason):
            return
        if participant.end_on_exit and participant.joined:
            how = "kicked" if kicked else "left"
            self._end(f"participant-with-end-conference-on-exit-{how}", participant)  # type: ignore[arg-type]
        elif not self.participants:
            self._end("last-participant-kicked" if kicked else "last-participant-left", participant)
        else:
            if participant.beep_on_exit and participant.joined:
                self._beep()
            self._settle()

    def end(self) -> None:
        """End it by REST."""
        if not self.is_over:
            self._end("conference-ended-via-api", None)

    def _watch(self, leg: Leg, event: Event) -> None:
        participant = self.participants.get(leg.sid)
        if event == "completed" and participant is not None:
            self.leave(participant, "participant_updated_via_api" if leg.ended_by_api else "participant_hung_up")

    def _part(self, participant: Participant, reason: Reason) -> bool:
        if self.participants.pop(participant.leg.sid, None) is None:
            return False
        if participant.joined:
            participant.leg.hears = None
            participant.leg.watchers.remove(self._watch)
        else:
            participant.leg.hang_up("canceled")
        participant.hears = "nothing"
        participant.tune(participant)
        participant.left.set()
        status = participant.leg.status
        self._tell("participant-leave", participant, ParticipantCallStatus=status, ReasonParticipantLeft=reason)
        return True

    def _end(self, ending: Ending, by: Participant | None) -> None:
        self.status, self.ending = "completed", ending
        self.ended_by = by.leg.sid if by is not None else ""
        self.over.set()
        self._change()
        reason: Reason = "conference_ended_via_api" if by is None else "moderator_ended_conference"
        for other in list(self.participants.values()):
            self._part(other, reason)
        more = {"ReasonConferenceEnded": ending, "Reason": _REASONS[ending].format(self.ended_by)}
        if by is not None:
            more["CallSidEndingConference"] = self.ended_by
        if by is not None and by.wanted.label:
            more["ParticipantLabelEndingConference"] = by.wanted.label
        self._tell("conference-end", None, **more)

    # -- how they are in it ---------------------------------------------------------------------------------

    def mute(self, participant: Participant, muted: bool) -> None:
        """Let nobody hear a participant, or everybody again."""
        if participant.muted != muted:
            participant.muted = muted
            self._changed(participant, "participant-mute" if muted else "participant-unmute")

    def hold(self, participant: Participant, music: Music) -> None:
        """Let a participant hear ``music`` and nobody else, and be heard by nobody. Again: other music."""
        if participant.held and participant.hold == music:
            return
        was_held, participant.held, participant.hold = participant.held, True, music
        if was_held:
            participant.tune(participant)
            self._settle()
        else:
            self._changed(participant, "participant-hold")

    def resume(self, participant: Participant) -> None:
        """Take a participant off hold."""
        if participant.held:
            participant.held = False
            self._changed(participant, "participant-unhold")

    def coach(self, participant: Participant, coaching: bool, whom: str) -> None:
        """Let only ``whom`` (CallSid) hear a participant, or everybody again."""
        if (participant.coaching, participant.coach) != (coaching, whom):
            participant.coaching, participant.coach = coaching, whom
            self._changed(participant, "participant-modify")

    def set_end_on_exit(self, participant: Participant, ends: bool) -> None:
        """Change whether the conference ends with a participant. Silently ignored while it is on hold."""
        if not participant.held and participant.end_on_exit != ends:
            participant.end_on_exit = ends
            self._changed(participant, "participant-modify")

    def set_beep_on_exit(self, participant: Participant, beeps: bool) -> None:
        """Change whether a beep sounds when a participant leaves."""
        if participant.beep_on_exit != beeps:
            participant.beep_on_exit = beeps
            self._changed(participant, "participant-modify")

    def set_wait(self, participant: Participant, music: Music) -> None:
        """Change what a participant hears while waiting."""
        if participant.wait != music:
            participant.wait = music
            if participant.hears == "wait":
                participant.tune(participant)
            self._changed(participant, "participant-modify")

    # -- what they hear -------------------------------------------------------------------------------------

    def announce(self, sound: Sound, participant: Participant | None = None) -> None:
        """Let everybody in the room, or one participant, hear ``sound`` over everything else."""
        (self._sounds if participant is None else participant.private).append(sound)
        self._settle()

    def announced(self, sound: Sound, url: str, participant: Participant | None = None) -> None:
        """End an announcement that came from ``url``."""
        sounds = self._sounds if participant is None else participant.private
        if sound in sounds:
            sounds.remove(sound)
        if not self.is_over:
            here = participant is not None and participant.leg.sid in self.participants
            self._tell("announcement-end", participant if here else None, AnnounceUrl=url)
            self._settle()

    def _beep(self) -> None:
        beep = Voice(voice.beep())
        beep.begin(self._clock.tick())
        self._beeps.append(beep)

    def _settle(self) -> None:
        """Let everybody hear what they should by now."""
        tick = self._clock.tick()  # before anybody begins to speak
        together = self.status == "in-progress" and len(self.joined) > 1
        for each in self.joined:
            hears: Hears = "hold" if each.held else "room" if together else "wait"
            if hears != each.hears:
                each.hears = hears
                each.tune(each)
        self._beeps = [beep for beep in self._beeps if (beep.ends or 0) > tick]
        self._mixer.route(tick, {each.leg.sid: self._sources(each) for each in self.joined})

    def _sources(self, listener: Participant) -> tuple[Source, ...]:
        speakers = heard_by(listener, list(self.participants.values()), lost_coach=self._lost_coach)
        said = [each.said for each in speakers]
        everybody = [*self._beeps, *self._sounds] if listener.hears == "room" else []
        return tuple(said + [sound.frame for sound in [*everybody, *listener.private]])

    # -- its events -----------------------------------------------------------------------------------------

    def _changed(self, participant: Participant, event: EventName) -> None:
        participant.change()
        self._tell(event, participant)
        self._settle()

    def _change(self) -> None:
        self.updated = datetime.now(UTC)

    def _tell(self, event: EventName, about: Participant | None = None, **more: str) -> None:
        room = {"AccountSid": self.account_sid, "ConferenceSid": self.sid, "FriendlyName": self.name}
        self._callback.tell(event, room, about, **more)
