"""What rules cost a call, measured in its smallest form. What it comes to is no test's business."""

from __future__ import annotations

from sandbox.load.matching import measure


async def test_calls_are_heard_searched_and_counted_with_rules_and_without() -> None:
    costs = await measure(300, 2, 3)
    assert (len(costs.on), len(costs.off)) == (3, 3)
    assert all(cost > 0 for cost in (*costs.on, *costs.off))
    assert "300 phrases" in costs.text(300, 2)
