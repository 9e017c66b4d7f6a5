"""Errors in the processes' logs are told on the terminal; everything else is left to the logs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from sandbox.engines.log_watch import complaint, watch


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"level": "error", "event": "database unavailable"}', "database unavailable"),
        ('{"level": "critical"}', "error"),
        ('{"level": "warning", "event": "bus lost"}', ""),
        ('{"level": "info", "event": "request"}', ""),
        ("Traceback (most recent call last):", "an exception"),
        ("some plain line", ""),
        ("[1, 2]", ""),
        ("", ""),
    ],
)
def test_only_errors_are_told(line: str, told: str) -> None:
    assert complaint(line) == told


@given(st.text())
def test_no_line_breaks_it(line: str) -> None:
    assert isinstance(complaint(line), str)


async def test_an_error_is_told_once_with_where_to_look(tmp_path: Path) -> None:
    log, said = tmp_path / "web.log", asyncio.Queue[str]()
    log.write_text(json.dumps({"level": "error", "event": "old news"}) + "\n")
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch([log], said.put_nowait))
        await asyncio.sleep(0)  # it has seen how long the log is
        with log.open("a") as more:
            more.write('{"level": "error", "event": "request failed"}\n{"level": "error", "event": "half')
        assert await said.get() == f"web: request failed (see {log})"
        with log.open("a") as more:
            more.write(' a line"}\n')
        assert await said.get() == f"web: half a line (see {log})"
        watching.cancel()
    assert said.empty()
