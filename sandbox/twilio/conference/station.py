"""What a participant hears instead of the room: the document or sound file for those who wait or are held.

Such a document, and an announcement's, "can only contain Say, Play, Pause, and Redirect verbs" (13238); it sounds
once, unless it redirects to itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urljoin

from sandbox.audio import voice
from sandbox.audio.voice import SILENCE, Sound, Voice
from sandbox.twilio.conference.participant import Music, Participant
from sandbox.twilio.conference.room import Room
from sandbox.twilio.phone import bridge, playback, twiml
from sandbox.twilio.phone.dial import first_of
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Pause, Play, Redirect, Say
from sandbox.twilio.webhooks.request import Answer, Failure, Webhook, markup

_FORBIDDEN = "Dial->Conference: Invalid Verb used in waitUrl, holdUrl, or announceUrl TwiML"
MOST_SECONDS = 4 * 3600.0  # that an announcement may last
_TURN_SECONDS = 1.0  # the shortest that a document which leads to itself may take


class Programme:
    """A sound that a document makes, verb after verb. It is itself what its listener hears."""

    def __init__(self, exchange: Exchange, leg: Leg | None = None) -> None:
        self.hears: Sound | None = None
        self._exchange = exchange
        self._leg = leg

    def frame(self, tick: int) -> str:
        """Return the base64 payload for ``tick``."""
        return SILENCE if self.hears is None else self.hears.frame(tick)

    async def sleep(self, seconds: float) -> None:
        """Wait simulated ``seconds``."""
        await self._exchange.clock.sleep(seconds)

    async def play(self, url: str, method: str, form: Mapping[str, str]) -> Failure | None:
        """Sound as ``url`` says, until it has nothing more to say. What goes wrong is an alert, and returned."""
        while True:
            began = self._exchange.clock.now()
            answer = await self._exchange.webhooks.ask(Webhook(url, method, form))
            leads_to = await self._sound(answer)
            if isinstance(leads_to, Failure):
                self._exchange.report(leads_to, self._leg)
            if not isinstance(leads_to, Redirect):
                return leads_to
            url, method = urljoin(url, leads_to.url), leads_to.method
            await self.sleep(max(0.0, _TURN_SECONDS - (self._exchange.clock.now() - began)))

    async def _sound(self, answer: Answer | Failure) -> Failure | Redirect | None:
        if isinstance(answer, Answer) and answer.is_sound:
            sound = playback.recording(answer)
            if isinstance(sound, Failure):
                return sound
            await playback.hear(self._exchange, self, sound)
            return None
        text = markup(answer)
        return text if isinstance(text, Failure) else await self._obey(text)

    async def _obey(self, answer: Answer) -> Failure | Redirect | None:
        try:
            document = twiml.parse(answer.text)
        except twiml.TwimlError as error:
            return Failure(error.code, str(error), answer.url)
        for warning in document.warnings:
            self._exchange.report(Failure(warning.code, warning.text, answer.url), self._leg)
        for verb in document.verbs:
            if isinstance(verb, Redirect):
                return verb
            if not isinstance(verb, Say | Play | Pause):
                return Failure(13238, _FORBIDDEN, answer.url)
            await playback.render(self._exchange, self, verb, answer.url)
        return None


class Station:
    """One participant's: told by `Participant.tune` what to sound."""

    def __init__(self, exchange: Exchange, participant: Participant, base: str) -> None:
        self._exchange = exchange
        self._participant = participant
        self._base = base  # the document's URL that the participant came with
        self._programme: Programme | None = None
        self._task: asyncio.Task[None] | None = None

    def tune(self, participant: Participant) -> None:
        """Sound what ``participant`` hears from now on: the wait or hold music, or nothing."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._programme in participant.private:
            participant.private.remove(self._programme)
        self._programme = None
        if participant.hears in ("wait", "hold"):
            self._start(participant.wait if participant.hears == "wait" else participant.hold)
        elif participant.hears == "room":
            bridge.speak(self._exchange, participant.leg, self._exchange.clock.tick() + 1)

    def _start(self, music: Music) -> None:
        if music.url == "":
            return
        self._programme = programme = Programme(self._exchange, self._participant.leg)
        self._participant.private.append(programme)
        if music.url is None:
            own = Voice(voice.music(), repeats=True)
            own.begin(self._exchange.clock.tick())
            programme.hears = own
        else:
            waits = self._participant.hears == "wait"
            self._task = self._exchange.spawn(
                self._play(programme, urljoin(self._base, music.url), music.method, waits)
            )

    async def _play(self, programme: Programme, url: str, method: str, waits: bool) -> None:
        failure = await programme.play(url, method, self._participant.leg.form())
        # "If the request to your waitUrl fails, the Conference will not be fully established."
        if failure is not None and waits and failure.code in (11200, 11205):
            self._participant.refused = failure
            self._participant.left.set()


def announce(exchange: Exchange, room: Room, url: str, method: str, participant: Participant | None = None) -> None:
    """Let everybody in ``room``, or one participant, hear what is at ``url``, once."""
    programme = Programme(exchange, None if participant is None else participant.leg)
    form = {"AccountSid": room.account_sid, "ConferenceSid": room.sid, "FriendlyName": room.name}

    async def play() -> None:
        asked = programme.play(url, method, form if participant is None else participant.leg.form())
        gone = room.over if participant is None else participant.left
        await first_of(MOST_SECONDS / exchange.clock.speed, asked, gone.wait())
        room.announced(programme, url, participant)

    room.announce(programme, participant)
    exchange.spawn(play())
