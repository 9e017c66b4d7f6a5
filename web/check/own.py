"""Preflight checks for an organisation's admins: their own numbers, prompt and people, nothing about the platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from db.models import Number
from db.queries.words.hearings import NumberHearing
from provisioning.numbers import twilio_config
from provisioning.twilio.client import REGION
from provisioning.twilio.numbers_api import TwilioApi, TwilioError
from web.calls.spoken import consent_prompt
from web.check.result import CheckResult
from web.config import SETTINGS, Settings
from web.numbers import prompts
from web.request import access
from web.request.access import Viewer
from web.request.callers import shown
from web.resources import PHONE_NUMBERS

Look = Callable[[web.Request, Viewer], Awaitable[CheckResult]]
_MOST_NUMBERS = 20  # more than an organisation may have


async def subscription(request: web.Request, viewer: Viewer) -> CheckResult:
    """Check that the subscription allows everything."""
    async with access.rows(request, viewer) as rows:
        organisation = rows.organisation
    entitlements = viewer.entitlements
    if not entitlements.problem:
        return CheckResult("subscription", f"of {organisation.name} is active")
    return CheckResult("subscription", entitlements.problem.rstrip("."), entitlements.remedy.rstrip("."))


async def numbers(request: web.Request, viewer: Viewer) -> CheckResult:
    """Compare each of the organisation's numbers with its settings at Twilio."""
    async with access.rows(request, viewer) as rows:
        mine = (await rows.numbers.all())[:_MOST_NUMBERS]
    if not mine:
        return CheckResult("numbers", "there are none yet", "choose one under Numbers")
    api, settings = request.app[PHONE_NUMBERS], request.app[SETTINGS]
    try:
        wrong = [shown(number.e164) for number in mine if not await _is_right(api, settings, number)]
    except TwilioError as error:
        return CheckResult("numbers", "could not be read right now", error.sentence.rstrip("."))
    if wrong:
        return CheckResult(
            "numbers",
            f"{', '.join(wrong)}: wrong settings at Twilio",
            "open Numbers and press Check settings beside it",
        )
    return CheckResult("numbers", f"all {len(mine)} ring here and are processed in Australia")


async def prompt(request: web.Request, viewer: Viewer) -> CheckResult:
    """Check that the consent prompt mentions transcription, the organisation's and those of its numbers."""
    async with access.rows(request, viewer) as rows:
        words = consent_prompt(request, rows, NumberHearing())
        mine, hearings = await rows.numbers.all(), await rows.hearings.all()
    if not prompts.tells(words):
        return CheckResult(
            "consent prompt", "does not seem to say that calls are transcribed", "change it under Settings"
        )
    own = {number: hearing.prompt for number in mine if (hearing := hearings.get(number.id)) and hearing.prompt}
    if silent := [shown(number.e164) for number, words in own.items() if not prompts.tells(words)]:
        said = f"of {', '.join(silent)} does not seem to say that calls are transcribed"
        return CheckResult("consent prompt", said, "open Numbers and change it under Words")
    return CheckResult("consent prompt", "tells callers that the call is transcribed")


async def people(request: web.Request, viewer: Viewer) -> CheckResult:
    """Check that a call would ring at somebody's console now."""
    async with access.rows(request, viewer) as rows:
        ready = await rows.members.to_ring(1)
    if ready:
        return CheckResult("people", "somebody is taking calls now")
    return CheckResult(
        "people", "nobody is taking calls now", "ask an agent to switch on Taking calls in the console"
    )


async def _is_right(api: TwilioApi, settings: Settings, number: Number) -> bool:
    """Return whether Twilio has the number with our settings, processed in Australia. Raise `TwilioError`."""
    owned = await api.fetch(number.twilio_sid) if number.twilio_sid else None
    if owned is None:
        return False
    changes = twilio_config.differences(owned, settings.web_public_url, settings.voice_fallback_url)
    return not changes and await api.region(owned.e164) == REGION


CHECKS: Mapping[str, Look] = {
    "subscription": subscription,
    "numbers": numbers,
    "consent prompt": prompt,
    "people": people,
}
