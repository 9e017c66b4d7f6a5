"""Format phone numbers, and whatever Twilio sends instead of one, for display. Pure.

``From`` is E.164 for most calls. It may also be ``sip:…`` or ``client:…``, a word for a caller who withholds the
number, that word as typed on a telephone's keys (Twilio: ``+266696687`` is ANONYMOUS), or empty.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from web.request.typed import tidy

HOME = "AU"
WITHHELD = "Number withheld"
UNKNOWN = "Unknown number"
COLLEAGUE = "Team member"
"""For ``client:…`` with one of our own identities."""

_WORDS = (
    "anonymous", "restricted", "unavailable", "unknown", "blocked", "private", "withheld", "none", "null",
)  # fmt: skip
_KEYS = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_MISSPELT = {"7378742883", "464"}  # as some networks send them
_WITHHELD = {"", *_WORDS, *(word.translate(_KEYS) for word in _WORDS), *_MISSPELT}
_IDENTITY = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}")
_SCHEME = re.compile(r"(client|sips?|tel|whatsapp|messenger|sim):", re.IGNORECASE)
_NUMBER = re.compile(r"\+?[0-9 ()./\-]+")
_PARAMETERS = re.compile(r"\+[0-9]+;.*")  # a number with what follows it in a ``tel:`` address
_LONGEST = 64  # characters
_LATELY = 256  # numbers that were parsed and shown last: a log shows the same one in every second row


@lru_cache(maxsize=_LATELY)
def parsed(text: str) -> PhoneNumber | None:
    """Return ``text`` as a number dialled in Australia, valid or not; None if it is none. Not to be changed."""
    try:
        return phonenumbers.parse(text, HOME)
    except NumberParseException:
        return None


def customer_number(number: str) -> str | None:
    """Return ``number`` if it is a phone number in E.164, which identifies a customer; None if it is withheld."""
    found = parsed(number) if number.startswith("+") else None
    is_one = found is not None and number[1:] not in _WITHHELD and phonenumbers.is_possible_number(found)
    return number if is_one else None


@lru_cache(maxsize=_LATELY)
def shown(number: str) -> str:
    """Return ``number`` (E.164, or what Twilio sent instead) formatted for display; never a raw address."""
    text = tidy(number)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _internet(text) if _PARAMETERS.fullmatch(text) else _shown(text)
    kind, address = scheme[1].lower(), text[scheme.end() :]
    return _client(address) if kind == "client" else _internet(address)


def _shown(text: str) -> str:
    if text.lower().removeprefix("+") in _WITHHELD:
        return WITHHELD
    return _formatted(text) if _NUMBER.fullmatch(text) else text[:_LONGEST]


def _formatted(text: str) -> str:
    found = parsed(text)
    if found is None or not phonenumbers.is_possible_number(found):
        return UNKNOWN if text.startswith("+") else text[:_LONGEST]
    home = phonenumbers.region_code_for_number(found) == HOME
    return phonenumbers.format_number(found, PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL)


def _client(identity: str) -> str:
    return COLLEAGUE if _IDENTITY.fullmatch(identity.lower()) else _shown(tidy(unquote(identity)))


def _internet(address: str) -> str:
    """Show ``user:password@host:port;parameters?headers`` as the user's number, else as ``user@host``."""
    plain = re.split("[;?]", address, maxsplit=1)[0]
    user, at, host = plain.rpartition("@")
    name = tidy(unquote((user if at else plain).partition(":")[0]))
    if not at or _NUMBER.fullmatch(name) or name.lower() in _WITHHELD:
        return _shown(name)
    return f"{name}@{host.partition(':')[0]}"[:_LONGEST]
