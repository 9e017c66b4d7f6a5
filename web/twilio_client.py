"""Twilio's client as `provisioning.twilio_client` makes it, for what web asks of live calls."""

from provisioning.twilio_client import EDGE, REGION, connected

__all__ = ["EDGE", "REGION", "connected"]
