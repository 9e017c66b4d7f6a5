"""What is left for after the answer is done, bounded, and harms nobody when it fails."""

from __future__ import annotations

import pytest

from web.request.background import BackgroundTasks as Work, background_tasks


async def test_what_waits_is_done_before_the_end_and_failures_harm_nobody() -> None:
    done: list[int] = []

    async def fail() -> None:
        raise OSError("not this time")

    async def note() -> None:
        done.append(len(done))

    async with background_tasks() as work:
        for _ in range(10):
            work.put(fail)
            work.put(note)
    assert done == list(range(10))


async def test_at_the_bound_work_is_dropped_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.request.background.WAITING", 2)
    work, done = Work(), []

    async def note() -> None:
        done.append(1)

    for _ in range(5):
        work.put(note)
    assert work._waiting.qsize() == 2
