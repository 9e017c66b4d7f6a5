"""The simulated telephone: one leg that does what TwiML tells it, document after document.

A leg waits through itself (`Leg.sleep`, `Leg.unless_interrupted`), so that hanging up or a redirect by REST takes it
out of whatever it was doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin

from sandbox.twilio.conference import attendance
from sandbox.twilio.phone import playback, streams, twiml
from sandbox.twilio.phone.dial import dial, ring
from sandbox.twilio.phone.exchange import Exchange
from sandbox.twilio.phone.gather import gather
from sandbox.twilio.phone.leg import Inline, Interrupted, Leg, Step
from sandbox.twilio.phone.verbs import (
    Dial,
    Event,
    Gather,
    Hangup,
    JoinConference,
    Pause,
    Play,
    Redirect,
    Reject,
    Say,
    StartStream,
    StopStream,
    Verb,
)
from sandbox.twilio.webhooks.request import Failure, Webhook

_SORRY = "We are sorry, an application error has occurred. Goodbye."


async def live(exchange: Exchange, leg: Leg, step: Step) -> None:
    """Obey ``step`` and what follows from it, then hang up."""
    await follow(exchange, leg, step)
    leg.hang_up()


async def call_out(exchange: Exchange, leg: Leg, step: Step, timeout: float, queued: float = 0.0) -> None:
    """Ring the party of a call made by REST for ``timeout`` seconds; obey ``step`` once it answers.

    It is its turn after ``queued`` seconds.
    """
    if queued and not await leg.survives(queued):
        return
    exchange.spawn(stop_ringing(leg, timeout))
    if await ring(exchange, leg):
        await live(exchange, leg, leg.about(step))


async def follow(exchange: Exchange, leg: Leg, step: Step | None) -> None:
    """Obey ``step`` and the documents it leads to, until there is none or the leg ends."""
    while step is not None and not leg.over.is_set():
        try:
            step = await _document(exchange, leg, step)
        except Interrupted:
            step = leg.take_redirect()


def limit(exchange: Exchange, leg: Leg, seconds: float) -> None:
    """Let ``leg`` last for ``seconds`` at most, from its answer on; from now on if it was answered before."""

    async def end() -> None:
        if await leg.survives(seconds):
            leg.hang_up()

    def watch(_: Leg, event: Event) -> None:
        if event == "answered":
            exchange.spawn(end())

    if leg.answered:
        exchange.spawn(end())
    else:
        leg.watchers.append(watch)


async def stop_ringing(leg: Leg, seconds: float) -> None:
    """Give up after ``seconds``, if nobody has picked up by then."""
    if await leg.survives(seconds) and not leg.answered:
        leg.hang_up("no-answer")


async def _document(exchange: Exchange, leg: Leg, step: Step) -> Step | None:
    streams.hold_back(exchange, leg)
    document = await _read(exchange, leg, step)
    if isinstance(document, Failure):
        exchange.report(document, leg)
        leg.answer()
        await playback.render(exchange, leg, Say(_SORRY), "")
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
        case Say() | Play():
            leg.answer()
            await playback.render(exchange, leg, verb, base)
        case Pause(length):
            await leg.sleep(length)  # "waits … before picking up", if it comes first
        case Gather():
            return await gather(exchange, leg, verb, base)
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
            outcome = await dial(exchange, leg, verb, base, follow)
            return await _after_dial(exchange, leg, verb, base, outcome.form())
        case JoinConference():
            form = await attendance.attend(exchange, leg, verb, base)
            return await _after_dial(exchange, leg, verb, base, form)
    return None


def _stop_stream(leg: Leg, name: str) -> None:
    stream = streams.find(leg, name)
    if stream is not None:
        stream.stop()


async def _after_dial(
    exchange: Exchange, leg: Leg, verb: Dial | JoinConference, base: str, form: Mapping[str, str]
) -> Step | None:
    """Return where the action leads. If the leg has ended or was sent elsewhere, the answer is ignored."""
    action = leg.webhook(urljoin(base, verb.action), verb.method, **form) if verb.action else None
    if not leg.interrupted.is_set():
        return action
    answer = None if action is None else await exchange.webhooks.ask(action)
    if isinstance(answer, Failure):
        exchange.report(answer, leg)
    if not leg.over.is_set():
        raise Interrupted
    return None
