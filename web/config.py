"""Settings of the web process, read once from the environment. A wrong or missing one is one line and exit 2."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

import phonenumbers
from aiohttp import web
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from db.email_addresses import key
from db.settings import DatabaseSettings, RetentionSettings
from provisioning.stripe.settings import STRIPE_API, StripeSettings
from provisioning.twilio.settings import TWILIO_API, TwilioSettings
from runtime.listening import ANYWHERE
from runtime.settings import (
    LOOPBACK,
    AccountSid,
    CommaList,
    HttpOrigin,
    NatsUrl,
    Secret,
    Sender,
    SmtpUrl,
    TlsFolder,
    WebSocketOrigin,
    load,
    split,
    split_url,
)

__all__ = ["CONSENT_PROMPT", "SETTINGS", "STRIPE_API", "TWILIO_API", "Settings", "read"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
_INTEGRITY = re.compile("sha256-[A-Za-z0-9+/]{43}=|sha384-[A-Za-z0-9+/]{64}|sha512-[A-Za-z0-9+/]{86}==")

DIAL_COUNTRIES = ("AU", "NZ")
CONSENT_PROMPT = (
    "This call is transcribed by a computer while we talk, and a supervisor may listen, to help us to help you. "
    "The words are not kept. If you would rather not, please tell us."
)


def _emails(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys of ``addresses``, under which all spellings of one are the same."""
    keys = tuple(key(address) for address in addresses)
    if not all(re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", each) for each in keys):
        raise ValueError("must be email addresses, separated by commas")
    return keys


def _countries(codes: tuple[str, ...]) -> tuple[str, ...]:
    known = tuple(dict.fromkeys(code.upper() for code in codes))
    for code in known:
        if code not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("must be ISO 3166 codes of countries, such as AU,NZ")
    return known


def _voice_sdk(value: str) -> str:
    url = split_url(value)
    if value and not (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)):
        raise ValueError("must begin with https:// (http:// only on loopback)")
    if value and not _HOST.fullmatch(url.netloc):  # it goes into the Content-Security-Policy
        raise ValueError("must be the address of a script, such as https://cdn.example.com.au/twilio.min.js")
    return value


def _test_calls(value: str) -> str:
    url = split_url(value)
    if value and not (
        url.hostname and (url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK))
    ):
        raise ValueError("must begin with https:// (http:// only on loopback)")
    return value


def _integrity(value: str) -> str:
    if value and not all(_INTEGRITY.fullmatch(each) for each in value.split()):
        raise ValueError("must be sha256-…, sha384-… or sha512-…, the hash in base64")
    return value


Countries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_countries)]

Emails = Annotated[tuple[str, ...], NoDecode, BeforeValidator(split), AfterValidator(_emails)]


