"""Settings of the provisioning process, read once from the environment."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from db.settings import DatabaseSettings, RetentionSettings
from provisioning.stripe.settings import StripeSettings
from provisioning.twilio.settings import TwilioSettings
from runtime.settings import HttpOrigin, NatsUrl, Sender, SmtpUrl, WebSocketOrigin, load


class Settings(DatabaseSettings, RetentionSettings, TwilioSettings, StripeSettings):
    """Names and defaults as the README's table lists them."""

    provisioning_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Where it answers health checks and Prometheus; 0: nowhere."""
    media_public_url: WebSocketOrigin | Literal[""] = ""
    """Whose certificate is watched, beside that of ``web_public_url``."""
    nats_url: NatsUrl | None = None
    """Where progress is told; empty: pages learn of it when they ask."""
    web_public_url: HttpOrigin = ""
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
