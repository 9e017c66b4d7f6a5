"""What a document makes somebody hear: words, sound files, pauses.

A spoken text is a tone for as long as it would take to say it, or as long a silence (setting ``tones``). A sound file
is what is in it, if it is WAV; any other format sounds as hold music does, for half a minute.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol
from urllib.parse import urljoin

from sandbox.audio import voice, wav
from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.audio.voice import Frames, Sound, Voice
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.verbs import Pause, Play, Say
from sandbox.twilio.webhooks.request import Answer, Failure, Webhook

STAND_IN_SECONDS = 30
ENDLESS_SECONDS = 24 * 3600.0  # no call is longer
MOST_CACHED = 32  # sound files
_WAV = {"audio/wav", "audio/wave", "audio/x-wav", "audio/vnd.wave"}
_OTHERS = {
    "audio/mpeg", "audio/mp3", "audio/aiff", "audio/x-aiff", "audio/x-aifc", "audio/gsm", "audio/x-gsm",
    "audio/basic", "audio/ulaw",
}  # fmt: skip


class Listener(Protocol):
    """Somebody who hears a document: a leg, or a participant of a conference."""

    hears: Sound | None

    async def sleep(self, seconds: float) -> None:
        """Wait simulated ``seconds``."""


async def render(exchange: Exchange, listener: Listener, verb: Say | Play | Pause, base: str) -> None:
    """Let ``listener`` hear ``verb``; a file's URL may be relative to ``base``. What cannot be played is an alert."""
    match verb:
        case Pause(length):
            await listener.sleep(length)
        case Say(text):
            spoken = Voice(voice.prompt(), repeats=True) if exchange.settings.tones else None
            await _hear(exchange, listener, spoken, len(text) * exchange.settings.say_seconds_per_char)
        case Play(_, loop, digits) if digits:
            frames = tuple(frame for digit in digits for frame in voice.key(digit.lower()))
            await hear(exchange, listener, frames, loop)
        case Play(url, loop):
            answer = await exchange.webhooks.ask(Webhook(urljoin(base, url), "GET"))
            played = recording(answer)
            if isinstance(played, Failure):
                exchange.report(played)
            else:
                await hear(exchange, listener, played, loop)


def recording(answer: Answer | Failure) -> Frames | Failure:
    """Return the sound in an answer that should be a sound file."""
    if isinstance(answer, Failure):
        return answer
    if answer.content_type not in _WAV | _OTHERS:
        return Failure(13420, f"Play: Invalid Content-Type: '{answer.content_type}'", answer.url)
    try:
        return _decoded(answer.body) if answer.content_type in _WAV else _stand_in()
    except wav.WavError as error:
        return Failure(13420, f"Play: {error}", answer.url)


@lru_cache(MOST_CACHED)
def _decoded(content: bytes) -> Frames:
    return voice.frames(wav.tracks(content)[0])


def _stand_in() -> Frames:
    frames = voice.music()
    return frames * (STAND_IN_SECONDS * TICKS_PER_SECOND // len(frames))


async def hear(exchange: Exchange, listener: Listener, frames: Frames, loop: int = 1) -> None:
    """Let ``listener`` hear ``frames``, ``loop`` times (0: until the call ends)."""
    seconds = loop * len(frames) / TICKS_PER_SECOND if loop else ENDLESS_SECONDS
    await _hear(exchange, listener, Voice(frames, repeats=True), seconds)


async def _hear(exchange: Exchange, listener: Listener, sound: Voice | None, seconds: float) -> None:
    if sound is not None:
        sound.begin(exchange.clock.tick())
    listener.hears = sound
    try:
        await listener.sleep(seconds)
    finally:
        listener.hears = None
