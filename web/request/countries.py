"""Which countries an organisation's members may call: of those that the platform allows, those it has chosen.

Each country is money that a stolen sign-in could spend, so only Australia and New Zealand are chosen to begin with.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import phonenumbers

from db.models import Organisation
from web.config import DIAL_COUNTRIES
from web.request.dialling import DiallingError, dialled, is_of

NAMES = {
    "AU": "Australia",
    "CA": "Canada",
    "CN": "China",
    "DE": "Germany",
    "FJ": "Fiji",
    "FR": "France",
    "GB": "United Kingdom",
    "HK": "Hong Kong",
    "ID": "Indonesia",
    "IE": "Ireland",
    "IN": "India",
    "IT": "Italy",
    "JP": "Japan",
    "KR": "South Korea",
    "LK": "Sri Lanka",
    "MY": "Malaysia",
    "NL": "Netherlands",
    "NP": "Nepal",
    "NZ": "New Zealand",
    "PG": "Papua New Guinea",
    "PH": "Philippines",
    "PK": "Pakistan",
    "SG": "Singapore",
    "TH": "Thailand",
    "US": "United States",
    "VN": "Vietnam",
    "ZA": "South Africa",
}
"""Of the countries that Australians call most; any other is shown by its code."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One country on the page."""

    code: str
    label: str
    chosen: bool


def allowed(organisation: Organisation, platform: Collection[str]) -> list[str]:
    """Return the countries that members of ``organisation`` may call, of those that the ``platform`` allows."""
    chosen = DIAL_COUNTRIES if organisation.dial_countries is None else organisation.dial_countries
    return [code for code in platform if code in chosen]


def dialled_for(organisation: Organisation, text: str, platform: Collection[str]) -> str:
    """Return the number that ``text`` means, if ``organisation`` may call it. Raise `DiallingError`."""
    number = dialled(text, platform)
    if not is_of(number, allowed(organisation, platform)):
        raise DiallingError("not chosen")
    return number


def choices(organisation: Organisation, platform: Collection[str]) -> list[Choice]:
    """Return what to choose from."""
    chosen = allowed(organisation, platform)
    return [Choice(code, _label(code), code in chosen) for code in platform]


def _label(code: str) -> str:
    return f"{NAMES.get(code, code)} (+{phonenumbers.country_code_for_region(code)})"


def listed(codes: Collection[str]) -> str:
    """Return ``codes`` in one line, as the audit log shows them."""
    return ", ".join(codes) or "none"
