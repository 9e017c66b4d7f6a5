"""One party of a conference: a Participant resource, from its first ring until it has left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sandbox.audio.voice import Sound
from sandbox.twilio.phone.leg import Leg, Status
from sandbox.twilio.phone.verbs import Conference
from sandbox.twilio.webhooks.request import Failure

Reason = Literal[
    "participant_hung_up",
    "participant_updated_via_api",
    "participant_add_failed",
    "moderator_ended_conference",
    "conference_ended_via_api",
]
Hears = Literal["nothing", "room", "wait", "hold"]
ParticipantStatus = Literal["queued", "connecting", "ringing", "connected", "complete", "failed"]
_BUFFER_TICKS = {"off": 0, "small": 1, "medium": 2, "large": 3}  # 20 ms each, as documented
_STATUS: dict[Status, ParticipantStatus] = {
    "queued": "queued",
    "initiated": "connecting",
    "ringing": "ringing",
    "in-progress": "connected",
    "completed": "complete",
}


@dataclass(frozen=True, slots=True)
class Music:
    """What is heard instead of the room, by ``url``: None is Twilio's own music, empty is silence."""

    url: str | None
    method: str = "POST"


@dataclass(eq=False, slots=True)
class Participant:
    """``leg`` in a conference, as ``wanted`` asked for it; what has changed since is beside that.

    ``tune`` is told what it hears from now on. ``private``: what it alone hears, over everything else.
    """

    leg: Leg
    wanted: Conference
    muted: bool
    coach: str  # CallSid of the only one who hears it
    end_on_exit: bool
    beep_on_exit: bool
    wait: Music
    hold: Music = Music(None, "GET")
    held: bool = False
    coaching: bool = False
    joined: bool = False
    early_media: Sound | None = None  # what the others hear of its ringing
    queue_time: str | None = None
    private: list[Sound] = field(default_factory=list)
    hears: Hears = "nothing"
    tune: Callable[[Participant], None] = lambda _: None
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    left: asyncio.Event = field(default_factory=asyncio.Event)
    refused: Failure | None = None  # why it was not let in, or not kept

    @classmethod
    def of(cls, leg: Leg, wanted: Conference) -> Participant:
        """Return a participant that has not joined yet."""
        return cls(
            leg,
            wanted,
            muted=wanted.muted,
            coach=wanted.coach,
            coaching=bool(wanted.coach),
            end_on_exit=wanted.end_on_exit,
            beep_on_exit=wanted.beep in ("true", "onExit"),
            wait=Music(wanted.wait_url, wanted.wait_method),
        )

    @property
    def status(self) -> ParticipantStatus:
        """Its call's state as this resource names it."""
        return _STATUS.get(self.leg.status, "failed")

    def said(self, tick: int) -> str:
        """Return its frame that the others hear at ``tick``: what it says, late by its jitter buffer; or ringing."""
        if self.early_media is not None:
            return self.early_media.frame(tick)
        return self.leg.said(tick - _BUFFER_TICKS[self.wanted.jitter_buffer])

    def change(self) -> None:
        """Note that something about it is new."""
        self.updated = datetime.now(UTC)
