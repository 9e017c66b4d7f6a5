"""The benchmark with real recognition, in its smallest form."""

from __future__ import annotations

import re

import pytest

from sandbox.load.speech import Console, measure, report

pytestmark = pytest.mark.slow


async def test_a_call_is_heard_and_its_delays_are_counted() -> None:
    pytest.importorskip("moonshine_voice")
    (console,) = await measure(1, 6.0)
    assert console.behind
    assert all(behind > 0 for behind in console.behind)
    assert report([console], 6.0).startswith("1 calls for 6 s: new words ")


def test_without_a_word_there_is_no_figure() -> None:
    assert not re.search(r"\d (s|ms)\b", report([Console()], 1.0).partition(":")[2])
