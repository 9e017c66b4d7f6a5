"""Settings of the provisioning process, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from db.settings import DatabaseSettings, Sender, SmtpUrl, load, origin
from provisioning.stripe_settings import StripeSettings
from provisioning.twilio_settings import TwilioSettings


def _http_origin(value: str) -> str:
    return origin(value, "https", "http") if value else value


class Settings(DatabaseSettings, TwilioSettings, StripeSettings):
    """Names and defaults as the README's table lists them."""

    nats_url: SecretStr = SecretStr("")
    """Where progress is told; empty: pages learn of it when they ask."""
    web_public_url: Annotated[str, AfterValidator(_http_origin)] = ""
    """Where Twilio sends a number's calls, and where mails lead."""
    smtp_url: SmtpUrl | None = None
    """What takes mails to owners; without it they wait."""
    mail_from: Sender | None = None
    """Also where Twilio writes to about regulatory papers."""

    @property
    def rents_numbers(self) -> bool:
        """Whether everything is there that a number needs; else orders wait until it is."""
        return self.twilio_is_set and bool(self.web_public_url)


def read() -> Settings:
    """The settings, or one line on stderr and exit status 2."""
    return load("provisioning", Settings)
