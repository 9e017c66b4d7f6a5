"""Validate an organisation's business details. Pure.

Reads the form, and returns either what to store or a sentence for each wrong field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

from db.models import Organisation
from web.request.geography import REGIONS
from web.request.typed import bare, tidy

LONGEST_NAME, LONGEST_LINE = 80, 160  # characters

_ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)  # abr.business.gov.au: "Format of the ABN"
_NO_STREET = re.compile(r"\b(p\.?\s*o\.?\s*box|gpo box|locked bag|private bag|parcel locker)\b", re.IGNORECASE)


BUNDLE_FIELDS = ("legal_name", "abn", "street", "locality", "region", "postcode")
"""The fields of the regulatory bundle, which are columns of the organisation."""


@dataclass(frozen=True, slots=True)
class Details:
    """The business details that the rules for Australian numbers require; unknown fields are empty."""

    name: str
    """What members and mails read. Everything below is for the bundle."""
    legal_name: str = ""
    abn: str = ""
    street: str = ""
    locality: str = ""
    region: str = ""
    postcode: str = ""

    @property
    def bundle_values(self) -> tuple[str, ...]:
        """The values of the regulatory bundle, in the order of `BUNDLE_FIELDS`."""
        return tuple(getattr(self, name) for name in BUNDLE_FIELDS)

    @property
    def is_complete(self) -> bool:
        """Whether a bundle can be filed with these details."""
        return all(self.bundle_values)

    def changes(self, before: Details) -> dict[str, str]:
        """Return what differs from ``before``, as ``old → new`` by field."""
        names = [field.name for field in fields(self)]
        pairs = {name: (getattr(before, name), getattr(self, name)) for name in names}
        return {name: f"{old or 'nothing'} → {new or 'nothing'}" for name, (old, new) in pairs.items() if old != new}


def details_of(organisation: Organisation) -> Details:
    """Return the details stored for the organisation."""
    return Details(organisation.name, *(getattr(organisation, name) or "" for name in BUNDLE_FIELDS))


def store_bundle_fields(organisation: Organisation, details: Details) -> None:
    """Store the fields of the bundle; the name is not one of them."""
    for name in BUNDLE_FIELDS:
        setattr(organisation, name, getattr(details, name) or None)


def read_details(typed: Mapping[str, str]) -> Details:
    """Read the details from a form, tidied but not validated: see `problems`."""
    clean = {field.name: tidy(typed.get(field.name, "")) for field in fields(Details)}
    clean |= {name: bare(typed.get(name, "")) for name in ("abn", "postcode")}
    clean["region"] = clean["region"].upper()
    return Details(**clean)


def problems(details: Details) -> dict[str, str]:
    """Return a sentence by wrong field; empty if valid. The fields of the bundle must be all set or all empty."""
    found = {}
    if not details.name:
        found["name"] = "Enter a name for your organisation."
    elif len(details.name) > LONGEST_NAME:
        found["name"] = f"Use {LONGEST_NAME} characters at most."
    return found | _bundle_problems(details) if any(details.bundle_values) else found


def _bundle_problems(details: Details) -> dict[str, str]:
    found = {}
    for name, sentence in _MISSING.items():
        value = getattr(details, name)
        if not value:
            found[name] = sentence
        elif len(value) > LONGEST_LINE:
            found[name] = f"Use {LONGEST_LINE} characters at most."
    if details.abn and not is_abn(details.abn):
        found["abn"] = "That is not an ABN. Check its eleven digits: one of them is wrong or missing."
    if details.street and _NO_STREET.search(details.street):
        found["street"] = "Enter a street address: no PO box is accepted for numbers."
    if details.region and details.region not in REGIONS:
        found["region"] = "Choose a state or territory."
    if details.postcode and not re.fullmatch(r"[0-9]{4}", details.postcode):
        found["postcode"] = "A postcode has four digits."
    return found


_MISSING = {
    "legal_name": "Enter the name as in the Australian Business Register.",
    "abn": "Enter the ABN: eleven digits.",
    "street": "Enter the street and number.",
    "locality": "Enter the town or suburb.",
    "region": "Choose a state or territory.",
    "postcode": "Enter the postcode.",
}


def is_abn(digits: str) -> bool:
    """Return whether ``digits`` is an ABN: eleven digits, weighted sum (first digit less one) divisible by 89."""
    if not re.fullmatch(r"[0-9]{11}", digits):
        return False
    values = [int(digit) for digit in digits]
    values[0] -= 1
    return sum(weight * value for weight, value in zip(_ABN_WEIGHTS, values, strict=True)) % 89 == 0


def shown_abn(digits: str) -> str:
    """Return the ABN formatted as ``51 824 753 556``."""
    return f"{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:]}" if len(digits) == 11 else digits