class Settings(DatabaseSettings, RetentionSettings, TwilioSettings, StripeSettings):
    """Names and defaults as the README's table lists them."""

    nats_url: NatsUrl

    web_host: str = ANYWHERE
    web_port: Annotated[int, Field(ge=0, le=65535)] = 8080
    tls_folder: TlsFolder = None
    """With it, everything that connects must speak TLS: Caddy, health checks, Prometheus."""
    web_drain_seconds: Annotated[int, Field(ge=0, le=600)] = 10
    """How long requests are still answered after SIGTERM, for whoever sends them to learn that they must not."""
    web_public_url: Annotated[HttpOrigin, Field(min_length=1)]
    web_proxy_hops: Annotated[int, Field(ge=0, le=8)] = 0
    """How many proxies of ours stand in front: that many of X-Forwarded-For's last addresses are believed."""
    media_public_url: WebSocketOrigin

    session_secret: Secret
    stream_shared_secret: Secret

    smtp_url: SmtpUrl
    mail_from: Sender

    twilio_account_sid: AccountSid
    twilio_auth_tokens: CommaList
    twilio_api_key_sid: Annotated[str, Field(pattern=r"^SK[0-9A-Za-z]+$")]
    twilio_api_key_secret: SecretStr
    twilio_twiml_app_sid: Annotated[str, Field(pattern=r"^AP[0-9A-Za-z]+$")]
    voice_sdk_url: Annotated[str, AfterValidator(_voice_sdk)] = ""
    """Where browsers load Twilio's Voice SDK from; empty: our own copy (`web.console.voice_sdk`)."""
    voice_sdk_integrity: Annotated[str, AfterValidator(_integrity)] = ""
    """What browsers compare a foreign SDK with (Subresource Integrity). It runs in the page that shows words."""
    test_call_url: Annotated[str, AfterValidator(_test_calls)] = ""
    """What calls a number (``to`` in a form) and plays a recording, for who tries theirs; empty: nothing does."""
    call_routing: Literal["dial", "rooms"] = "rooms"
    """``rooms``: every call is a conference that softphones join; ``dial``, the last resort: phones are dialled."""
    consent_prompt: Annotated[str, Field(max_length=2000)] = CONSENT_PROMPT
    """What callers hear where their organisation has no words of its own."""

    dial_countries: Countries = DIAL_COUNTRIES
    """Where softphones may call, as ISO 3166 codes: each is money that somebody else's script could spend."""
    outbound_call_minutes: Annotated[int, Field(ge=1, le=240)] = 120
    """How long one outgoing call may last."""
    outbound_minutes_per_seat: Annotated[int, Field(ge=1, le=1440)] = 600
    """How many minutes an organisation may call out within 24 hours, for each of its seats."""

    closing_grace_days: Annotated[int, Field(ge=1, le=90)] = 14
    """How long the closing of an organisation can be taken back."""
    operator_emails: Emails = ()
    """Who runs this: members with these addresses are shown the way to the operators' pages, and nothing more."""
    operator: Annotated[str, Field(min_length=1, max_length=120)] = "Bilby"
    """Who runs this, as the terms and the privacy page name them: a legal name, best with its ABN."""
    seat_price_cents: Annotated[int, Field(ge=11, le=1_000_00)] = 44_00
    """A month of one seat in AUD cents, GST included, as the public pages say: the same as STRIPE_PRICE_ID's."""
    aws_ai_opt_out: Literal["", "attested"] = ""
    live_translation: Literal["off", "on"] = "off"
    """Whether readers are offered translations; media has a setting of the same name."""
    aws_translate_opt_out: Literal["", "attested"] = ""
    """``attested`` once the AWS account is opted out of having its content used; the privacy page says which."""

    stripe_webhook_secret: SecretStr = SecretStr("")
    """What Stripe signs its webhooks with."""

    @property
    def secure(self) -> bool:
        """Whether people reach us by https: cookies are Secure then, and HSTS is sent."""
        return self.web_public_url.startswith("https:")

    @model_validator(mode="after")
    def _foreign_script_is_pinned(self) -> Self:
        if self.voice_sdk_url.startswith("https:") and not self.voice_sdk_integrity:
            raise ValueError("VOICE_SDK_URL: also needs VOICE_SDK_INTEGRITY, the hash of that script")
        if self.voice_sdk_integrity and not self.voice_sdk_url:
            raise ValueError("VOICE_SDK_INTEGRITY: belongs to VOICE_SDK_URL, which is not set")
        return self

    @model_validator(mode="after")
    def _secrets_differ(self) -> Self:
        # Media knows the second one; with the same value it could sign people in.
        if set(self.session_secret.accepted) & set(self.stream_shared_secret.accepted):
            raise ValueError("SESSION_SECRET: must not be the same as STREAM_SHARED_SECRET")
        return self


SETTINGS: web.AppKey[Settings] = web.AppKey("settings")


def read() -> Settings:
    """Return the settings, or print one line on stderr and exit with status 2."""
    return load("web", Settings)
