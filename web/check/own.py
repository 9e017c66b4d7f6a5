"""What an organisation's admins may look at: their own numbers, words and people, and nothing of the platform."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from db.models import Number
from provisioning.numbers import twilio_config
from provisioning.twilio.client import REGION
from provisioning.twilio.numbers_api import TwilioApi, TwilioError
from web.check.finding import CheckResult
from web.config import Settings
from web.organisation import details as organisation_details
from web.request import access, keys
from web.request.access import Viewer
from web.request.callers import shown

Look = Callable[[web.Request, Viewer], Awaitable[CheckResult]]
_MOST_NUMBERS = 20  # more than an organisation may have


async def subscription(request: web.Request, viewer: Viewer) -> CheckResult:
    """Say whether everything that is paid for works."""
    async with access.rows(request, viewer) as rows:
        organisation = rows.organisation
    entitlements = viewer.entitlements
    if not entitlements.problem:
        return CheckResult("subscription", f"{organisation.name} is served")
    return CheckResult("subscription", entitlements.problem.rstrip("."), entitlements.remedy.rstrip("."))


async def numbers(request: web.Request, viewer: Viewer) -> CheckResult:
    """Read each of the organisation's numbers at Twilio."""
    async with access.rows(request, viewer) as rows:
        mine = (await rows.numbers.all())[:_MOST_NUMBERS]
    if not mine:
        return CheckResult("numbers", "there is none yet", "choose one under Numbers")
    api, settings = request.app[keys.phone_numbers], request.app[keys.settings]
    try:
        wrong = [shown(number.e164) for number in mine if not await _is_right(api, settings, number)]
    except TwilioError as error:
        return CheckResult("numbers", "could not be read just now", error.sentence.rstrip("."))
    if wrong:
        return CheckResult(
            "numbers", f"{', '.join(wrong)}: not set up as it should be", "press Check beside it, under Numbers"
        )
    return CheckResult("numbers", f"all {len(mine)} ring here and are processed in Australia")


async def prompt(request: web.Request, viewer: Viewer) -> CheckResult:
    """Look whether callers are told what is done."""
    async with access.rows(request, viewer) as rows:
        words = (rows.organisation.consent_prompt or "").strip() or request.app[keys.settings].consent_prompt
    if organisation_details.tells(words):
        return CheckResult("consent words", "tell callers that the call is transcribed")
    return CheckResult("consent words", "do not seem to say that calls are transcribed", "change them under Settings")


async def people(request: web.Request, viewer: Viewer) -> CheckResult:
    """Look whether a call would ring anywhere now."""
    async with access.rows(request, viewer) as rows:
        ready = await rows.members.to_ring(1)
    if ready:
        return CheckResult("people", "somebody takes calls now")
    return CheckResult("people", "nobody takes calls now", "have somebody switch on Taking calls in the console")


async def _is_right(api: TwilioApi, settings: Settings, number: Number) -> bool:
    """Raises `TwilioError`."""
    owned = await api.fetch(number.twilio_sid) if number.twilio_sid else None
    if owned is None:
        return False
    changes = twilio_config.differences(owned, settings.web_public_url, settings.voice_fallback_url)
    return not changes and await api.region(owned.e164) == REGION


CHECKS: Mapping[str, Look] = {
    "subscription": subscription,
    "numbers": numbers,
    "consent words": prompt,
    "people": people,
}
