"""TwiML of rooms: what leads each leg into one, and what who waits in it hears. Pure.

One function writes the customer's document in both directions: the stream lives on the customer's leg from the first
word to the last, so its inbound track is always the customer. Documents that are played within a conference may only
`<Say>`, `<Play>`, `<Pause>` and `<Redirect>` (Twilio's error 13238): a key press is asked for before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from twilio.twiml.voice_response import Dial, Gather, Stop, VoiceResponse

from provisioning.twilio.client import REGION
from web.calls import twiml
from web.calls.streams.start import NAME
from web.calls.twiml import Callbacks, Transcribed
from web.conferences.machine.room import CUSTOMER

Sound = Literal["ringing", "music"]
"""What is heard while waiting."""

DECLINES = "1"
"""The key that callers press not to be transcribed."""
SUPERVISED = "A supervisor has joined this call."
CALL_ME = "1"
"""The key that callers press to be called back."""
KEY_SECONDS = 3  # after the prompt
PREFLIGHT = "Bilby is checking your line. You need not say anything."
PREFLIGHT_SECONDS = 20
_FOR_EVER = 0  # of `<Play>`'s loop
_TURNS = 2  # of the hold music between two sentences
_EVENTS = "start end join leave mute hold modify"


@dataclass(frozen=True, slots=True)
class RoomUrls:
    """The addresses of one room's webhooks."""

    call_id: UUID
    callbacks: Callbacks

    def at(self, path: str, **more: str) -> str:
        """Return the URL of a webhook that answers with TwiML."""
        return self.callbacks.at(_address(path, self.call_id, **more))

    def reported(self, path: str, **more: str) -> str:
        """Return the URL of a status callback."""
        return self.callbacks.reported(_address(path, self.call_id, **more))


def customer(
    urls: RoomUrls, *, stream: Transcribed | None = None, asks_consent: bool = False, spoken: bool = False
) -> str:
    """Lead the customer into the room, after the consent prompt if they are transcribed.

    With ``asks_consent`` they may press a key not to be. ``spoken``: they have heard the prompt.
    """
    response = VoiceResponse()
    if stream is not None:
        if not spoken:
            _prompt(response, urls, stream.prompt, asks_consent=asks_consent)
        response.append(stream.start.verb())
    response.append(_dial(urls, CUSTOMER, starts=False, ends=True, waits="ringing"))
    return str(response)


def agent(urls: RoomUrls, label: str, *, waits: Sound | None) -> str:
    """Lead an agent's softphone into the room. Alone in it, the agent hears ``waits``, or nothing."""
    response = VoiceResponse()
    response.append(_dial(urls, label, starts=True, ends=False, waits=waits))
    return str(response)


def supervisor(urls: RoomUrls, label: str, *, tone: bool) -> str:
    """Lead a supervisor's softphone into a room that is in progress, heard by nobody. ``tone``: with a beep."""
    response = VoiceResponse()
    response.append(_dial(urls, label, starts=False, ends=False, waits=None, muted=True, tone=tone))
    return str(response)


def supervised() -> str:
    """Tell everybody in the room that a supervisor is there."""
    response = VoiceResponse()
    twiml.add_sentence(response, SUPERVISED)
    return str(response)


def outside(urls: RoomUrls, label: str, *, prompt: str | None) -> str:
    """Lead somebody whom we called into the room, after ``prompt`` if the call is transcribed."""
    response = VoiceResponse()
    if prompt is not None:
        twiml.add_sentence(response, prompt)
    response.append(_dial(urls, label, starts=True, ends=False, waits="ringing"))
    return str(response)


def waiting(urls: RoomUrls, sound: Sound, sound_url: str, *, sentence: str = "") -> str:
    """Let who waits hear ``sound`` for as long as it takes. With a ``sentence`` the document is asked for again.

    Otherwise it is not: whoever waits while nobody answers would be thrown out of the conference ("If the request to
    your waitUrl fails, the Conference will not be fully established").
    """
    response = VoiceResponse()
    if not sentence:
        response.play(sound_url, loop=_FOR_EVER)
        return str(response)
    twiml.add_sentence(response, sentence)
    response.play(sound_url, loop=_TURNS)
    response.redirect(urls.at("wait", sound=sound), method="POST")
    return str(response)


def offer_call_back(urls: RoomUrls, sentence: str) -> str:
    """Let the caller press a key to be called back; who does not is sent elsewhere. The stream is stopped."""
    response = VoiceResponse()
    stop = Stop()
    stop.stream(name=NAME)
    response.append(stop)
    gather = Gather(input="dtmf", num_digits=1, timeout=KEY_SECONDS, action=urls.at("call-back"), method="POST")
    twiml.add_sentence(gather, sentence)
    response.append(gather)
    response.redirect(urls.at("elsewhere", offered="yes"), method="POST")
    return str(response)


def elsewhere(urls: RoomUrls, *, offered: bool = False) -> str:
    """Ask what the customer gets instead of an agent. ``offered``: they would not be called back."""
    response = VoiceResponse()
    more = {"offered": "yes"} if offered else {}
    response.redirect(urls.at("elsewhere", **more), method="POST")
    return str(response)


def preflight() -> str:
    """Keep a softphone's test call open while it measures the line."""
    response = VoiceResponse()
    twiml.add_sentence(
        response, PREFLIGHT
    )  # Twilio would not answer the call before a pause that comes first is over
    response.pause(length=PREFLIGHT_SECONDS)
    response.hangup()
    return str(response)


def _prompt(response: VoiceResponse, urls: RoomUrls, sentence: str, *, asks_consent: bool) -> None:
    if not asks_consent:
        twiml.add_sentence(response, sentence)
        return
    gather = Gather(input="dtmf", num_digits=1, timeout=KEY_SECONDS, action=urls.at("consent"), method="POST")
    twiml.add_sentence(gather, sentence)
    response.append(gather)


def _dial(
    urls: RoomUrls,
    label: str,
    *,
    starts: bool,
    ends: bool,
    waits: Sound | None,
    muted: bool = False,
    tone: bool = False,
) -> Dial:
    dial = Dial(action=urls.at("left"))
    dial.conference(
        urls.call_id.hex,
        participant_label=label,
        start_conference_on_enter=starts,
        end_conference_on_exit=ends,
        beep="onEnter" if tone else "false",
        **({"muted": True} if muted else {}),
        region=REGION,
        jitter_buffer_size="small",
        wait_url=urls.at("wait", sound=waits) if waits else "",
        wait_method="POST",
        status_callback=urls.reported("events"),
        status_callback_method="POST",
        status_callback_event=_EVENTS,
    )
    return dial


def _address(path: str, call_id: UUID, **more: str) -> str:
    return f"/twilio/conference/{path}?{urlencode({'room': call_id.hex, **more})}"
