"""The public holidays of the states and territories."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from db.base import Region
from db.public_holidays import public_holidays

REGIONS: tuple[Region, ...] = get_args(Region)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("year", range(2026, 2036))
def test_every_state_has_holidays_and_every_part_day_an_hour(region: Region, year: int) -> None:
    holidays = public_holidays(region, year)
    names = {holiday.name for holiday in holidays.values()}
    assert {"Australia Day", "Good Friday", "Easter Monday", "Christmas Day"} <= {
        name.removesuffix(" (observed)") for name in names
    }
    assert list(holidays) == sorted(holidays)
    assert all("from" not in holiday.name for holiday in holidays.values())


def test_the_evenings_before_christmas_and_new_year() -> None:
    eve, sylvester = date(2026, 12, 24), date(2026, 12, 31)
    starts = {region: public_holidays(region, 2026) for region in REGIONS}
    assert {r: found[eve].starts for r, found in starts.items() if eve in found} == {
        "NT": 19 * 60,
        "QLD": 18 * 60,
        "SA": 19 * 60,
    }
    assert {r: found[sylvester].starts for r, found in starts.items() if sylvester in found} == {
        "NT": 19 * 60,
        "SA": 19 * 60,
    }


def test_states_differ() -> None:
    labour_days = {
        region: next(
            (day for day, holiday in public_holidays(region, 2026).items() if "Labour" in holiday.name), None
        )
        for region in REGIONS
    }
    assert labour_days["VIC"] == date(2026, 3, 9)
    assert labour_days["WA"] == date(2026, 3, 2)
    assert labour_days["NSW"] == labour_days["SA"] == labour_days["ACT"] == date(2026, 10, 5)
    assert labour_days["QLD"] == date(2026, 5, 4)


def test_a_holiday_on_a_weekend_has_a_day_in_lieu_where_the_state_gives_one() -> None:
    assert date(2026, 4, 27) in public_holidays("NSW", 2026)  # Anzac Day is a Saturday
    assert date(2026, 4, 27) not in public_holidays("VIC", 2026)
    assert date(2026, 12, 28) in public_holidays("TAS", 2026)  # for Boxing Day


def test_a_towns_show_day_is_not_the_states() -> None:
    assert date(2026, 8, 12) not in public_holidays("QLD", 2026)
