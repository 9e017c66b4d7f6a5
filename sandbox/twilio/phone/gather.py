"""`<Gather>`: keys pressed during a prompt or after it, and where they lead."""

from __future__ import annotations

from urllib.parse import urljoin

from sandbox.audio.voice import Sound
from sandbox.twilio.phone import playback
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg, Step
from sandbox.twilio.phone.verbs import Gather


async def gather(exchange: Exchange, leg: Leg, verb: Gather, base: str) -> Step | None:
    """Collect keys of ``leg``; where they lead, or None to go on with the document. Raise `Interrupted`."""
    leg.answer()
    first = len(leg.digits)
    listener = _Prompted(leg, first)
    for prompt in verb.prompt:
        if len(leg.digits) == first:
            await playback.render(exchange, listener, prompt, base)
    pressed, finishing = await _pressed(leg, verb, first)
    if not pressed and not verb.on_empty:
        return None
    more = {"Digits": pressed} | ({"FinishedOnKey": finishing} if finishing else {})
    return leg.webhook(urljoin(base, verb.action), verb.method, **more)


class _Prompted:
    """The leg while a prompt is played: the first key ends it."""

    def __init__(self, leg: Leg, first: int) -> None:
        self._leg = leg
        self._first = first

    @property
    def hears(self) -> Sound | None:
        return self._leg.hears

    @hears.setter
    def hears(self, sound: Sound | None) -> None:
        self._leg.hears = sound

    async def sleep(self, seconds: float) -> None:
        await self._leg.key(self._first, seconds)


async def _pressed(leg: Leg, verb: Gather, first: int) -> tuple[str, str]:
    """Return the digits, and the key that finished them (empty: none did)."""
    known = first
    while await leg.key(known, verb.timeout):
        pressed = leg.digits[first : known + 1]
        known += 1
        if pressed[-1] == verb.finish_on_key:
            return pressed[:-1], verb.finish_on_key
        if len(pressed) == verb.digits:
            return pressed, ""
    return leg.digits[first:], ""
