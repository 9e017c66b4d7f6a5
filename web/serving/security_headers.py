"""What every answer tells the browser to refuse. Pure: settings in, headers out."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from web.config import STRIPE_API, Settings

# What the real Voice SDK talks to with `edge: "sydney"` and a token of home region au1: signalling, and Insights (the
# SDK's README, "Content Security Policy"). Its sounds are ours (`static/sounds`): sdk.twilio.com is not among them.
_TWILIO_SIGNALLING = "wss://voice-js.sydney.twilio.com"
_TWILIO_INSIGHTS = "https://eventgw.au1.twilio.com"
_CALL_SOUND = "mediastream:"  # the other side's voice, as an <audio> element's source
_STRIPE_PAGES = ("https://checkout.stripe.com", "https://billing.stripe.com")


def security_headers(settings: Settings) -> Mapping[str, str]:
    """Return the headers that go out with every answer."""
    headers = {
        "Content-Security-Policy": content_security_policy(settings),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "SAMEORIGIN",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if settings.secure:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers


def content_security_policy(settings: Settings) -> str:
    """Return the policy: what a page of ours needs, no inline script or style, nothing of others' but Twilio's."""
    scripts, connects = _voice_sources(settings.voice_sdk_url)
    policy = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *scripts],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'", settings.media_public_url, *connects],
        "media-src": ["'self'", _CALL_SOUND],
        "manifest-src": ["'self'"],
        "form-action": ["'self'", *_payment_pages(settings)],
        "worker-src": ["'self'"],
        "frame-src": ["'self'"],
        "frame-ancestors": ["'self'"],  # the console shows our other pages inside itself: its sound must go on
        "base-uri": ["'none'"],
    }
    return "; ".join(" ".join([directive, *sources]) for directive, sources in policy.items())


def _payment_pages(settings: Settings) -> list[str]:
    """Return where a form of ours may be redirected to: Stripe's pages for paying and for the portal."""
    return list(_STRIPE_PAGES) if settings.stripe_api_base == STRIPE_API else [settings.stripe_api_base]


def _voice_sources(sdk_url: str) -> tuple[list[str], list[str]]:
    """Return script-src and connect-src for the softphone, beyond our own origin."""
    if not sdk_url:
        return [], [_TWILIO_SIGNALLING, _TWILIO_INSIGHTS]
    url = urlsplit(sdk_url)
    origin = f"{url.scheme}://{url.netloc}"
    if url.scheme == "https":
        return [origin], [_TWILIO_SIGNALLING, _TWILIO_INSIGHTS]
    return [origin], [origin, f"ws://{url.netloc}"]  # an emulated SDK signals to where it came from
