"""What a supervisor costs, measured in its smallest form."""

from __future__ import annotations

import pytest

from sandbox.load.wall import WAYS, measure, table

pytestmark = pytest.mark.slow


async def test_who_asks_for_less_is_told_less() -> None:
    costs = await measure(20, 4, 4.0)
    everything, read, rows, nothing = costs
    assert [cost.way for cost in costs] == list(WAYS)
    assert everything.messages > read.messages > rows.messages > nothing.messages
    assert everything.kilobytes > read.kilobytes > rows.kilobytes > nothing.kilobytes
    assert table(costs, 20, 4, 4.0).count("\n| ") == len(WAYS) + 1
