"""Twilio's Voice SDK for browsers: our own pinned copy below ``/static``, or another one that the operator names.

Twilio publishes the SDK on npm alone. ``static/vendor/README.txt`` says where the copy is from and how to renew it.
"""

from __future__ import annotations

from dataclasses import dataclass

from web.config import Settings
from web.request.static_files.files import StaticFiles

VERSION = "2.18.5"
COPY = "vendor/twilio.min.js"
COPY_INTEGRITY = "sha384-LUG7DmzDPWNKRYoqyGpV4d/IByMLiya/oUhMSc/4/6hi0wbzO/8PffM4lzeFEYS8"


@dataclass(frozen=True, slots=True)
class VoiceSdk:
    """Where a page loads the SDK from. ``integrity`` is what the browser compares it with; empty on loopback."""

    url: str
    integrity: str


def voice_sdk(settings: Settings, static_files: StaticFiles) -> VoiceSdk:
    """Return the SDK that pages with a phone load."""
    if settings.voice_sdk_url:
        return VoiceSdk(settings.voice_sdk_url, settings.voice_sdk_integrity)
    return VoiceSdk(static_files.url(COPY), COPY_INTEGRITY)
