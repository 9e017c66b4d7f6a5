"""Two legs that hear each other, and people who hang up once they have said everything."""

from __future__ import annotations

from sandbox.audio.clock import TICKS_PER_SECOND
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Event


def join(exchange: Exchange, one: Leg, other: Leg) -> None:
    """Let both hear each other; who has not spoken yet begins, both at the same tick."""
    tick = exchange.clock.tick() + 1
    for leg in (one, other):
        speak(exchange, leg, tick)
    one.hears, other.hears = other.voice, one.voice


def part(one: Leg, other: Leg) -> None:
    """Let neither hear the other any more."""
    one.hears = other.hears = None


def speak(exchange: Exchange, leg: Leg, tick: int) -> None:
    """Begin to speak at ``tick``. A customer hangs up at the end; nobody else does."""
    if leg.voice.begins is not None:
        return
    leg.voice.begin(tick)
    if leg.customer and leg.voice.ends is not None:
        exchange.spawn(_hang_up_at(exchange, leg, leg.voice.ends))


def attend(exchange: Exchange, leg: Leg) -> None:
    """Make ``leg`` speak when picked up, if its call's sound begins with the answer."""

    def watch(leg: Leg, event: Event) -> None:
        if event == "answered":
            speak(exchange, leg, exchange.clock.tick() + 1)

    if leg.sound.speak_on == "answer":
        leg.watchers.append(watch)


async def _hang_up_at(exchange: Exchange, leg: Leg, tick: int) -> None:
    if await leg.survives(tick / TICKS_PER_SECOND - exchange.clock.now()):
        leg.hang_up()
