"""Where words are put in a line's sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sandbox.recognition.word_times import spread

RATE = 16_000
LETTERS = st.sampled_from(["a", "word", "F.", "555"])


def sound(*parts: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Noise: how loud, for how many seconds."""
    noise = np.random.default_rng(1)
    made = [noise.normal(0, loudness, int(seconds * RATE)) for loudness, seconds in parts]
    return np.concatenate(made).astype(np.float32)


def test_words_share_the_voiced_sound_and_a_pause_belongs_to_none() -> None:
    spans = spread(["four", "more"], sound((0.0, 0.5), (0.2, 1.0), (0.0, 2.0), (0.2, 1.0), (0.0, 0.5)), RATE)
    assert [edge for span in spans for edge in span] == pytest.approx([0.5, 1.5, 3.5, 4.5], abs=0.03)


def test_long_words_take_longer() -> None:
    short, long = spread(["a", "technician"], sound((0.2, 1.3)), RATE)
    assert long[1] - long[0] > 4 * (short[1] - short[0])


@given(st.lists(LETTERS, min_size=1, max_size=12), st.floats(0, 3), st.floats(0, 1))
def test_times_are_in_order_and_within_the_sound(words: list[str], seconds: float, loudness: float) -> None:
    spans = spread(words, sound((loudness, seconds)), RATE)
    edges = [edge for span in spans for edge in span]
    assert len(spans) == len(words)
    assert edges == sorted(edges)
    assert 0 <= edges[0] <= edges[-1] <= seconds + 0.02
