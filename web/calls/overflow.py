"""Put a caller through to the overflow number: whether it may be called now, and the TwiML that does it.

The rules are those of dialling, applied when the number is entered and again at each call, for they may have changed.
Whatever forbids it, the caller hears the announcement.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog
from aiohttp import web

from web.calls import twiml
from web.calls.answering import Announce, Overflow
from web.calls.callback_forms import Form
from web.config import SETTINGS
from web.request.access import Rows
from web.request.callers import customer_number
from web.request.countries import dialled_for
from web.request.dialling import DiallingError

_log = structlog.get_logger(__name__)


async def checked(
    rows: Rows, step: Announce | Overflow, form: Form, platform: Collection[str]
) -> Announce | Overflow:
    """Return ``step``, or its announcement if the overflow number may not be called for the call in ``form``.

    ``platform`` are the countries that the platform allows.
    """
    if isinstance(step, Announce):
        return step
    problem = await _problem(rows, step.number, form, platform)
    if problem is None:
        return step
    _log.warning("overflow number not called", why=problem)
    return Announce(step.otherwise)


async def _problem(rows: Rows, number: str, form: Form, platform: Collection[str]) -> str | None:
    """Return why ``number`` may not be called, None if it may."""
    try:
        dialled_for(rows.organisation, number, platform)
    except DiallingError as refusal:
        return refusal.reason
    if number in (form.get("From"), form.get("ForwardedFrom")):
        return "the call comes from there"
    return "it is answered here" if await rows.is_answered_here(number) else None


def document(request: web.Request, step: Announce | Overflow, form: Form, *, after_stream: bool = False) -> str:
    """Return the TwiML for ``step``. With ``after_stream`` the call may have a stream, which is stopped."""
    if isinstance(step, Announce):
        return twiml.say_goodbye(step.sentence)
    settings = request.app[SETTINGS]
    caller = form.get("From", "")
    return twiml.overflow(
        step.number,
        # Who withholds their number is shown as the number that they called: Twilio dials with a number only.
        caller_id=None if customer_number(caller) else form.get("To"),
        longest=settings.outbound_call_minutes * 60,
        stop_stream=after_stream,
        callbacks=twiml.Callbacks(settings.web_public_url),
    )
