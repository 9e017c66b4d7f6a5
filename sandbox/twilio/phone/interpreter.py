"""The simulated telephone: one leg that does what TwiML tells it, document after document.

A leg waits through itself (`Leg.sleep`, `Leg.unless_interrupted`), so that hanging up or a redirect by REST takes it
out of whatever it was doing.
"""

from __future__ import annotations

from urllib.parse import urljoin

from sandbox.audio import voice as audio_voice
from sandbox.audio.voice import Voice
from sandbox.twilio.phone import streams, twiml
from sandbox.twilio.phone.dial import dial, ring
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.leg import Inline, Interrupted, Leg, Step
from sandbox.twilio.phone.verbs import (
    Dial,
    Hangup,
    Pause,
    Redirect,
    Reject,
    Say,
    StartStream,
    StopStream,
    Verb,
)
from sandbox.twilio.phone.webhook import Answer, Failure, Webhook

_SORRY = "We are sorry, an application error has occurred. Goodbye."


async def live(exchange: Exchange, leg: Leg, step: Step) -> None:
    """Obey ``step`` and what follows from it, then hang up."""
    await follow(exchange, leg, step)
    leg.hang_up()


async def call_out(exchange: Exchange, leg: Leg, step: Step, timeout: float) -> None:
    """Ring the party of a call made by REST for ``timeout`` seconds; obey ``step`` once it answers."""
    exchange.spawn(_stop_ringing(leg, timeout))
    if await ring(exchange, leg):
        await live(exchange, leg, leg.about(step))


async def follow(exchange: Exchange, leg: Leg, step: Step | None) -> None:
    """Obey ``step`` and the documents it leads to, until there is none or the leg ends."""
    while step is not None and not leg.over.is_set():
        try:
            step = await _document(exchange, leg, step)
        except Interrupted:
            step = leg.take_redirect()


async def _stop_ringing(leg: Leg, seconds: float) -> None:
    if await leg.survives(seconds) and not leg.answered:
        leg.hang_up("no-answer")


async def _document(exchange: Exchange, leg: Leg, step: Step) -> Step | None:
    document = await _read(exchange, leg, step)
    if isinstance(document, Failure):
        exchange.report(document, leg)
        await _say(exchange, leg, _SORRY)
        leg.hang_up()
        return None
    base = "" if isinstance(step, Inline) else step.url
    for verb in document.verbs:
        leads_to = await _obey(exchange, leg, verb, base)
        if leads_to is not None or leg.over.is_set():
            return leads_to
    return None


async def _read(exchange: Exchange, leg: Leg, step: Step) -> twiml.Document | Failure:
    text = step.twiml if isinstance(step, Inline) else ""
    if isinstance(step, Webhook):
        answer = await leg.unless_interrupted(exchange.webhooks.document(step))
        if isinstance(answer, Failure):
            return answer
        text = answer.text
    try:
        document = twiml.parse(text)
    except twiml.TwimlError as error:
        return Failure(error.code, str(error), "" if isinstance(step, Inline) else step.url)
    for warning in document.warnings:
        exchange.report(Failure(warning.code, warning.text), leg)
    return document


async def _obey(exchange: Exchange, leg: Leg, verb: Verb, base: str) -> Step | None:
    match verb:
        case Say(text):
            await _say(exchange, leg, text)
        case Pause(length):
            await leg.sleep(length)  # "waits … before picking up", if it comes first
        case StartStream():
            streams.start(exchange, leg, verb)
        case StopStream(name):
            _stop_stream(leg, name)
        case Redirect(url, method):
            return leg.webhook(urljoin(base, url), method)
        case Reject(reason) if not leg.answered:
            leg.hang_up("busy" if reason == "busy" else "failed")
        case Hangup() | Reject():
            leg.answer()
            leg.hang_up()
        case Dial():
            return await _dial(exchange, leg, verb, base)
    return None


async def _say(exchange: Exchange, leg: Leg, text: str) -> None:
    leg.answer()
    if exchange.settings.tones:
        leg.hears = Voice(audio_voice.prompt(), repeats=True)
        leg.hears.begin(exchange.clock.tick())
    try:
        await leg.sleep(len(text) * exchange.settings.say_seconds_per_char)
    finally:
        leg.hears = None


def _stop_stream(leg: Leg, name: str) -> None:
    stream = streams.find(leg, name)
    if stream is not None:
        stream.stop()


async def _dial(exchange: Exchange, leg: Leg, verb: Dial, base: str) -> Step | None:
    outcome = await dial(exchange, leg, verb, base, follow)
    if leg.interrupted.is_set() and not leg.over.is_set():
        raise Interrupted  # redirected by REST: the action is not asked
    if not verb.action:
        return None
    action = leg.webhook(urljoin(base, verb.action), verb.method, **outcome.form())
    if not leg.over.is_set():
        return action
    answer = await exchange.webhooks.ask(action)  # the caller has hung up: the answer is ignored
    if not isinstance(answer, Answer):
        exchange.report(answer, leg)
    return None
