"""TwiML: the instructions to Twilio for a call. Pure: values in, one XML text out.

The order of verbs matters: the consent prompt comes before `<Start><Stream>`, so that nobody is transcribed who has
not heard it; `<Dial>` comes last, because with an ``action`` "later verbs are unreachable". ``record`` is never set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from twilio.twiml.voice_response import Client, Dial, Gather, Number, Stop, VoiceResponse

from provisioning.twilio import webhook_url
from web.calls.streams.start import NAME, StreamStart

LANGUAGE = "en-AU"
RING_SECONDS = 30
RETRY_SECONDS = 5
LONGEST_CALL = 2 * 60 * 60  # seconds of an outgoing one
MOST_NOUNS = 10  # "Up to 10 nouns" in one <Dial>
LONGEST_SAY = 4096  # characters, Twilio's limit
_LEG_EVENTS = "answered completed"
_DIALLED, _OVERFLOWED = "/twilio/voice/dialled", "/twilio/voice/overflowed"  # what is asked when a `<Dial>` ends
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The URLs of our webhooks below one public origin (``https://app.example.au``)."""

    origin: str

    def at(self, path: str) -> str:
        """Return the absolute URL of ``path``, for a webhook that answers with TwiML."""
        return webhook_url.asked(self.origin + path)

    def reported(self, path: str) -> str:
        """Return the absolute URL of ``path``, for a status callback, with retries."""
        return webhook_url.reported(self.origin + path)


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What transcribes a call: the stream to start, and the consent prompt to play first."""

    start: StreamStart
    prompt: str


def ring_agents(
    agents: Iterable[str], *, call: str, caller: str, stream: Transcribed | None, callbacks: Callbacks
) -> str:
    """Connect a caller to whichever of ``agents`` (Client identities, the first ten) answers first.

    ``call`` is the caller's CallSid: the softphone knows only its own leg's, and needs the one that
    transcripts go by. ``caller`` is shown while it rings. Without ``stream`` nobody is transcribed, so no
    consent is asked for either.
    """
    response = VoiceResponse()
    if stream is not None:
        add_sentence(response, stream.prompt)
        response.append(stream.start.verb())
    dial = _dial(callbacks)
    for agent in list(agents)[:MOST_NOUNS]:
        dial.append(_client(agent, {"call": call, "caller": caller}, callbacks))
    response.append(dial)
    return str(response)


def call_out(
    to: str, *, caller_id: str, longest: int = LONGEST_CALL, stream: Transcribed | None, callbacks: Callbacks
) -> str:
    """Connect a softphone to the number ``to`` (E.164), showing ``caller_id``, a number of the organisation.

    Twilio ends the call after ``longest`` seconds. The consent prompt is whispered to the one who is called, before
    the two are joined.
    """
    response = VoiceResponse()
    if stream is not None:
        response.append(stream.start.verb())
    dial = _dial(callbacks, caller_id=caller_id, longest=longest)
    dial.append(
        Number(
            to,
            url=None if stream is None else callbacks.at("/twilio/voice/whisper"),
            status_callback=callbacks.reported("/twilio/voice/answered"),
            status_callback_event=_LEG_EVENTS,
        )
    )
    response.append(dial)
    return str(response)


def overflow(to: str, *, caller_id: str | None, longest: int, stop_stream: bool, callbacks: Callbacks) -> str:
    """Connect a caller to the number ``to`` (E.164) instead of an agent, for at most ``longest`` seconds.

    Without ``caller_id`` the caller's own number is shown there. ``stop_stream``: nothing is transcribed from now on.
    """
    response = VoiceResponse()
    if stop_stream:
        stop = Stop()
        stop.stream(name=NAME)
        response.append(stop)
    dial = _dial(callbacks, caller_id=caller_id, longest=longest, action=_OVERFLOWED)
    reported = callbacks.reported("/twilio/voice/answered")
    dial.append(Number(to, status_callback=reported, status_callback_event=_LEG_EVENTS))
    response.append(dial)
    return str(response)


def wait_and_try_again(sentence: str, callbacks: Callbacks) -> str:
    """Return the fallback document: say ``sentence``, then request the webhook again after a pause.

    If that fails too, Twilio requests the fallback again: the caller is connected once `web` is back.
    """
    response = VoiceResponse()
    add_sentence(response, sentence)
    response.pause(length=RETRY_SECONDS)
    response.redirect(callbacks.at(webhook_url.VOICE), method="POST")
    return str(response)


def say(sentence: str) -> str:
    """Say ``sentence`` and continue: the answer to the whisper webhook."""
    response = VoiceResponse()
    add_sentence(response, sentence)
    return str(response)


def say_goodbye(sentence: str) -> str:
    """Say ``sentence`` and hang up."""
    response = VoiceResponse()
    add_sentence(response, sentence)
    response.hangup()
    return str(response)


def reject() -> str:
    """Turn the call down unanswered: Twilio tells the caller that the number is not in service, and bills nothing."""
    response = VoiceResponse()
    response.reject(reason="rejected")
    return str(response)


def hang_up() -> str:
    """End the call silently."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def add_sentence(verbs: VoiceResponse | Gather, sentence: str) -> None:
    """Add ``sentence`` to a document, or to the prompt of a `<Gather>`."""
    verbs.say(_clean(sentence)[:LONGEST_SAY], language=LANGUAGE)  # type: ignore[no-untyped-call]  # twilio's


def _dial(
    callbacks: Callbacks,
    caller_id: str | None = None,
    longest: int | None = None,
    action: str = _DIALLED,
) -> Dial:
    return Dial(
        answer_on_bridge=True,
        timeout=RING_SECONDS,
        time_limit=longest,
        action=callbacks.at(action),
        caller_id=caller_id,
    )


def _client(identity: str, parameters: dict[str, str], callbacks: Callbacks) -> Client:
    client = Client(status_callback=callbacks.reported("/twilio/voice/answered"), status_callback_event=_LEG_EVENTS)
    client.identity(identity)
    for name, value in parameters.items():
        client.parameter(name=name, value=_clean(value))
    return client


def _clean(text: str) -> str:
    """Return ``text`` without control characters and lone surrogates, which XML cannot contain."""
    return _NOT_XML.sub("", text)
