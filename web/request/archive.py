"""A ZIP of tables that is written while it is sent: neither on disk nor as a whole in memory."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from web.request.csv_export import EXCEL_UTF8, lines

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One file of the archive, and its rows page by page."""

    name: str
    columns: Sequence[str]
    pages: AsyncIterator[Sequence[Row]]


async def send(request: web.Request, name: str, read_me: str, tables: AsyncIterator[Table]) -> web.StreamResponse:
    """Answer ``request`` with the ZIP ``name``: ``read_me``, and a CSV file for each of ``tables`` that has rows."""
    answer = web.StreamResponse(
        headers={"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
    )
    await answer.prepare(request)
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", read_me)
        async for table in tables:
            await _write(answer, sink, archive, table)
    await answer.write(sink.taken())
    await answer.write_eof()
    return answer


async def _write(answer: web.StreamResponse, sink: _Sink, archive: zipfile.ZipFile, table: Table) -> None:
    first = await anext(table.pages, None)
    if not first:
        return
    with archive.open(_file(table), "w", force_zip64=True) as file:
        file.write((EXCEL_UTF8 + lines([table.columns])).encode())
        file.write(lines(_cells(first)).encode())
        async for page in table.pages:
            file.write(lines(_cells(page)).encode())
            await answer.write(sink.taken())


class _Sink(io.RawIOBase):
    """What the archive has written and nobody has taken yet. It cannot be sought in: sizes follow each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        """Return it, once."""
        taken, self._parts = b"".join(self._parts), []
        return taken


def _file(table: Table) -> str:
    return f"{table.name}.csv"


def _cells(rows: Sequence[Row]) -> Iterator[list[str]]:
    return ([_cell(value) for value in row] for row in rows)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
