"""When a number is open: by example, and by properties over every Australian time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from db.base import Region
from db.opening_hours import MIDNIGHT, Closed, Day, Open, OwnDay, Schedule, Week, hours_of, is_open

MELBOURNE, ADELAIDE = ZoneInfo("Australia/Melbourne"), ZoneInfo("Australia/Adelaide")
ZONES = [
    ZoneInfo(f"Australia/{town}")
    for town in ("Sydney", "Brisbane", "Adelaide", "Darwin", "Perth", "Hobart", "Eucla", "Lord_Howe", "Broken_Hill")
]
NINE_TO_FIVE: Day = ((540, 1020),)
OFFICE: Week = (NINE_TO_FIVE, NINE_TO_FIVE, NINE_TO_FIVE, NINE_TO_FIVE, NINE_TO_FIVE, (), ())
NEVER: Week = ((), (), (), (), (), (), ())
ALL_DAY: Day = ((0, MIDNIGHT),)
ALWAYS: Week = (ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY, ALL_DAY)


def at(text: str, zone: ZoneInfo = MELBOURNE, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def office(**more: Any) -> Schedule:
    return Schedule(OFFICE, more.pop("zone", MELBOURNE), **more)


def every_day(hours: Day, zone: ZoneInfo, **more: Any) -> Schedule:
    return Schedule((hours,) * 7, zone, **more)


# -- examples ----------------------------------------------------------------------------------------------------


def test_without_a_schedule_it_is_always_open() -> None:
    assert is_open(None, at("2026-12-25T03:00")) == Open()


def test_a_week_that_never_opens_is_closed_for_good() -> None:
    assert is_open(Schedule(NEVER, MELBOURNE, "VIC"), at("2026-03-06T12:00")) == Closed("hours", None)


def test_a_week_that_never_closes_has_no_end() -> None:
    assert is_open(Schedule(ALWAYS, MELBOURNE), at("2026-03-06T12:00")) == Open(None)


def test_it_opens_at_the_beginning_and_has_closed_at_the_end() -> None:
    assert is_open(office(), at("2026-03-05T08:59:59.999999")) == Closed("hours", at("2026-03-05T09:00"))
    assert is_open(office(), at("2026-03-05T09:00")) == Open(at("2026-03-05T17:00"))
    assert is_open(office(), at("2026-03-05T16:59:59.999999")) == Open(at("2026-03-05T17:00"))
    assert is_open(office(), at("2026-03-05T17:00")) == Closed("hours", at("2026-03-06T09:00"))


def test_a_day_may_have_a_lunch_break() -> None:
    lunch = every_day(((540, 750), (810, 1020)), MELBOURNE)
    assert is_open(lunch, at("2026-03-05T12:00")) == Open(at("2026-03-05T12:30"))
    assert is_open(lunch, at("2026-03-05T13:00")) == Closed("hours", at("2026-03-05T13:30"))


def test_hours_that_touch_at_midnight_are_one() -> None:
    night: Week = ((), (), (), (), ((1320, MIDNIGHT),), ((0, 120),), ())  # Friday 22:00 to Saturday 2:00
    schedule = Schedule(night, MELBOURNE)
    for moment in ("2026-03-06T22:00", "2026-03-07T00:00", "2026-03-07T01:59"):
        assert is_open(schedule, at(moment)) == Open(at("2026-03-07T02:00"))
    assert is_open(schedule, at("2026-03-07T02:00")) == Closed("hours", at("2026-03-13T22:00"))


def test_a_public_holiday_closes_and_is_named_from_the_evening_before() -> None:
    schedule, opens = office(region="VIC"), at("2026-03-10T09:00")  # Labour Day is Monday the 9th
    for moment in ("2026-03-06T17:00", "2026-03-08T12:00", "2026-03-09T12:00", "2026-03-09T16:59"):
        assert is_open(schedule, at(moment)) == Closed("public_holiday", opens, "Labour Day")
    for moment in ("2026-03-09T17:00", "2026-03-10T08:00"):  # as on any other day
        assert is_open(schedule, at(moment)) == Closed("hours", opens)
    assert is_open(office(region="NSW"), at("2026-03-09T12:00")) == Open(at("2026-03-09T17:00"))
    assert is_open(office(), at("2026-03-09T12:00")) == Open(at("2026-03-09T17:00"))


def test_a_holiday_on_a_weekend_is_observed_on_monday() -> None:
    closed = is_open(office(region="NSW"), at("2026-12-28T12:00"))  # Boxing Day 2026 is a Saturday
    assert closed == Closed("public_holiday", at("2026-12-29T09:00"), "Boxing Day (observed)")


def test_a_public_holiday_ends_a_night_at_midnight() -> None:
    schedule = every_day(ALL_DAY, MELBOURNE, region="VIC")
    assert is_open(schedule, at("2026-12-24T20:00")) == Open(at("2026-12-25T00:00"))
    assert is_open(schedule, at("2026-12-25T12:00")) == Closed(
        "public_holiday", at("2026-12-27T00:00"), "Christmas Day"
    )


@pytest.mark.parametrize(
    ("region", "zone", "hour"),
    [("SA", "Australia/Adelaide", 19), ("NT", "Australia/Darwin", 19), ("QLD", "Australia/Brisbane", 18)],
)
def test_christmas_eve_is_a_holiday_from_the_evening(region: Region, zone: str, hour: int) -> None:
    here = ZoneInfo(zone)
    schedule = every_day(((540, 1260),), here, region=region)
    assert is_open(schedule, at("2026-12-24T12:00", here)) == Open(at(f"2026-12-24T{hour}:00", here))
    closed = is_open(schedule, at(f"2026-12-24T{hour}:00", here))
    assert isinstance(closed, Closed)
    assert (closed.reason, closed.name) == ("public_holiday", "Christmas Eve")


def test_office_hours_are_over_before_a_part_day_holiday_begins() -> None:
    schedule = office(zone=ADELAIDE, region="SA")
    assert is_open(schedule, at("2026-12-31T16:00", ADELAIDE)) == Open(at("2026-12-31T17:00", ADELAIDE))
    closed = is_open(schedule, at("2026-12-31T20:00", ADELAIDE))
    assert closed == Closed("public_holiday", at("2027-01-04T09:00", ADELAIDE), "New Year's Day")


def test_an_own_day_closes_opens_or_has_other_hours() -> None:
    days = {
        date(2026, 3, 5): OwnDay("Training"),
        date(2026, 3, 7): OwnDay("Open house", ((600, 720),)),
        date(2026, 3, 9): OwnDay("Open on Labour Day", ((600, 840),)),
    }
    schedule = office(region="VIC", own_days=days)
    assert is_open(schedule, at("2026-03-05T12:00")) == Closed("own_day", at("2026-03-06T09:00"), "Training")
    assert is_open(schedule, at("2026-03-07T11:00")) == Open(at("2026-03-07T12:00"))
    assert is_open(schedule, at("2026-03-09T11:00")) == Open(at("2026-03-09T14:00"))
    assert is_open(schedule, at("2026-03-09T15:00")) == Closed(
        "own_day", at("2026-03-10T09:00"), "Open on Labour Day"
    )


def test_the_twenty_ninth_of_february_is_a_day() -> None:
    schedule = every_day(NINE_TO_FIVE, MELBOURNE, own_days={date(2028, 2, 29): OwnDay("Leap day")})
    assert is_open(schedule, at("2028-02-29T12:00")) == Closed("own_day", at("2028-03-01T09:00"), "Leap day")
    assert is_open(schedule, at("2028-02-28T17:00")) == Closed("own_day", at("2028-03-01T09:00"), "Leap day")


def test_when_clocks_go_forward_skipped_hours_are_the_moment_of_the_change() -> None:
    skipped = datetime(2026, 10, 3, 16, tzinfo=UTC)  # 2:00 becomes 3:00
    until_skipped = every_day(((0, 150),), MELBOURNE)
    assert is_open(until_skipped, at("2026-10-04T01:59")) == Open(skipped)
    assert is_open(until_skipped, skipped) == Closed("hours", at("2026-10-05T00:00"))
    from_skipped = every_day(((150, 240),), MELBOURNE)
    assert is_open(from_skipped, at("2026-10-04T01:59")) == Closed("hours", skipped)
    assert is_open(from_skipped, skipped) == Open(at("2026-10-04T04:00"))
    wholly_skipped = every_day(((130, 170),), MELBOURNE)
    assert is_open(wholly_skipped, at("2026-10-04T01:59")) == Closed("hours", at("2026-10-05T02:10"))


def test_half_an_hour_is_skipped_on_lord_howe_island() -> None:
    here = ZoneInfo("Australia/Lord_Howe")
    skipped = datetime(2026, 10, 3, 15, 30, tzinfo=UTC)  # 2:00 becomes 2:30
    assert is_open(every_day(((0, 135),), here), at("2026-10-04T01:00", here)) == Open(skipped)


def test_when_clocks_go_back_it_is_open_the_whole_time() -> None:
    schedule = every_day(((120, 150),), MELBOURNE)  # 2:00 to 2:30, which clocks show twice
    ends = at("2026-04-05T02:30", fold=1)
    assert is_open(schedule, at("2026-04-05T02:00")) == Open(ends)
    assert is_open(schedule, at("2026-04-05T02:45")) == Open(ends)
    assert is_open(schedule, at("2026-04-05T02:15", fold=1)) == Open(ends)
    assert is_open(schedule, ends) == Closed("hours", at("2026-04-06T02:00"))


# -- properties --------------------------------------------------------------------------------------------------


@st.composite
def hours(draw: st.DrawFn) -> Day:
    """The hours of a day, on quarters of an hour, midnight included."""
    marks = draw(st.lists(st.integers(0, 96), max_size=6, unique=True).map(sorted))
    return tuple((marks[at] * 15, marks[at + 1] * 15) for at in range(0, len(marks) - 1, 2))


MOMENTS = st.datetimes(datetime(2023, 12, 1), datetime(2029, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def schedules(draw: st.DrawFn, near: datetime) -> Schedule:
    week = tuple(draw(hours()) for _ in range(7))
    dates = [near.date() + timedelta(days=number) for number in draw(st.lists(st.integers(-2, 9), max_size=3))]
    own = {day: OwnDay("Own", draw(hours())) for day in dates}
    region = draw(st.sampled_from([None, *get_args(Region)]))
    return Schedule(week, draw(st.sampled_from(ZONES)), region, own)  # type: ignore[arg-type]  # seven of them


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, datetime]:
    near_a_change = st.sampled_from([datetime(2026, 4, 4, 12, tzinfo=UTC), datetime(2026, 10, 3, 12, tzinfo=UTC)])
    near_christmas = st.just(datetime(2026, 12, 24, tzinfo=UTC))
    leap = st.just(datetime(2028, 2, 28, 12, tzinfo=UTC))
    moment = draw(st.one_of(MOMENTS, near_a_change, near_christmas, leap))
    return draw(schedules(moment)), moment + timedelta(minutes=draw(st.integers(0, 36 * 60)))


def is_plain(schedule: Schedule, moment: datetime) -> bool:
    """Whether the clocks of that day are not changed."""
    day = moment.astimezone(schedule.zone)
    around = (day + timedelta(hours=hours) for hours in (-30, 30))
    return len({each.astimezone(schedule.zone).utcoffset() for each in around}) == 1


@given(cases())
def test_on_ordinary_days_it_is_what_clocks_on_the_wall_say(case: tuple[Schedule, datetime]) -> None:
    schedule, moment = case
    if not is_plain(schedule, moment):
        return
    wall = moment.astimezone(schedule.zone)
    minute = wall.hour * 60 + wall.minute
    expected = any(opens <= minute < closes for opens, closes in hours_of(schedule, wall.date()))
    assert isinstance(is_open(schedule, moment), Open) is expected


@given(cases())
def test_nothing_changes_before_the_change_that_is_announced(case: tuple[Schedule, datetime]) -> None:
    schedule, moment = case
    now = is_open(schedule, moment)
    change = now.until if isinstance(now, Open) else now.next_opening
    if change is None:
        return
    assert change > moment
    assert type(is_open(schedule, change)) is not type(now)
    for part in (1, 2, 3):
        between = is_open(schedule, moment + (change - moment) * part / 4)
        assert type(between) is type(now)
        assert (between.until if isinstance(between, Open) else between.next_opening) == change
    assert type(is_open(schedule, change - timedelta(microseconds=1))) is type(now)


@given(cases())
def test_a_reason_is_a_day_that_is_not_as_usual(case: tuple[Schedule, datetime]) -> None:
    schedule, moment = case
    now = is_open(schedule, moment)
    if isinstance(now, Open):
        return
    without = is_open(Schedule(schedule.week, schedule.zone), moment)
    opens_sooner = isinstance(without, Open) or (
        without.next_opening is not None and (now.next_opening is None or without.next_opening < now.next_opening)
    )
    assert (now.reason != "hours") is opens_sooner
    assert bool(now.name) is (now.reason != "hours")
