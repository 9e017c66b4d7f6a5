"""Preflight checks of Twilio: keys, numbers and their region, number sales, bundles, softphones, conferences."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aiohttp import ClientError
from twilio.base.exceptions import TwilioRestException

from provisioning.numbers import twilio_config
from provisioning.twilio import bundles_api, numbers_api, webhook_url
from provisioning.twilio.client import REGION, client_of
from provisioning.twilio.numbers_api import NumberSearch, Owned, TwilioApi, TwilioError
from web.check.result import CheckResult
from web.config import Settings

MOST_ROUTES = 200  # numbers whose region is read: one request each
_AT_ONCE = 8
_NAMED = 5
_REACH = "check that this host reaches Twilio"
_US1 = "set TWILIO_US1_KEY_SID and TWILIO_US1_KEY_SECRET to a Standard key created in us1"


async def key(settings: Settings) -> CheckResult:
    """Check the API key with a request that a Standard key may make: it may not read the account or its keys."""
    try:
        async with numbers_api.opened(settings) as api:
            await api.reach()
    except TwilioError as error:
        return _refused(error)
    return CheckResult("Twilio", "accepts the API key")


async def numbers(settings: Settings) -> CheckResult:
    """Check the settings of every number of the account. Numbers are named by SID, never by phone number."""
    try:
        async with numbers_api.opened(settings) as api:
            owned = await api.everything()
            wrong = _misdirected(owned, settings)
            ours = [each for each in owned if each.sid not in wrong["do not point here"]]
            wrong |= await _in_other_regions(api, ours[:MOST_ROUTES])
    except TwilioError as error:
        return CheckResult("numbers", f"could not be checked ({error.code or 'no answer'})", "see Twilio above")
    found = {what: sids for what, sids in wrong.items() if sids}
    if not found:
        beyond = "" if len(owned) <= MOST_ROUTES else f"; only the first {MOST_ROUTES} regions were checked"
        return CheckResult("numbers", f"all {len(owned)} point here and are processed in {REGION}{beyond}")
    said = "; ".join(f"{len(sids)} of {len(owned)} {what}: {_named(sids)}" for what, sids in found.items())
    url = settings.web_public_url + webhook_url.VOICE
    fix = f"press Check settings under Numbers, or set their voice URL to {url} and their region to {REGION}"
    return CheckResult("numbers", said, f"{fix}; ignore numbers that are not Bilby's")


async def sales(settings: Settings) -> CheckResult:
    """Search for a number to rent, with the host and the key that are used for renting."""
    where = settings.purchase_base
    try:
        async with numbers_api.opened(settings) as api:
            await api.search(NumberSearch(), limit=1)
    except TwilioError as error:
        if error.status is None:
            return CheckResult("number sales", f"could not be checked: {where} does not answer", _REACH)
        is_key = error.status in (401, 403) and where != settings.twilio_api_base
        fix = _US1 if is_key else error.sentence.rstrip(".")
        return CheckResult("number sales", f"are refused by {where} (HTTP {error.status}, code {error.code})", fix)
    return CheckResult("number sales", f"work at {where}")


async def bundles(settings: Settings) -> CheckResult:
    """Check access to regulatory bundles, unless the platform's own bundle covers every customer."""
    if settings.has_platform_bundle:
        return CheckResult("regulatory bundles", "the platform's own bundle covers every customer")
    try:
        async with bundles_api.opened(settings) as api:
            await api.reach()
    except TwilioError as error:
        if error.status is None:
            said = f"could not be checked: {settings.numbers_base} does not answer"
            return CheckResult("regulatory bundles", said, _REACH)
        said = f"cannot be filed at {settings.numbers_base} (HTTP {error.status}, code {error.code})"
        return CheckResult(
            "regulatory bundles", said, f"{_US1}, or set TWILIO_BUNDLE_SID and TWILIO_ADDRESS_SID to your own bundle"
        )
    return CheckResult("regulatory bundles", f"can be filed at {settings.numbers_base}")


