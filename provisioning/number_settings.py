"""How a number of ours has to stand at Twilio, and how it is put right; what was changed is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.twilio_api import Owned, TwilioApi
from provisioning.twilio_client import REGION

VOICE_PATH = "/twilio/voice/inbound"
STATUS_PATH = "/twilio/voice/status"


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that was not as it has to be."""

    what: str
    was: str
    now: str


def wanted(web_public_url: str) -> dict[str, str]:
    """The settings of every number of ours. No application: it would take precedence over the URL."""
    return {
        "voice_url": web_public_url + VOICE_PATH,
        "voice_method": "POST",
        "voice_application_sid": "",
        "status_callback": web_public_url + STATUS_PATH,
        "status_callback_method": "POST",
    }


def differences(owned: Owned, web_public_url: str) -> list[Change]:
    """What stands otherwise at Twilio than it has to."""
    right = wanted(web_public_url)
    return [Change(name, getattr(owned, name), now) for name, now in right.items() if getattr(owned, name) != now]


async def configure(api: TwilioApi, owned: Owned, web_public_url: str) -> list[Change]:
    """Put the number's settings right, if they are not; what was changed. Raises `TwilioError`."""
    changes = differences(owned, web_public_url)
    if changes:
        await api.change(owned.sid, **{change.what: change.now for change in changes})
    return changes


async def route(api: TwilioApi, e164: str) -> list[Change]:
    """Have the number's calls processed in Australia, if they are not; what was changed. Raises `TwilioError`."""
    region = await api.region(e164)
    if region == REGION:
        return []
    await api.route(e164)
    return [Change("voice_region", region, REGION)]


async def put_right(api: TwilioApi, sid: str, web_public_url: str) -> Sequence[Change] | None:
    """Look at all of it and mend what is wrong; what was changed, None if the number is not ours any more.

    Raises `TwilioError`.
    """
    owned = await api.fetch(sid)
    if owned is None:
        return None
    return [*await configure(api, owned, web_public_url), *await route(api, owned.e164)]
