"""CSV export, streamed: Excel reads it as UTF-8 and executes no formula in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from aiohttp import web

_EXCEL_UTF8 = "\ufeff"  # byte order mark: without it Excel assumes another character set
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """Return ``cell`` escaped, so that a spreadsheet does not execute it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


async def begin(request: web.Request, name: str, columns: Sequence[str]) -> web.StreamResponse:
    """Start the response to ``request``: a download with the header row. `write` the rest, then end it."""
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
    """Write ``rows`` to the response."""
    await answer.write(_csv(rows).encode())


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()
