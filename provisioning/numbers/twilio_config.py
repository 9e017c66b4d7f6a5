"""How a number of ours has to stand at Twilio, and how it is put right; what was changed is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.twilio import webhook_url
from provisioning.twilio.client import REGION
from provisioning.twilio.numbers_api import Owned, TwilioApi

_URLS = ("voice_url", "voice_fallback_url", "status_callback")
NOWHERE = dict.fromkeys(_URLS, "")
"""The settings of a number that is nobody's."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that was not as it has to be."""

    what: str
    was: str
    now: str


def wanted(web_public_url: str, fallback_url: str = "") -> dict[str, str]:
    """Return the settings of every number of ours. No application: it would take precedence over the URL.

    ``fallback_url`` is what Twilio asks when we do not answer: a document that needs none of our processes. Empty is
    the one beside the others, which the proxy in front of `web` serves.
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
    """Return what stands otherwise at Twilio than it has to. Overrides behind ``#`` are no difference."""
    right = wanted(web_public_url, fallback_url)
    found = [Change(name, getattr(owned, name), now) for name, now in right.items()]
    return [each for each in found if not _agrees(each)]


async def configure(api: TwilioApi, owned: Owned, web_public_url: str, fallback_url: str = "") -> list[Change]:
    """Put the number's settings right, if they are not; return what was changed. Raises `TwilioError`.

    With any change all of them are written: Twilio takes no fallback without a URL, and URLs that agreed get their
    overrides. What is to be empty is written where it is not: an empty sid has no form that Twilio knows.
    """
    changes = differences(owned, web_public_url, fallback_url)
    if changes:
        changed = {change.what for change in changes}
        right = wanted(web_public_url, fallback_url).items()
        await api.change(owned.sid, **{name: now for name, now in right if now or name in changed})
    return changes


async def route(api: TwilioApi, e164: str) -> list[Change]:
    """Have the number's calls processed in Australia, if they are not; what was changed. Raises `TwilioError`."""
    region = await api.region(e164)
    if region == REGION:
        return []
    await api.route(e164)
    return [Change("voice_region", region, REGION)]


async def repair(api: TwilioApi, sid: str, web_public_url: str, fallback_url: str = "") -> Sequence[Change] | None:
    """Look at all of it and mend what is wrong; what was changed, None if the number is not ours any more.

    Raises `TwilioError`.
    """
    owned = await api.fetch(sid)
    if owned is None:
        return None
    return [*await configure(api, owned, web_public_url, fallback_url), *await route(api, owned.e164)]


def _agrees(change: Change) -> bool:
    if change.what in _URLS:
        return webhook_url.is_same(change.was, change.now)
    return change.was == change.now
