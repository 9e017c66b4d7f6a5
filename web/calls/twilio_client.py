"""Twilio's client as `provisioning.twilio.client` makes it, for what web asks of live calls."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from twilio.rest import Client

from provisioning.twilio.client import EDGE, REGION, connected
from web.config import TWILIO_API, Settings

__all__ = ["EDGE", "REGION", "of"]


def of(settings: Settings) -> AbstractAsyncContextManager[Client]:
    """The client that ``settings`` describe. Enter it inside the running loop."""
    return connected(
        account=settings.twilio_account_sid,
        key=settings.twilio_api_key_sid,
        secret=settings.twilio_api_key_secret.get_secret_value(),
        base=None if settings.twilio_api_base == TWILIO_API else settings.twilio_api_base,
    )
