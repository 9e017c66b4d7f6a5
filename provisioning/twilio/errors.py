"""What went wrong with a vendor, as a sentence an admin can act on, and whether trying again is of use.

The numbers are Twilio's error codes; a code that is not in the table is judged by its HTTP status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

Remedy = Literal["again", "operator", "papers", "another number", "nothing"]
"""``again``: it passes by itself. ``operator``: whoever runs Bilby must act; we look again from time to time.
``papers``: the organisation's details must be mended or approved first. ``another number``: this one is gone.
``nothing``: as it stands it can not work; a person has to decide."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of failure."""

    sentence: str
    remedy: Remedy


_BUSY = Trouble("Twilio is busy.", "again")
_DOWN = Trouble("Twilio does not answer properly at the moment.", "again")
_GONE = Trouble("Somebody else has taken that number.", "another number")
_INVALID = Trouble("Twilio does not know that number as one to buy.", "another number")
_CREDENTIALS = Trouble(
    "Twilio refuses our credentials. We have been told, and nothing is needed from you.", "operator"
)
_ADDRESS = Trouble(
    "Twilio could not verify your business address. Correct it under Settings, as a street address in Australia.",
    "papers",
)
_IDENTITY = Trouble(
    "Twilio has not accepted your business details. Check the legal name, ABN and address under Settings.", "papers"
)

_REALM = Trouble(
    "Twilio does not offer this at the host we ask. We have been told, and nothing is needed from you. For the "
    "operator: set TWILIO_PURCHASE_BASE to https://api.twilio.com (for a number's region TWILIO_ROUTES_BASE to "
    "https://routes.twilio.com), and TWILIO_US1_KEY_SID and TWILIO_US1_KEY_SECRET to a key made in us1.",
    "operator",
)
_NOT_THERE = "not supported in realm"  # Twilio's words, under more than one code

TROUBLES: dict[int, Trouble] = {
    20003: _CREDENTIALS,
    20005: Trouble(
        "Our account with Twilio is suspended. We have been told, and nothing is needed from you.", "operator"
    ),
    20429: _BUSY,
    20500: _DOWN,
    20503: _DOWN,
    21404: Trouble("Our account with Twilio is a trial one, which buys no numbers. We have been told.", "operator"),
    21421: _INVALID,
    21422: _GONE,
    21452: Trouble("There is no number like that. Search for another locality or prefix.", "another number"),
    21451: Trouble("There is no number like that. Search for another locality or prefix.", "another number"),
    21613: _IDENTITY,
    21615: Trouble(
        "This number is for businesses with an address in Australia. Enter one under Settings, and we go on.",
        "papers",
    ),
    21628: _ADDRESS,
    21629: _ADDRESS,
    21631: Trouble(
        "Twilio needs your business address before it rents you a number. Enter it under Settings, and we go on.",
        "papers",
    ),
    21649: Trouble(
        "Twilio needs your business details approved before it rents you a number. Complete them under Settings; "
        "if they are there, the approval is still under way, and we go on once it comes.",
        "papers",
    ),
    21650: _IDENTITY,
    21651: _IDENTITY,
    22222: _IDENTITY,
    22401: _REALM,
}


def outlook(sentence: str | None, next_try_at: datetime | None, zone: tzinfo) -> str:
    """What an admin reads beside an order that is not done: ``sentence``, and when it goes on, in their ``zone``.

    Empty if there is nothing to say.
    """
    if sentence is None and next_try_at is None:
        return ""
    if next_try_at is None:
        return f"{sentence} We do not try again by ourselves."
    at = f"{next_try_at.astimezone(zone):%H:%M:%S}"
    return f"{sentence} We try again at {at}." if sentence else f"We go on at {at}."


def trouble(code: int | None, status: int | None, text: str = "") -> Trouble:
    """Return what error ``code`` under HTTP ``status`` means, or Twilio's ``text``. No status: no answer at all."""
    if _NOT_THERE in text.casefold():
        return _REALM
    if code in TROUBLES:
        return TROUBLES[code]
    if status is None:
        return Trouble("Twilio did not answer in time.", "again")
    if status == 429:
        return _BUSY
    if status >= 500:
        return _DOWN
    if status in (401, 403):
        return _CREDENTIALS
    return Trouble(f"Twilio refused with error {code or status}. Please tell us; we can look it up.", "nothing")
