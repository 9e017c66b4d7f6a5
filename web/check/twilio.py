"""The preflight's look at Twilio: the keys, our numbers and where their calls are processed, sales, softphones."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aiohttp import ClientError
from twilio.base.exceptions import TwilioRestException

from provisioning.numbers import twilio_config
from provisioning.twilio import bundles_api, numbers_api, webhook_url
from provisioning.twilio.client import REGION, client_of
from provisioning.twilio.numbers_api import Owned, TwilioApi, TwilioError, Wish
from web.check.finding import CheckResult
from web.config import Settings

MOST_ROUTES = 200  # numbers whose region is read: each is a request of its own
_AT_ONCE = 8
_NAMED = 5
_US1 = "set TWILIO_US1_KEY_SID and TWILIO_US1_KEY_SECRET to a Standard key made in us1"


async def key(settings: Settings) -> CheckResult:
    """Ask for something that a Standard key may read: neither the account nor its keys are."""
    try:
        async with numbers_api.opened(settings) as api:
            await api.reach()
    except TwilioError as error:
        return _refused(error)
    return CheckResult("Twilio", "takes the API key")


async def numbers(settings: Settings) -> CheckResult:
    """Read how each number of the account stands. Named by its SID: a number is nobody's business here."""
    try:
        async with numbers_api.opened(settings) as api:
            owned = await api.everything()
            wrong = _misdirected(owned, settings)
            ours = [each for each in owned if each.sid not in wrong["do not point here"]]
            wrong |= await _abroad(api, ours[:MOST_ROUTES])
    except TwilioError as error:
        return CheckResult("numbers", f"could not be read ({error.code or 'no answer'})", "see Twilio above")
    found = {what: sids for what, sids in wrong.items() if sids}
    if not found:
        beyond = "" if len(owned) <= MOST_ROUTES else f"; the regions of the first {MOST_ROUTES} were read"
        return CheckResult("numbers", f"all {len(owned)} point here and are processed in {REGION}{beyond}")
    said = "; ".join(f"{len(sids)} of {len(owned)} {what}: {_named(sids)}" for what, sids in found.items())
    url = settings.web_public_url + webhook_url.VOICE
    mend = f"check them under Numbers, or set their voice URL to {url} and their region to {REGION}"
    return CheckResult("numbers", said, f"{mend}; leave them if they are not Bilby's")


async def sales(settings: Settings) -> CheckResult:
    """Search a number for sale, as customers do, at the host and with the key that sells them."""
    where = settings.purchase_base
    try:
        async with numbers_api.opened(settings) as api:
            await api.search(Wish(), limit=1)
    except TwilioError as error:
        is_key = error.status in (401, 403) and where != settings.twilio_api_base
        mend = _US1 if is_key else error.sentence.rstrip(".")
        return CheckResult("number sales", f"are refused at {where} (HTTP {error.status}, code {error.code})", mend)
    return CheckResult("number sales", f"are open at {where}")


async def papers(settings: Settings) -> CheckResult:
    """Read regulatory papers, unless the platform's own stand for everybody."""
    if settings.twilio_bundle_sid and settings.twilio_address_sid:
        return CheckResult("papers", "the platform's own stand for every customer")
    try:
        async with bundles_api.opened(settings) as api:
            await api.reach()
    except TwilioError as error:
        said = f"can not be read at {settings.numbers_base} (HTTP {error.status}, code {error.code})"
        return CheckResult(
            "papers", said, f"{_US1}, or TWILIO_BUNDLE_SID and TWILIO_ADDRESS_SID to papers of your own"
        )
    return CheckResult("papers", f"can be filed at {settings.numbers_base}")


async def softphones(settings: Settings) -> CheckResult:
    """What agents dial goes through a TwiML App, which must ask us what to do with it."""
    wanted = settings.web_public_url + webhook_url.SOFTPHONES
    async with client_of(settings) as client:
        try:
            app = await client.applications(settings.twilio_twiml_app_sid).fetch_async()
        except TwilioRestException as error:
            mend = f"set TWILIO_TWIML_APP_SID to an application of region {REGION}"
            return CheckResult("softphones", f"have no TwiML App (HTTP {error.status})", mend)
        except (ClientError, TimeoutError, OSError):
            return CheckResult("softphones", "could not be looked up", "see Twilio above")
    if not webhook_url.is_same(app.voice_url or "", wanted):
        mend = f"set its voice URL to {webhook_url.asked(wanted)}"
        return CheckResult("softphones", "dial through an app that does not ask here", mend)
    return CheckResult("softphones", "dial through an app that asks here")


def _refused(error: TwilioError) -> CheckResult:
    if error.status is None:
        return CheckResult("Twilio", "does not answer", "check that this host reaches Twilio")
    if error.status not in (401, 403):
        return CheckResult("Twilio", f"answers HTTP {error.status}, code {error.code}", error.sentence.rstrip("."))
    mend = f"TWILIO_API_KEY_SID and its secret must be a Standard key of TWILIO_ACCOUNT_SID's, made in {REGION}"
    return CheckResult("Twilio", f"refuses the API key (HTTP {error.status}, code {error.code})", mend)


def _misdirected(owned: Iterable[Owned], settings: Settings) -> dict[str, list[str]]:
    """The SIDs of numbers that Twilio would not bring to us, or not as it has to, by what is wrong."""
    wrong: dict[str, list[str]] = defaultdict(list)
    for each in owned:
        changes = twilio_config.differences(each, settings.web_public_url, settings.voice_fallback_url)
        names = {change.what for change in changes}
        if names & {"voice_url", "voice_application_sid"}:
            wrong["do not point here"].append(each.sid)
        elif names & {"voice_fallback_url", "voice_fallback_method"}:
            wrong["have no fallback for when web is away"].append(each.sid)
        elif names:
            wrong["report elsewhere, or in another way"].append(each.sid)
    return wrong


async def _abroad(api: TwilioApi, owned: Sequence[Owned]) -> Mapping[str, list[str]]:
    """The SIDs of numbers whose calls another Region processes. Raises `TwilioError`."""
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
