"""Australia's states and territories, and its time zones, as people choose them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

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


def zone_choices(current: str) -> dict[str, str]:
    """Return the time zones to choose from, by name, including ``current`` wherever it is."""
    return {**TIME_ZONES, **({} if current in TIME_ZONES else {current: current.replace("_", " ")})}


def is_zone(name: str) -> bool:
    """Return whether ``name`` may be chosen."""
    return name in TIME_ZONES and bool(ZoneInfo(name))
