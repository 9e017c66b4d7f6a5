"""An emulated Twilio account with an approved bundle, and its REST API opened as the product opens it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from provisioning.twilio.settings import TwilioSettings as Settings
from sandbox.twilio.emulator import Number, Registry, Twilio, TwilioSettings, twilio
from sandbox.twilio.rest.registry import now
from tests.kit.vendors.twilio_specification import Judge
from tests.kit.web.site import Site
from web.config import Settings as WebSettings

ACCOUNT, KEY, SECRET, TOKEN = f"AC{'1' * 32}", f"SK{'2' * 32}", "k" * 32, "t" * 32
BUNDLE, ADDRESS = f"BU{'4' * 32}", f"AD{'5' * 32}"
APPROVED: dict[str, Any] = {
    "sid": BUNDLE,
    "account_sid": ACCOUNT,
    "regulation_sid": f"RN{'b' * 32}",
    "friendly_name": "platform",
    "status": "twilio-approved",
    "valid_until": None,
    "email": "ops@bilby.example",
    "status_callback": None,
    "date_created": now(),
    "date_updated": now(),
    "url": f"https://numbers.twilio.com/v2/RegulatoryCompliance/Bundles/{BUNDLE}",
    "links": {},
}


@dataclass(slots=True)
class Account:
    """The running emulator, and the settings of a process that uses it."""

    emulator: Twilio
    settings: Settings
    judge: Judge = field(default_factory=Judge)

    @property
    def registry(self) -> Registry:
        """What the account has registered, and where faults are put."""
        return self.emulator.registry

    @property
    def numbers(self) -> dict[str, Number]:
        """What the account rents, by E.164."""
        return self.emulator.exchange.numbers

    def purchases(self) -> int:
        """How many requests to buy there were."""
        return self.registry.count("POST", r"/IncomingPhoneNumbers\.json$")


def twilio_of(site: Site, settings: WebSettings, port: int, number: str) -> TwilioSettings:
    """The account that ``settings`` know, with ``number`` and its softphones' application pointing at web."""
    voice = f"{site.url}/twilio/voice"
    return TwilioSettings(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_tokens[0].get_secret_value(),
        api_key_sid=settings.twilio_api_key_sid,
        api_key_secret=settings.twilio_api_key_secret.get_secret_value(),
        twiml_app_sid=settings.twilio_twiml_app_sid,
        twiml_app_voice_url=f"{voice}/outbound",
        port=port,
        numbers=(Number(number, voice_url=f"{voice}/inbound", status_callback=f"{voice}/status"),),
        say_seconds_per_char=0.005,
    )


@asynccontextmanager
async def account(
    *numbers: Number, registry: Registry | None = None, emulated: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Account]:
    """An account that has ``numbers`` and may buy more. Whatever passes must be as Twilio specifies it."""
    registry = registry or Registry(review_seconds=None)
    registry.bundles[BUNDLE] = dict(APPROVED)
    registry.addresses[ADDRESS] = {"sid": ADDRESS, "iso_country": "AU"}
    async with twilio(
        TwilioSettings(
            account_sid=ACCOUNT,
            auth_token=TOKEN,
            api_key_sid=KEY,
            api_key_secret=SECRET,
            twiml_app_sid=f"AP{'3' * 32}",
            port=0,
            numbers=numbers,
            **(emulated or {}),
        ),
        registry,
    ) as emulator:
        chosen = Settings.model_validate(
            {
                "twilio_account_sid": ACCOUNT,
                "twilio_api_key_sid": KEY,
                "twilio_api_key_secret": SECRET,
                "twilio_api_base": emulator.url,
                "twilio_bundle_sid": BUNDLE,
                "twilio_address_sid": ADDRESS,
            }
            | settings
        )
        opened = Account(emulator, chosen)
        registry.watchers.append(opened.judge.watch)
        yield opened
        assert opened.judge.faults == []
