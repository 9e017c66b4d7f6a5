"""The settings a rented number must have at Twilio: compare, correct, and return what was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.twilio import webhook_url
from provisioning.twilio.client import REGION
from provisioning.twilio.numbers_api import Owned, TwilioApi

_URLS = ("voice_url", "voice_fallback_url", "status_callback")
NOWHERE = dict.fromkeys(_URLS, "")
"""The settings of a number without an organisation."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that had another value than required."""

    what: str
    was: str
    now: str


def wanted(web_public_url: str, fallback_url: str = "") -> dict[str, str]:
    """Return the required settings of every number. No application: it would take precedence over the URL.

    ``fallback_url`` is what Twilio requests when we do not answer: a document that needs none of our processes. Empty
    means the one under ``web_public_url``, which the proxy in front of `web` serves.
    """
    return {
        "voice_url": webhook_url.asked(web_public_url + webhook_url.VOICE),
        "voice_method": "POST",
        "voice_fallback_url": webhook_url.asked(fallback_url or web_public_url + webhook_url.FALLBACK),
        "voice_fallback_method": "POST",
        "voice_application_sid": "",
        "status_callback": webhook_url.reported(web_public_url + webhook_url.STATUS),
        "status_callback_method": "POST",
    }


def differences(owned: Owned, web_public_url: str, fallback_url: str = "") -> list[Change]:
    """Return the settings at Twilio that differ. Overrides after ``#`` do not count as a difference."""
    right = wanted(web_public_url, fallback_url)
    found = [Change(name, getattr(owned, name), now) for name, now in right.items()]
    return [each for each in found if not _agrees(each)]


async def configure(api: TwilioApi, owned: Owned, web_public_url: str, fallback_url: str = "") -> list[Change]:
    """Correct the number's settings where they differ; return what was changed. Raise `TwilioError`.

    If any differs, all are written: Twilio accepts no fallback without a URL, and equal URLs get their overrides.
    Empty values are written only where Twilio has another value: it does not accept an empty sid otherwise.
    """
    changes = differences(owned, web_public_url, fallback_url)
    if changes:
        changed = {change.what for change in changes}
        right = wanted(web_public_url, fallback_url).items()
        await api.change(owned.sid, **{name: now for name, now in right if now or name in changed})
    return changes


async def route(api: TwilioApi, e164: str) -> list[Change]:
    """Route the number's calls to Australia if they are not; return what was changed. Raise `TwilioError`."""
    region = await api.region(e164)
    if region == REGION:
        return []
    await api.route(e164)
    return [Change("voice_region", region, REGION)]


async def repair(api: TwilioApi, sid: str, web_public_url: str, fallback_url: str = "") -> Sequence[Change] | None:
    """Check and correct everything; return what was changed, None if the number is no longer ours.

    Raise `TwilioError`.
    """
    owned = await api.fetch(sid)
    if owned is None:
        return None
    return [*await configure(api, owned, web_public_url, fallback_url), *await route(api, owned.e164)]


def _agrees(change: Change) -> bool:
    if change.what in _URLS:
        return webhook_url.is_same(change.was, change.now)
    return change.was == change.now
