"""The PDF of a period: its text can be read by programs, it says what it is, and no name breaks it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from db.queries.reports.counts import Counts
from web.reports.pdf import pdf
from web.reports.period import Period
from web.reports.summary import Made, Summary
from web.reports.tables import Row

MADE = Made(
    "Nguyễn & Sons <Pty>", datetime(2026, 11, 29, 3, 5, tzinfo=UTC).astimezone(ZoneInfo("Australia/Sydney")), "Zone"
)
FIRST, LAST = date(2026, 11, 23), date(2026, 11, 29)
EMPTY = Summary(Period(FIRST, LAST), Counts(), Counts(), {}, {}, [], [], [], None)
NAMES = ("Zoë Đặng", "Ωμέγα", "Łukasz Żółć", "Иван", "<b>&amp;", "x" * 300, "")


def _text(summary: Summary) -> list[str]:
    """The text of each page, white space apart."""
    reader = PdfReader(io.BytesIO(pdf(summary, MADE)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def _full(days: int = 7) -> Summary:
    one = Counts(inbound=4321, answered=4000, missed=321, caller_left=321, outbound=7, reached=5, talk_s=3_600_000)
    period = Period(LAST - timedelta(days=days - 1), LAST)
    return replace(
        EMPTY,
        period=period,
        total=one,
        by_day={day: Counts(inbound=n, answered=n) for n, day in enumerate(period.days)},
        by_hour={9: one},
        lines=[Row("(02) 5550 1234", one)],
        groups=[Row("Bookings", one)],
        agents=[Row(name, one) for name in NAMES],
    )


def test_it_says_what_it_is() -> None:
    reader = PdfReader(io.BytesIO(pdf(_full(), MADE)))
    assert reader.metadata is not None
    assert reader.metadata.author == MADE.organisation
    assert FIRST.strftime("%d") in (reader.metadata.title or "")
    assert str(reader.root_object["/Lang"]) == "en-AU"
    assert reader.viewer_preferences is not None
    assert reader.viewer_preferences.display_doctitle


def test_its_text_can_be_read_whatever_letters_it_has() -> None:
    text = " ".join(_text(_full()))
    for name in ("Zoë Đặng", "Ωμέγα", "Łukasz Żółć", "Иван", "<b>&amp;", MADE.organisation):
        assert name in text
    for words in ("4,321", "2:05 pm", "29 November 2026", "1000:00:00"):
        assert words in text


@pytest.mark.parametrize("days", [1, 92, 731])
def test_long_periods_and_many_names_take_pages(days: int) -> None:
    many = replace(_full(days), agents=[Row(f"Agent {n}", Counts(answered=n)) for n in range(300)])
    pages = _text(many)
    assert len(pages) > 5
    whole = " ".join(pages)
    assert all(f"Agent {n} " in whole for n in range(300))
    assert all(f"Page {n}" in page for n, page in enumerate(pages, 1))


def test_a_period_without_calls() -> None:
    [page] = _text(EMPTY)
    assert MADE.organisation in page
    late = replace(EMPTY, lacks_since=datetime(2026, 11, 29, tzinfo=UTC))
    assert len(_text(late)[0]) > len(page)
