"""CSV export, streamed: Excel reads it as UTF-8 and executes no formula in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from aiohttp import web

PAGE = 500  # rows

Row = TypeVar("Row")

_EXCEL_UTF8 = "\ufeff"  # byte order mark: without it Excel assumes another character set
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """Return ``cell`` escaped, so that a spreadsheet does not execute it as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


async def export(
    request: web.Request,
    name: str,
    columns: Sequence[str],
    read: Callable[[Row | None, int], Awaitable[Sequence[Row]]],
    cells: Callable[[Row], Sequence[str]],
    size: int = PAGE,
) -> web.StreamResponse:
    """Answer ``request`` with a download: ``columns``, then the ``cells`` of every row.

    ``read`` returns the page of at most ``size`` rows after a row, None for the first page: each page is a
    transaction of its own, so that a slow download holds none open.
    """
    found = await read(None, size)
    answer = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )
    await answer.prepare(request)
    await answer.write((_EXCEL_UTF8 + _csv([columns])).encode())
    while found:
        await answer.write(_csv(cells(row) for row in found).encode())
        found = await read(found[-1], size) if len(found) == size else []
    await answer.write_eof()
    return answer


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()
