"""What an organisation says of itself: its name, the business behind it, the words its callers hear. Pure.

A typed form goes in, and what is to be stored comes out; or, beside each field that is wrong, a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from zoneinfo import ZoneInfo

from web.request.typed import bare, tidy

REGIONS: Mapping[str, str] = {
    "NSW": "New South Wales",
    "VIC": "Victoria",
    "QLD": "Queensland",
    "SA": "South Australia",
    "WA": "Western Australia",
    "TAS": "Tasmania",
    "ACT": "Australian Capital Territory",
    "NT": "Northern Territory",
}
TIME_ZONES: Mapping[str, str] = {
    "Australia/Sydney": "Sydney, Canberra",
    "Australia/Melbourne": "Melbourne",
    "Australia/Brisbane": "Brisbane",
    "Australia/Adelaide": "Adelaide",
    "Australia/Perth": "Perth",
    "Australia/Hobart": "Hobart",
    "Australia/Darwin": "Darwin",
    "Australia/Broken_Hill": "Broken Hill",
    "Australia/Eucla": "Eucla",
    "Australia/Lord_Howe": "Lord Howe Island",
    "Pacific/Norfolk": "Norfolk Island",
    "Indian/Christmas": "Christmas Island",
    "Indian/Cocos": "Cocos Islands",
}
LONGEST_NAME, LONGEST_LINE = 80, 160  # characters
SHORTEST_PROMPT, LONGEST_PROMPT = 20, 600  # characters: longer than this keeps callers waiting for 40 seconds
SPOKEN_PER_SECOND = 15.0  # characters: a telephone voice says about 150 words a minute
TELLS = r"transcri|writ|record|caption|turned into (words|text)|\btext\b"
"""What consent words have somewhere if they say what is done at all; the page asks whoever writes others."""

_ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)  # abr.business.gov.au: "Format of the ABN"
_NO_STREET = re.compile(r"\b(p\.?\s*o\.?\s*box|gpo box|locked bag|private bag|parcel locker)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Details:
    """The business as the rules for Australian numbers want to know it; what is not known is empty."""

    name: str
    """What members and mails read. Everything below is for the papers."""
    legal_name: str = ""
    abn: str = ""
    street: str = ""
    locality: str = ""
    region: str = ""
    postcode: str = ""

    @property
    def papers(self) -> tuple[str, ...]:
        """What stands in the regulatory papers."""
        return (self.legal_name, self.abn, self.street, self.locality, self.region, self.postcode)

    @property
    def is_complete(self) -> bool:
        """Whether papers can be filed with it."""
        return all(self.papers)

    def changes(self, before: Details) -> dict[str, str]:
        """What is other than ``before``, as ``old → new``, by field."""
        names = [field.name for field in fields(self)]
        pairs = {name: (getattr(before, name), getattr(self, name)) for name in names}
        return {name: f"{old or 'nothing'} → {new or 'nothing'}" for name, (old, new) in pairs.items() if old != new}


def read_details(typed: Mapping[str, str]) -> Details:
    """The details in a form, tidied and not yet looked at: `problems` does that."""
    clean = {field.name: tidy(typed.get(field.name, "")) for field in fields(Details)}
    clean |= {name: bare(typed.get(name, "")) for name in ("abn", "postcode")}
    clean["region"] = clean["region"].upper()
    return Details(**clean)


def problems(details: Details) -> dict[str, str]:
    """What is wrong, a sentence for each field; nothing if they may be stored. The papers' part is all or nothing."""
    found = {}
    if not details.name:
        found["name"] = "Give your organisation a name."
    elif len(details.name) > LONGEST_NAME:
        found["name"] = f"Use {LONGEST_NAME} characters at most."
    return found | _paper_problems(details) if any(details.papers) else found


def _paper_problems(details: Details) -> dict[str, str]:
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
        found["street"] = "Give a street address. The rules for numbers accept no PO box."
    if details.region and details.region not in REGIONS:
        found["region"] = "Choose a state or territory."
    if details.postcode and not re.fullmatch(r"[0-9]{4}", details.postcode):
        found["postcode"] = "A postcode has four digits."
    return found


_MISSING = {
    "legal_name": "Give the name as it stands in the Australian Business Register.",
    "abn": "Give the ABN: eleven digits.",
    "street": "Give the street and number.",
    "locality": "Give the town or suburb.",
    "region": "Choose a state or territory.",
    "postcode": "Give the postcode.",
}


def is_abn(digits: str) -> bool:
    """Whether ``digits`` are eleven with the register's check digits: weighted, the first less one, by 89."""
    if not re.fullmatch(r"[0-9]{11}", digits):
        return False
    values = [int(digit) for digit in digits]
    values[0] -= 1
    return sum(weight * value for weight, value in zip(_ABN_WEIGHTS, values, strict=True)) % 89 == 0


def shown_abn(digits: str) -> str:
    """As people write it: ``51 824 753 556``."""
    return f"{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:]}" if len(digits) == 11 else digits


def prompt_problem(prompt: str) -> str:
    """What is wrong with consent words (tidied), as a sentence; empty if they may be spoken."""
    if len(prompt) < SHORTEST_PROMPT:
        return f"Say a little more: at least {SHORTEST_PROMPT} characters, so that callers know what is done."
    if len(prompt) > LONGEST_PROMPT:
        return (
            f"Say it in {LONGEST_PROMPT} characters: these are {len(prompt)}, and callers wait while they are spoken."
        )
    return ""


def tells(prompt: str) -> bool:
    """Whether the words say that a call is transcribed, as far as can be told by looking for the usual words."""
    return re.search(TELLS, prompt, re.IGNORECASE) is not None


def spoken_seconds(prompt: str) -> int:
    """About how long it takes to say."""
    return max(1, round(len(prompt) / SPOKEN_PER_SECOND))


def zone_choices(current: str) -> dict[str, str]:
    """Time zones to choose from by name, with the one that is set, wherever it is."""
    return {**TIME_ZONES, **({} if current in TIME_ZONES else {current: current.replace("_", " ")})}


def is_zone(name: str) -> bool:
    """Whether ``name`` may be chosen."""
    return name in TIME_ZONES and bool(ZoneInfo(name))
