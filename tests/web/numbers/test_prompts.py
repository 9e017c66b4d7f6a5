"""Words that callers hear: how many can be spoken, and whether they tell of transcription."""

from __future__ import annotations

import pytest

from web.numbers import prompts


def test_words_that_can_be_spoken() -> None:
    assert prompts.problem("x" * prompts.SHORTEST) == ""
    assert prompts.problem("x" * prompts.LONGEST) == ""
    assert str(prompts.SHORTEST) in prompts.problem("Hello.")
    assert str(prompts.LONGEST + 1) in prompts.problem("x" * 601)
    assert prompts.spoken_seconds("x" * 150) == 10


@pytest.mark.parametrize("words", ["We transcribe this call.", "It is written down.", "It is TURNED INTO TEXT."])
def test_words_that_tell(words: str) -> None:
    assert prompts.tells(words)


def test_words_that_do_not_tell() -> None:
    assert not prompts.tells("Welcome to Acacia Clinic. Please hold the line for a moment.")
