"""A conference's status callbacks: which there are, what they tell, in what order they are numbered.

Twilio's documentation of `<Conference>` ("Request Parameters") names the parameters and what each is sent on.
Speaker events can be asked for and never come: nothing should rest on them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Literal

from sandbox.twilio.conference.participant import Participant
from sandbox.twilio.phone.verbs import RoomEvent
from sandbox.twilio.webhooks.request import Webhook

EventName = Literal[
    "conference-start",
    "conference-end",
    "participant-join",
    "participant-leave",
    "participant-mute",
    "participant-unmute",
    "participant-hold",
    "participant-unhold",
    "participant-modify",
    "announcement-end",
]
Send = Callable[[str, Webhook], None]  # to be delivered after what waits under the same key

_SUBSCRIBED_BY: dict[EventName, RoomEvent] = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
    "announcement-end": "announcement",
}


class Callback:
    """Where one conference's events go: ``url`` (empty: nowhere), if they are among ``wanted``. Numbered from 1."""

    def __init__(self, send: Send, url: str, method: str, wanted: frozenset[RoomEvent]) -> None:
        self._send = send
        self._url = url
        self._method = method
        self._wanted = wanted
        self._sent = 0

    def tell(self, event: EventName, room: dict[str, str], about: Participant | None = None, **more: str) -> None:
        """Send ``event``; ``room`` names the conference."""
        if not self._url or _SUBSCRIBED_BY[event] not in self._wanted:
            return
        self._sent += 1
        form = room | {
            "StatusCallbackEvent": event,
            "SequenceNumber": str(self._sent),
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        form |= {} if about is None else _participant(about)
        self._send(room["ConferenceSid"], Webhook(self._url, self._method, form | more))


def _participant(about: Participant) -> dict[str, str]:
    told = {
        "CallSid": about.leg.sid,
        "Muted": _flag(about.muted),
        "Hold": _flag(about.held),
        "Coaching": _flag(about.coaching),
        "EndConferenceOnExit": _flag(about.end_on_exit),
        "StartConferenceOnEnter": _flag(about.wanted.start_on_enter),
    }
    if about.wanted.label:
        told["ParticipantLabel"] = about.wanted.label
    return told


def _flag(value: bool) -> str:
    return str(value).lower()
