"""A period's summary as a PDF: text that can be searched, selected and read aloud, on A4. Pure.

Its fonts are embedded: the names of people and groups are in whatever letters they have.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, Rect
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from web.calls.log.view import duration
from web.reports import chart, tables
from web.reports.chart import HEIGHT, Chart
from web.reports.figures import figures, mean, share
from web.reports.period import spoken
from web.reports.summary import Made, Summary
from web.reports.tables import Part, Row

_FONTS = Path(__file__).parent / "vendor"
_PLAIN, _BOLD = "DejaVuSans", "DejaVuSans-Bold"
_MARGIN = 18 * mm
_BARS = 28 * mm
_SHORT = 12  # rows of a table that is kept on one page
_PADDING = 6  # points of the frame that the story flows in
_WIDTH = A4[0] - 2 * (_MARGIN + _PADDING)
_INK, _SOFT, _LINE = HexColor("#1c2027"), HexColor("#565c67"), HexColor("#dcd8cf")
_SERIES = {"answered": HexColor("#2a5a80"), "missed": HexColor("#a92f27"), "outbound": HexColor("#878379")}
_TITLE = ParagraphStyle("title", fontName=_BOLD, fontSize=16, leading=21, textColor=_INK)
_HEADING = ParagraphStyle("heading", fontName=_BOLD, fontSize=10.5, leading=14, spaceBefore=12, textColor=_INK)
_TEXT = ParagraphStyle("text", fontName=_PLAIN, fontSize=8.5, leading=11, textColor=_INK)
_HINT = ParagraphStyle("hint", parent=_TEXT, textColor=_SOFT)
_TABLE = TableStyle(
    [
        ("FONT", (0, 0), (-1, -1), _PLAIN, 8.5, 11),
        ("FONT", (0, 0), (-1, 0), _BOLD, 7.5, 10),
        ("TEXTCOLOR", (0, 0), (-1, 0), _SOFT),
        ("TEXTCOLOR", (0, 1), (-1, -1), _INK),
        ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEBELOW", (0, 0), (-1, -2), 0.4, _LINE),
        ("LEFTPADDING", (0, 0), (0, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
    ]
)


def pdf(summary: Summary, made: Made) -> bytes:
    """Return the summary as a PDF."""
    _register_fonts()
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"Calls, {summary.period.words}",
        author=made.organisation,
        subject="How the calls of a period ended, and how long they took",
        creator="Bilby",
        lang="en-AU",
        displayDocTitle=True,
        initialFontName=_PLAIN,
    )
    document.build(_story(summary, made), onFirstPage=_footer, onLaterPages=_footer)
    return file.getvalue()


@cache
def _register_fonts() -> None:
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, _FONTS / f"{name}.ttf"))


def _story(summary: Summary, made: Made) -> list[Flowable]:
    period, total = summary.period, summary.total
    days = chart.by_day(summary.by_day, period)
    time = f"{made.at:%I:%M %p}".lstrip("0").lower()
    lead = f"Compared with {period.before.words}. Made {spoken(made.at.date())}, {time} ({made.zone})."
    return [
        Paragraph(escape(made.organisation), _HINT),
        Paragraph(f"Calls, {period.words}", _TITLE),
        Paragraph(escape(lead), _HINT),
        *([Paragraph("Some calls of this period are still being counted.", _TEXT)] if summary.lacks_since else []),
        *_compared(summary),
        *(_bars("By day" if len(days.bars) == period.length else "By week", days) if period.length > 1 else []),
        *_bars("By hour of the day", chart.by_hour(summary.by_hour)),
        *_parts("Missed calls, by reason", tables.reasons(total)),
        *_parts("Answered calls, by how long the caller waited", tables.waits(total)),
        *_parts("Calls, by how long they lasted", tables.lengths(total)),
        *_lines("By number", summary.lines),
        *_people("By group, with its current members", summary.groups),
        *_people("By agent", summary.agents),
    ]


def _compared(summary: Summary) -> list[Flowable]:
    rows = [[each.name, each.value, each.before, each.change] for each in figures(summary.total, summary.before)]
    return _table("In short", ["Figure", "This period", "Period before", "Change"], rows)


def _bars(title: str, drawn: Chart) -> list[Flowable]:
    rows = [
        [
            bar.name,
            f"{bar.counts.inbound:,}",
            f"{bar.counts.answered:,}",
            f"{bar.counts.missed:,}",
            mean(bar.counts.answer_wait_s, bar.counts.answered),
            f"{bar.counts.outbound:,}",
        ]
        for bar in drawn.bars
        if bar.counts.calls
    ]
    headings = [title, "Incoming", "Answered", "Missed", "Mean wait", "Outgoing"]
    return [
        KeepTogether(
            [
                Paragraph(title, _HEADING),
                _drawing(drawn),
                Paragraph(f"Blue: answered. Red: missed. Grey: outgoing. Highest bar: {drawn.top:,}.", _HINT),
            ]
        ),
        *_table("", headings, rows),
    ]


def _drawing(drawn: Chart) -> Drawing:
    across, up = _WIDTH / drawn.width, _BARS / HEIGHT
    drawing = Drawing(_WIDTH, _BARS)
    for bar in drawn.bars:
        for each in bar.segments:
            bottom = HEIGHT - each.y - each.height
            rect = Rect(bar.x * across, bottom * up, drawn.width_of_bar * across, each.height * up)
            rect.setProperties({"fillColor": _SERIES[each.series], "strokeColor": None})
            drawing.add(rect)
    drawing.add(Line(0, 0, _WIDTH, 0, strokeColor=_SOFT, strokeWidth=0.5))
    return drawing


def _parts(title: str, parts: Sequence[Part]) -> list[Flowable]:
    rows = [[part.name, f"{part.count:,}", part.share] for part in parts]
    return _table(title, ["", "Calls", "Share"], rows if any(part.count for part in parts) else [])


def _lines(title: str, rows: Sequence[Row]) -> list[Flowable]:
    headings = ["Our number", "Incoming", "Answered", "Missed", "Missed\nshare", "Mean wait", "Outgoing"]
    return _table(title, headings, [_line(row) for row in rows])


def _line(row: Row) -> list[str]:
    counts = row.counts
    missed = share(counts.missed, counts.answered + counts.missed)
    numbers = [f"{count:,}" for count in (counts.inbound, counts.answered, counts.missed)]
    return [row.name, *numbers, missed, mean(counts.answer_wait_s, counts.answered), f"{counts.outbound:,}"]


def _people(title: str, rows: Sequence[Row]) -> list[Flowable]:
    headings = ["Name", "Answered", "Mean wait", "Outgoing", "Reached", "Mean talk", "All talk"]
    return _table(title, headings, [_person(row) for row in rows])


def _person(row: Row) -> list[str]:
    counts = row.counts
    wait, talk = mean(counts.answer_wait_s, counts.answered), mean(counts.talk_s, counts.talked)
    numbers = [f"{count:,}" for count in (counts.outbound, counts.reached)]
    return [row.name, f"{counts.answered:,}", wait, *numbers, talk, duration(counts.talk_s)]


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Flowable]:
    """Return a table whose first column is as wide as the others leave; nothing if there are no rows."""
    if not rows:
        return []
    others = len(headings) - 1
    narrow = min(26 * mm, _WIDTH * 0.62 / others)
    cells = [[Paragraph(escape(name), _TEXT), *values] for name, *values in rows]
    table = Table(
        [list(headings), *cells],
        colWidths=[_WIDTH - others * narrow, *[narrow] * others],
        repeatRows=1,
        style=_TABLE,
        hAlign="LEFT",
    )
    parts = [*([Paragraph(title, _HEADING)] if title else []), Spacer(1, 3), table]
    return [KeepTogether(parts)] if len(rows) <= _SHORT else parts


def _footer(canvas: Canvas, document: Any) -> None:
    canvas.setFont(_PLAIN, 7.5)
    canvas.setFillColor(_SOFT)
    canvas.drawString(_MARGIN + _PADDING, 10 * mm, f"{document.title}. What was said is not kept.")
    canvas.drawRightString(A4[0] - _MARGIN - _PADDING, 10 * mm, f"Page {canvas.getPageNumber()}")