async def softphones(settings: Settings) -> CheckResult:
    """Check that the TwiML App, through which softphones dial, sends its calls to us."""
    wanted = settings.web_public_url + webhook_url.SOFTPHONES
    async with client_of(settings) as client:
        try:
            app = await client.applications(settings.twilio_twiml_app_sid).fetch_async()
        except TwilioRestException as error:
            fix = f"set TWILIO_TWIML_APP_SID to a TwiML App of region {REGION}"
            return CheckResult("softphones", f"have no TwiML App (HTTP {error.status})", fix)
        except (ClientError, TimeoutError, OSError):
            return CheckResult("softphones", "could not be checked", "see Twilio above")
    if not webhook_url.is_same(app.voice_url or "", wanted):
        fix = f"set its voice URL to {webhook_url.asked(wanted)}"
        return CheckResult("softphones", "use a TwiML App that does not send its calls to Bilby", fix)
    return CheckResult("softphones", "use a TwiML App that sends its calls to Bilby")


async def conferences(settings: Settings) -> CheckResult:
    """Check that the key may see conferences, in which callers and agents meet.

    Whether the account's conference setting is "Agent Conference", which whispering needs, REST does not say.
    """
    if settings.call_routing == "dial":
        return CheckResult("conferences", "are not used: CALL_ROUTING is dial")
    async with client_of(settings) as client:
        try:
            await client.conferences.list_async(limit=1, page_size=1)
        except TwilioRestException as error:
            fix = f"ask Twilio to allow conferences in {REGION}, or set CALL_ROUTING=dial until they are"
            return CheckResult("conferences", f"are refused (HTTP {error.status}, code {error.code})", fix)
        except (ClientError, TimeoutError, OSError):
            return CheckResult("conferences", "could not be checked", "see Twilio above")
    return CheckResult("conferences", "can be used")


def _refused(error: TwilioError) -> CheckResult:
    if error.status is None:
        return CheckResult("Twilio", "does not answer", _REACH)
    if error.status not in (401, 403):
        return CheckResult("Twilio", f"answers HTTP {error.status}, code {error.code}", error.sentence.rstrip("."))
    fix = f"set TWILIO_API_KEY_SID and its secret to a Standard key of TWILIO_ACCOUNT_SID, created in {REGION}"
    return CheckResult("Twilio", f"refuses the API key (HTTP {error.status}, code {error.code})", fix)


def _misdirected(owned: Iterable[Owned], settings: Settings) -> dict[str, list[str]]:
    """Return the SIDs of numbers with wrong settings, by what is wrong."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for each in owned:
        changes = twilio_config.differences(each, settings.web_public_url, settings.voice_fallback_url)
        names = {change.what for change in changes}
        if names & {"voice_url", "voice_application_sid"}:
            wrong["do not point here"].append(each.sid)
        elif names & {"voice_fallback_url", "voice_fallback_method"}:
            wrong["have no fallback for when web is down"].append(each.sid)
        elif names:
            wrong["send their status callbacks elsewhere"].append(each.sid)
    return wrong


async def _in_other_regions(api: TwilioApi, owned: Sequence[Owned]) -> Mapping[str, list[str]]:
    """Return the SIDs of numbers whose calls are processed in another Twilio region. Raise `TwilioError`."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def region(number: Owned) -> str:
        async with turn:
            return await api.region(number.e164)

    regions = await asyncio.gather(*map(region, owned))
    wrong: dict[str, list[str]] = defaultdict(list)
    for number, where in zip(owned, regions, strict=True):
        if where != REGION:
            wrong[f"are processed in {where}, not in {REGION}"].append(number.sid)
    return wrong


def _named(sids: Sequence[str]) -> str:
    return ", ".join(sids[:_NAMED]) + (" and more" if len(sids) > _NAMED else "")
