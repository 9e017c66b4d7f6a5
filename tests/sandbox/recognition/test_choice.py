"""Who hears, and what people are told about it."""

from __future__ import annotations

from typing import cast

import pytest

from sandbox.recognition.choice import Choice, Speech, choose, hearing, recogniser
from sandbox.recognition.process import Engine
from sandbox.recognition.scripted import Scripted


class SlowEngine(Engine):
    """A recogniser that is behind."""

    def __init__(self, behind: float) -> None:
        self._behind = behind

    @property
    def behind(self) -> float:
        return self._behind


@pytest.mark.parametrize("speech", ["scripted", "pocketsphinx"])
async def test_what_is_asked_for_by_name_is_taken(speech: str) -> None:
    assert await choose(cast(Speech, speech)) == Choice(cast(Speech, speech))


async def test_the_scripted_one_needs_no_process() -> None:
    async with recogniser("scripted") as ears:
        assert ears is Scripted


def test_how_many_calls_a_machine_hears_is_said() -> None:
    for calls in (1, 3):
        assert f" {calls} call" in str(Choice("moonshine", calls))


def test_at_the_limit_and_behind_it_is_told_as_well() -> None:
    choice = Choice("moonshine", 2)
    usual = hearing(choice, SlowEngine(0.4), 1)
    assert usual == str(choice)
    full, late = hearing(choice, SlowEngine(0.4), 2), hearing(choice, SlowEngine(7.2), 1)
    assert full.startswith(usual)
    assert "wait" in full.removeprefix(usual)
    assert late.startswith(usual)
    assert "7 s behind" in late.removeprefix(usual)
    assert hearing(Choice("scripted"), Scripted, 100) == str(Choice("scripted"))
