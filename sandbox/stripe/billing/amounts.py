"""Months, shares of months, and GST. Pure."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from fractions import Fraction

GST_PERCENT = 10
DAY = 86_400  # seconds


def months_after(anchor: int, months: int) -> int:
    """Return ``anchor`` (Unix seconds) some months later; its day of the month, or that month's last."""
    start = datetime.fromtimestamp(anchor, UTC)
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(years, month + 1)[1])
    return int(start.replace(year=years, month=month + 1, day=day).timestamp())


def next_end(anchor: int, now: int) -> int:
    """Return the end of the monthly period, counted from ``anchor``, that ``now`` lies in."""
    gone = datetime.fromtimestamp(now, UTC) - datetime.fromtimestamp(anchor, UTC)
    months = max(0, gone // timedelta(days=31))
    while (end := months_after(anchor, months)) <= now:
        months += 1
    return end


def share(amount: int, start: int, end: int, now: int) -> int:
    """Return what ``amount`` cents for start–end come to for now–end, to the nearest cent."""
    left = max(0, min(end - now, end - start))
    return round(Fraction(amount * left, end - start))


def gst(amount: int, inclusive: bool) -> int:
    """Return the GST on (or, if ``inclusive``, in) ``amount`` cents, halves rounded away from nothing."""
    exact = Fraction(amount * GST_PERCENT, 100 + GST_PERCENT if inclusive else 100)
    rounded = int(abs(exact) + Fraction(1, 2))
    return rounded if amount >= 0 else -rounded


def is_abn(text: str) -> bool:
    """Return whether ``text`` (blanks allowed) is an Australian Business Number: eleven digits that add up."""
    digits = "".join(text.split())
    if len(digits) != 11 or not (digits.isascii() and digits.isdecimal()):
        return False
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    numbers = [int(digits[0]) - 1, *map(int, digits[1:])]
    return sum(weight * number for weight, number in zip(weights, numbers, strict=True)) % 89 == 0
