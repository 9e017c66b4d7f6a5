"""Public holidays of Australia's states and territories, from the package `holidays`. Pure.

Local show days are left out, for a state has many and each is one town's: organisations enter theirs among their own
days. So does who is open on a public holiday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays.countries  # every country's now, rather than while the first caller waits
from holidays.constants import HALF_DAY, PUBLIC

from db.base import Region

_LOCAL = {"The Royal Queensland Show"}  # the package counts it as all of Queensland's; it is Brisbane's
_PART = re.compile(r" \(from (1[0-2]|[1-9])(am|pm)\)")  # how the package writes that only an evening is a holiday


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """One public holiday."""

    name: str
    starts: int = 0
    """Minutes after midnight: 0 for a whole day, 1080 for one that starts at 6 in the evening."""


@lru_cache(maxsize=64)
def public_holidays(region: Region, year: int) -> Mapping[date, PublicHoliday]:
    """Return the public holidays of ``region`` in ``year``, in the order of the calendar."""
    known = holidays.country_holidays("AU", region, years=year, categories=(PUBLIC, HALF_DAY), language="en_AU")
    return {day: _read(name) for day, name in sorted(known.items()) if name not in _LOCAL}


def _read(name: str) -> PublicHoliday:
    part = _PART.search(name)
    if part is None:
        return PublicHoliday(name)
    hour = int(part[1]) % 12 + (12 if part[2] == "pm" else 0)
    return PublicHoliday(name[: part.start()], hour * 60)
