"""CSV export, streamed: Excel reads it as UTF-8 and executes no formula in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TypeVar

from aiohttp import web

PAGE = 500  # rows

Row = TypeVar("Row")

EXCEL_UTF8 = "\ufeff"  # byte order mark: without it Excel assumes another character set
_E164 = re.compile(r"\+[0-9]{1,15}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """Return ``cell`` escaped, so that a spreadsheet does not execute it as a formula.

    A phone number in E.164 stays as it is: all that a spreadsheet can make of it is a number.
    """
    return f"'{cell}" if cell.startswith(_FORMULA) and not _E164.fullmatch(cell) else cell


def plain(cell: str) -> str:
    """Return ``cell`` as it was before `safe`, so that what was exported can be imported."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


async def export(
    request: web.Request,
    name: str,
    columns: Sequence[str],
    pages: AsyncIterator[Sequence[Row]],
    cells: Callable[[Row], Sequence[str]],
) -> web.StreamResponse:
    """Answer ``request`` with a download: ``columns``, then the ``cells`` of every row.

    Each of ``pages`` is to be a transaction of its own, so that a slow download holds none open.
    """
    found = await anext(pages, None)
    answer = web.StreamResponse(
        headers={
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{name}"',
        }
    )
    await answer.prepare(request)
    await answer.write((EXCEL_UTF8 + lines([columns])).encode())
    while found is not None:
        await answer.write(lines(cells(row) for row in found).encode())
        found = await anext(pages, None)
    await answer.write_eof()
    return answer


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Return ``rows`` as lines of CSV that a spreadsheet may open."""
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()
