"""Twilio's errors: a sentence for the admin, and whether a retry helps.

The table's keys are Twilio's error codes; any other code is classified by its HTTP status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from http import HTTPStatus
from typing import Literal

Remedy = Literal["again", "operator", "details", "another number", "nothing"]
"""``again``: temporary, retry. ``operator``: the operator must act; retried from time to time. ``details``: the
organisation's business details must be corrected or approved first. ``another number``: this one is gone.
``nothing``: a retry is pointless; a person has to decide."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure."""

    sentence: str
    remedy: Remedy


_BUSY = Failure("Twilio is busy.", "again")
_DOWN = Failure("Twilio is not working properly at the moment.", "again")
_GONE = Failure("Somebody else has taken that number.", "another number")
_NO_SUCH_NUMBER = Failure("There is no number like that. Search for another locality or prefix.", "another number")
_INVALID = Failure("Twilio does not offer that number for sale.", "another number")
_CREDENTIALS = Failure(
    "Twilio refuses our credentials. The operator has been notified; you do not need to do anything.", "operator"
)
_ADDRESS = Failure(
    "Twilio could not verify your business address. Correct it under Settings, as a street address in Australia.",
    "details",
)
_IDENTITY = Failure(
    "Twilio has not accepted your business details. Check the legal name, ABN and address under Settings.", "details"
)

_REALM = Failure(
    "Twilio does not offer this at the configured host. The operator has been notified; "
    "you do not need to do anything. "
    "For the operator: set TWILIO_PURCHASE_BASE to https://api.twilio.com (for a number's region "
    "TWILIO_ROUTES_BASE to https://routes.twilio.com), and TWILIO_US1_KEY_SID and "
    "TWILIO_US1_KEY_SECRET to a key made in us1.",
    "operator",
)
_NOT_THERE = "not supported in realm"  # Twilio's words, under more than one code

FAILURES: dict[int, Failure] = {
    20003: _CREDENTIALS,
    20005: Failure(
        "Our account with Twilio is suspended. The operator has been notified; you do not need to do anything.",
        "operator",
    ),
    20429: _BUSY,
    20500: _DOWN,
    20503: _DOWN,
    21404: Failure(
        "Our account with Twilio is a trial account, which cannot buy numbers. The operator has been notified.",
        "operator",
    ),
    21421: _INVALID,
    21422: _GONE,
    21452: _NO_SUCH_NUMBER,
    21451: _NO_SUCH_NUMBER,
    21613: _IDENTITY,
    21615: Failure(
        "This number is for businesses with an address in Australia. Enter one under Settings, and the "
        "order continues.",
        "details",
    ),
    21628: _ADDRESS,
    21629: _ADDRESS,
    21631: Failure(
        "Twilio needs your business address before it rents you a number. Enter it under Settings, and the "
        "order continues.",
        "details",
    ),
    21649: Failure(
        "Twilio needs your business details approved before it rents you a number. Complete them under Settings; "
        "if they are there, the approval is still in progress, and the order continues once it arrives.",
        "details",
    ),
    21650: _IDENTITY,
    21651: _IDENTITY,
    22222: _IDENTITY,
    22401: _REALM,
}


def outlook(sentence: str | None, next_try_at: datetime | None, zone: tzinfo) -> str:
    """Return what an admin reads beside an unfinished order: ``sentence``, and the next attempt in their ``zone``.

    Empty if there is neither.
    """
    if sentence is None and next_try_at is None:
        return ""
    if next_try_at is None:
        return f"{sentence} It is not retried automatically."
    at = f"{next_try_at.astimezone(zone):%H:%M:%S}"
    return f"{sentence} We try again at {at}." if sentence else f"We will continue at {at}."


def failure_of(code: int | None, status: int | None, text: str = "") -> Failure:
    """Return what error ``code`` under HTTP ``status`` means, or Twilio's ``text``.

    No status: no answer at all; a status of success: half an answer.
    """
    if _NOT_THERE in text.casefold():
        return _REALM
    if code in FAILURES:
        return FAILURES[code]
    if status is None or status < HTTPStatus.BAD_REQUEST or status == HTTPStatus.REQUEST_TIMEOUT:
        return Failure("Twilio did not answer in time.", "again")
    if status == 429:
        return _BUSY
    if status >= 500:
        return _DOWN
    if status in (401, 403):
        return _CREDENTIALS
    return Failure(f"Twilio refused with error {code or status}. Please contact us; we can look it up.", "nothing")
