"""What Postgres would do for the statements that a query sends."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

Node = dict[str, Any]


async def plans(session: AsyncSession, ask: Callable[[], Awaitable[Any]]) -> list[tuple[str, list[Node]]]:
    """Return each statement that ``ask`` sends, in order, with the nodes of its plan."""
    connection = await session.connection()
    sent: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        sent.append((statement, parameters))

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    await ask()
    event.remove(connection.sync_connection, "before_cursor_execute", note)
    found = []
    for statement, parameters in sent:
        answer = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        plan = answer.scalar_one()
        [root] = json.loads(plan) if isinstance(plan, str) else plan
        found.append((statement, list(_nodes(root["Plan"]))))
    return found


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
