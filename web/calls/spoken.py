"""Answer a webhook of Twilio's with TwiML whatever fails: on an error status, Twilio itself would apologise.

And what callers hear before they are transcribed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from db.engine import DatabaseUnavailableError
from db.queries.words.hearings import NumberHearing
from web.calls import twiml
from web.calls.callback_forms import Form, FormError
from web.calls.twilio_request import twilio_form
from web.config import SETTINGS
from web.request.access import Rows

ANSWER_SECONDS = 10.0  # Twilio waits at most 15 s
RECORD_SECONDS = 3.0  # for reading and writing a call's row, while people wait on the line
SORRY = "Sorry, your call cannot be connected right now. Please try again in a few minutes. Goodbye."

_log = structlog.get_logger(__name__)


async def spoken(request: web.Request, answer: Callable[[web.Request, Form], Awaitable[str]]) -> web.Response:
    """Return the TwiML that ``answer`` makes of the signed form; an apology if it fails."""
    form = await twilio_form(request)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            text = await answer(request, form)
    except Exception as error:  # whatever failed, the caller must hear a sentence
        complain("call not answered", error)
        text = twiml.say_goodbye(SORRY)
    return web.Response(text=text, content_type="text/xml")


def consent_prompt(request: web.Request, rows: Rows, hearing: NumberHearing) -> str:
    """Return what callers of a number hear before transcription: its own words, the organisation's, or ours."""
    own = (rows.organisation.consent_prompt or "").strip()
    return hearing.prompt or own or request.app[SETTINGS].consent_prompt


def complain(event: str, error: Exception) -> None:
    """Log a failure: expected kinds by name only, others with the traceback.

    The line names the call, if its CallSid is well-formed (`web.calls.twilio_request.twilio_form`).
    """
    unexpected = not isinstance(error, DatabaseUnavailableError | TimeoutError | FormError)
    _log.error(event, error=type(error).__name__, exc_info=unexpected)
