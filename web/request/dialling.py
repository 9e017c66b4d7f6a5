"""The rules for numbers that may be dialled. Pure. `web.request.callers` formats numbers.

Numbers are kept as E.164 (``+61293744000``).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, shortnumberinfo

from web.config import DIAL_COUNTRIES
from web.request.callers import HOME, parsed
from web.request.typed import digits_and_signs

Reason = Literal[
    "emergency",
    "premium",
    "satellite",
    "unreachable",
    "country",
    "not chosen",
    "opted out",
    "invalid",
    "seats",
    "ceiling",
]
"""Why a number may not be dialled. ``unreachable``: a service number that works only within its country.
``country``: the platform does not allow that country. ``not chosen``, ``opted out``, ``seats`` and ``ceiling`` are
limits of the organisation, see `web.calls.outgoing`."""

SENTENCES: dict[Reason, str] = {
    "emergency": "Emergency calls cannot be made from here. Hang up and call from a mobile phone or a landline now.",
    "premium": "Premium numbers cannot be called from here.",
    "satellite": "Satellite phones cannot be called from here.",
    "unreachable": "Numbers that begin with 13, 1300 or 1800, and similar numbers, cannot be reached from here. "
    "Call the company's standard number.",
    "country": "Calls to that country are not offered here. Only the operator of this service can change that.",
    "not chosen": "Your organisation does not allow calls to that country. "
    "An owner or admin can allow it under Settings, Calling out.",
    "opted out": "This contact is marked “do not call”. A supervisor or admin can change that.",
    "seats": "Your organisation already has one outgoing call for each seat. Try again when one of them has ended.",
    "ceiling": "Your organisation has used up its outgoing minutes for 24 hours. Please ask your admin.",
    "invalid": "That is not a phone number that can be called. Please check it and try again.",
}
_SCHEME = re.compile("tel: ?", re.IGNORECASE)  # of a link that was copied
_DIALLABLE = re.compile(r"\(?\+?[0-9 ()./\-]{1,40}")
_FOREIGN_EMERGENCY = {"911", "999"}
_ORDINARY = {
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE,
    PhoneNumberType.VOIP,
}
_COMPANIES = {PhoneNumberType.SHARED_COST, PhoneNumberType.TOLL_FREE, PhoneNumberType.UAN}
_DEAR = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.PAGER}
_OTHERS_WITHIN = {"CC": "AU", "CX": "AU"}  # the Cocos Islands, Christmas Island: Australia's numbers and rates
_NOWHERE = "001"  # the region of country codes that belong to no country: satellites, ships, conferences
_SATELLITE = re.compile("14[0-9]+")  # of Australia's own numbers (ACMA's numbering plan: 014)


class DiallingError(ValueError):
    """The number may not be dialled, for ``reason``. The text is a sentence for the user."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(SENTENCES[reason])
        self.reason: Reason = reason


def dialled(text: str, countries: Collection[str] = DIAL_COUNTRIES) -> str:
    """Return the E.164 number that ``text``, typed or pasted, means when it is dialled in Australia.

    ``countries`` (ISO 3166, two letters) may be called and no others. Raise `DiallingError` for emergency numbers
    (a softphone has no known place to send help to), for what bills by the minute, for what only exists within
    Australia's own networks, and for what is no number at all.
    """
    typed = _SCHEME.sub("", digits_and_signs(text), count=1)
    if not _DIALLABLE.fullmatch(typed):
        raise DiallingError("invalid")
    if _is_emergency(typed):
        raise DiallingError("emergency")
    number = parsed(typed)
    if number is None or not phonenumbers.is_valid_number(number):
        raise DiallingError("invalid")
    refused = _refusal(number, countries)
    if refused is not None:
        raise DiallingError(refused)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_of(number: str, countries: Collection[str]) -> bool:
    """Return whether ``number`` (E.164) is one of ``countries``."""
    return _country(phonenumbers.parse(number)) in countries


def _refusal(number: PhoneNumber, countries: Collection[str]) -> Reason | None:
    kind, region = phonenumbers.number_type(number), phonenumbers.region_code_for_number(number)
    if kind in _DEAR:
        return "premium"
    if region == _NOWHERE or _is_satellite(number):
        return "satellite"
    if _country(number) not in countries:
        return "country"
    if kind in _COMPANIES:
        return "unreachable"
    return None if kind in _ORDINARY else "invalid"


def _country(number: PhoneNumber) -> str:
    region = phonenumbers.region_code_for_number(number) or ""
    return _OTHERS_WITHIN.get(region, region)


def _is_satellite(number: PhoneNumber) -> bool:
    return number.country_code == 61 and bool(_SATELLITE.fullmatch(str(number.national_number)))


def _is_emergency(text: str) -> bool:
    digits = "".join(character for character in text if character.isdigit())
    return digits in _FOREIGN_EMERGENCY or shortnumberinfo.connects_to_emergency_number(digits, HOME)
