"""Rows for a spreadsheet, sent while they are read: CSV that Excel opens in the right letters and runs nothing of."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from aiohttp import web

_EXCEL_UTF8 = "\ufeff"  # without it Excel reads another character set
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """``cell`` so that no spreadsheet takes it for a formula: Excel runs what begins with one of these."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


async def begin(request: web.Request, name: str, columns: Sequence[str]) -> web.StreamResponse:
    """The answer to ``request``, a file to keep, with its first line; `write` the others, then end it."""
    answer = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )
    await answer.prepare(request)
    await answer.write((_EXCEL_UTF8 + _csv([columns])).encode())
    return answer


async def write(answer: web.StreamResponse, rows: Iterable[Sequence[str]]) -> None:
    """Send ``rows``."""
    await answer.write(_csv(rows).encode())


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()
