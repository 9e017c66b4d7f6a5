"""Settings of the provisioning process, read once from the environment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from db.settings import DatabaseSettings, RetentionSettings
from provisioning.stripe.settings import StripeSettings
from provisioning.twilio.settings import TwilioSettings
from runtime.settings import HttpOrigin, NatsUrl, Sender, SmtpUrl, WebSocketOrigin, load


class Settings(DatabaseSettings, RetentionSettings, TwilioSettings, StripeSettings):
    """Names and defaults are those of the README's table."""

    provisioning_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port for health checks and Prometheus; 0: none."""
    media_public_url: WebSocketOrigin | Literal[""] = ""
    """Its certificate is watched, like that of ``web_public_url``."""
    nats_url: NatsUrl | None = None
    """Where progress is published; empty: pages learn of it when they are reloaded."""
    web_public_url: HttpOrigin = ""
    """Where Twilio sends a number's calls; the base of links in mails."""
    smtp_url: SmtpUrl | None = None
    """Sends mail to owners; without it mails wait."""
    mail_from: Sender | None = None
    """Also receives Twilio's mail about regulatory bundles."""

    @property
    def rents_numbers(self) -> bool:
        """Whether all settings for numbers are there; otherwise orders wait."""
        return self.twilio_is_set and bool(self.web_public_url)


def read() -> Settings:
    """Return the settings; or write one line to stderr and exit with status 2."""
    return load("provisioning", Settings)
