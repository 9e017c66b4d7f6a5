"""The URLs that Twilio is given, with its connection overrides behind ``#``. Pure.

``e`` is the edge that a request leaves Twilio from: without it that may be one in the United States, also for calls
that au1 processes. ``rc`` and ``rp`` are how often, and after what, Twilio repeats it. The fragment is neither sent
nor signed (Twilio, "Webhooks (HTTP callbacks): Connection overrides").
"""

from __future__ import annotations

from provisioning.twilio.client import EDGE

VOICE = "/twilio/voice/inbound"
STATUS = "/twilio/voice/status"
FALLBACK = "/twilio/voice/fallback"
SOFTPHONES = "/twilio/voice/outbound"
STREAM_STATUS = "/twilio/stream/status"

# A question is asked again at once where nobody answered or a proxy did. Not after a read timeout: somebody waits.
_ASKED = f"e={EDGE}&rc=2&rp=5xx,ct"
_REPORTED = f"e={EDGE}&rc=3&rp=5xx,ct,rt"


def asked(url: str) -> str:
    """Return ``url`` for a question, whose answer people on the line wait for."""
    return _with(url, _ASKED)


def reported(url: str) -> str:
    """Return ``url`` for a report, which nobody waits for: Twilio repeats it until it gets through."""
    return _with(url, _REPORTED)


def is_same(one: str, other: str) -> bool:
    """Return whether two URLs lead to the same place, whatever their overrides."""
    return one.partition("#")[0] == other.partition("#")[0]


def _with(url: str, overrides: str) -> str:
    """Return ``url`` with ``overrides``; without for an address on this machine, which has no edge in between."""
    return f"{url}#{overrides}" if url.startswith("https:") else url
