"""What it takes to rent numbers from Twilio: credentials, hosts, a regulatory bundle, and how much may be bought."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from runtime.settings import LOOPBACK, ProcessSettings, split_url, vendor

TWILIO_API = "https://api.sydney.au1.twilio.com"
TWILIO_GLOBAL_API = "https://api.twilio.com"
ROUTES_APIS = ("https://routes.sydney.au1.twilio.com", "https://routes.twilio.com")
NUMBERS_API = "https://numbers.twilio.com"


def _twilio(value: str) -> str:
    return vendor(value, TWILIO_API)


def _purchase(value: str) -> str:
    return vendor(value, TWILIO_API, TWILIO_GLOBAL_API) if value else value


def _routes(value: str) -> str:
    return vendor(value, *ROUTES_APIS) if value else value


def _numbers(value: str) -> str:
    return vendor(value, NUMBERS_API) if value else value


def _document(value: str) -> str:
    url = split_url(value)
    if value and not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        raise ValueError("must begin with https:// (http:// only on loopback)")
    if value and (not url.hostname or url.fragment):
        raise ValueError("must be the URL of a document, such as https://example.com.au/voice.xml")
    return value


def _sid(prefix: str) -> str:
    return rf"^({prefix}[0-9A-Za-z]+)?$"


class TwilioSettings(ProcessSettings):
    """Without an account and a key nothing is bought or given back: those jobs wait."""

    twilio_account_sid: Annotated[str, Field(pattern=_sid("AC"))] = ""
    twilio_api_key_sid: Annotated[str, Field(pattern=_sid("SK"))] = ""
    twilio_api_key_secret: SecretStr = SecretStr("")
    twilio_api_base: Annotated[str, AfterValidator(_twilio)] = TWILIO_API
    twilio_purchase_base: Annotated[str, AfterValidator(_purchase)] = ""
    """Where numbers are searched, bought and given back, and addresses are filed; empty: at `twilio_api_base`.

    Whether au1 does that is not documented; the global host, in the United States, does, with a key of us1."""
    twilio_routes_base: Annotated[str, AfterValidator(_routes)] = ""
    """Where a number's Region is set. Some accounts reach it at routes.twilio.com only, with a key of us1."""
    twilio_numbers_base: Annotated[str, AfterValidator(_numbers)] = ""
    """Where regulatory bundles are filed. Twilio has this in the United States alone."""
    twilio_us1_key_sid: Annotated[str, Field(pattern=_sid("SK"))] = ""
    twilio_us1_key_secret: SecretStr = SecretStr("")
    """A key made in us1, for hosts outside au1: a key is valid in its own Region only. Empty: the key of au1."""

    voice_fallback_url: Annotated[str, AfterValidator(_document)] = ""
    """What Twilio asks about a call when `web` does not answer; empty: WEB_PUBLIC_URL + /twilio/voice/fallback."""

    twilio_bundle_sid: Annotated[str, Field(pattern=_sid("BU"))] = ""
    twilio_address_sid: Annotated[str, Field(pattern=_sid("AD"))] = ""
    """The platform's own approved bundle and address; with both, organisations need none of their own."""

    released_numbers: Literal["delete", "keep"] = "delete"
    """Whether a released number goes back to Twilio, or stays ours for the next one who wants a number."""
    max_numbers_per_organisation: Annotated[int, Field(ge=1)] = 10
    max_purchases_per_day: Annotated[int, Field(ge=1)] = 5
    """Of one organisation."""

    @property
    def has_platform_bundle(self) -> bool:
        """Whether the platform's own bundle covers every organisation."""
        return bool(self.twilio_bundle_sid and self.twilio_address_sid)

    @property
    def twilio_is_set(self) -> bool:
        """Whether there is an account to work with."""
        return bool(self.twilio_account_sid and self.twilio_api_key_sid)

    @property
    def purchase_base(self) -> str:
        """The setting `twilio_purchase_base`, or else `twilio_api_base`."""
        return self.twilio_purchase_base or self.twilio_api_base

    @property
    def routes_base(self) -> str:
        """The setting `twilio_routes_base`, or else what follows from `twilio_api_base`."""
        return self.twilio_routes_base or self._beside(ROUTES_APIS[0])

    @property
    def numbers_base(self) -> str:
        """The setting `twilio_numbers_base`, or else what follows from `twilio_api_base`."""
        return self.twilio_numbers_base or self._beside(NUMBERS_API)

    def key_for(self, base: str) -> tuple[str, str]:
        """Return sid and secret of the key that is valid at ``base``: au1's at its hosts and at `twilio_api_base`."""
        in_au1 = base == self.twilio_api_base or base.endswith(".au1.twilio.com")
        if self.twilio_us1_key_sid and not in_au1:
            return self.twilio_us1_key_sid, self.twilio_us1_key_secret.get_secret_value()
        return self.twilio_api_key_sid, self.twilio_api_key_secret.get_secret_value()

    def _beside(self, real: str) -> str:
        """Return the base of a further API: ``real``, or this machine if `twilio_api_base` is here as well."""
        return self.twilio_api_base if urlsplit(self.twilio_api_base).hostname in LOOPBACK else real
