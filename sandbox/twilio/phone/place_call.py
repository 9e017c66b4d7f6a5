"""Somebody on the telephone who calls one of the account's numbers."""

from __future__ import annotations

from dataclasses import replace

from sandbox.audio.voice import Frames
from sandbox.twilio.faults import Faults
from sandbox.twilio.phone import interpreter
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import CallSound, Leg, SpeakOn
from sandbox.twilio.webhooks.request import Failure

CALLER = "+61491570006"  # one of those kept free for fiction by the regulator


class CallingError(ValueError):
    """There is nobody to call; its text is for the one who tried."""


def place_call(
    exchange: Exchange,
    *,
    to: str = "",
    from_: str = "",
    caller: Frames | None = None,
    agent: Frames | None = None,
    speak_on: SpeakOn = "bridge",
    hang_up_after: float | None = None,
    faults: Faults | None = None,
) -> Leg:
    """Place a call to ``to`` (default: the first number) that has just begun to ring. Raise `CallingError`.

    ``caller`` and ``agent`` are what the two say; without either, the demo call. An empty ``caller`` says nothing and
    never hangs up; otherwise the caller hangs up at the sound's end, or after ``hang_up_after`` seconds.
    """
    number = exchange.number(to or next(iter(exchange.numbers), ""))
    if number is None:
        raise CallingError(f"{to} is not one of this account's numbers" if to else "the account has no number yet")
    leg = exchange.leg(
        "inbound",
        from_ or CALLER,
        number.phone_number,
        sound=_sound(exchange, caller, agent, speak_on),
        status="ringing",
        phone_number_sid=number.sid,
        fallback=number.voice_fallback_url,
        fallback_method=number.voice_fallback_method,
        faults=faults or exchange.settings.faults,
    )
    exchange.report_to(leg, number.status_callback, number.status_callback_method)
    exchange.spawn(_call(exchange, leg))
    if hang_up_after is not None:
        exchange.spawn(_lose_patience(leg, hang_up_after))
    return leg


def _sound(exchange: Exchange, caller: Frames | None, agent: Frames | None, speak_on: SpeakOn) -> CallSound:
    if caller is None and agent is None:
        return replace(exchange.demo_sound(), speak_on=speak_on)
    return CallSound(caller or (), agent or (), speak_on)


async def _call(exchange: Exchange, leg: Leg) -> None:
    number = exchange.numbers[leg.to]
    if number.voice_url:
        await interpreter.live(
            exchange, leg, leg.webhook(number.voice_url, number.voice_method, CallToken=f"token-{leg.sid}")
        )
    else:  # "the number you have dialled is not configured to receive calls"
        exchange.report(Failure(21211, "The number has no voice URL"), leg)
        leg.hang_up("failed")


async def _lose_patience(leg: Leg, seconds: float) -> None:
    if await leg.survives(seconds):
        leg.hang_up()
