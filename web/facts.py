"""What follows from each fact that media and provisioning tell over NATS: a row, a page that looks again, an answer.

`web.bus` receives them, and hands over those of one subject one after the other.
"""

from __future__ import annotations

from aiohttp import web

from db.models import Call
from protocol.facts import Fact
from web.billing import payment_notice
from web.bus import BUS
from web.calls.streams.stops import remind
from web.organisation.onboarding_events import PROGRESS
from web.phrases import rules as phrase_rules
from web.request import access


async def take_fact(app: web.Application, fact: Fact) -> None:
    """Apply an event about a call and record it in the row. Raise `NotFoundError` for an unknown organisation."""
    if fact.kind == "progress":
        app[PROGRESS].nudge(fact.org)
        return
    if fact.kind == "entitlements":
        app[PROGRESS].nudge(fact.org)
        await payment_notice.close_consoles(app, fact.org)
        return
    if fact.kind == "phrases":
        await phrase_rules.send(app, fact.org)
        return
    if fact.missed is not None:
        async with access.by_fact(app, fact.org) as rows:
            await rows.calls.note_gap(fact.call, fact.missed)
        return
    if fact.phrase is not None:
        async with access.by_fact(app, fact.org) as rows:
            await rows.phrases.note_hit(fact.call, fact.phrase)
        return
    async with access.by_fact(app, fact.org) as rows:
        call = await rows.calls.get(fact.call)
        stopped = call is not None and call.words_stopped_at is not None
        if fact.state is not None and (not stopped or fact.kind == "ended"):
            await rows.calls.set_transcription(fact.call, fact.state, fact.reason if fact.kind == "stream" else None)
        if fact.kind == "ended":  # media has told of every phrase before
            await rows.phrases.note_unsaid(fact.call)
        if fact.delay is not None:
            await rows.calls.set_delay(fact.call, fact.delay)
    if call is not None and stopped:
        remind(app, call, fact)
    elif call is not None and fact.kind == "started":
        _answer_hold(app, call, fact)


def _answer_hold(app: web.Application, call: Call, fact: Fact) -> None:
    """Tell media whether ``call`` is on hold: the node that has it now may not have been there when that changed."""
    if call.hold_changed_at is not None:
        report = app[BUS].held if call.on_hold else app[BUS].resumed
        report(fact.org, fact.call, call.hold_changed_at)
