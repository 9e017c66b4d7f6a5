"""The rehearsal's bookkeeping: it must find a word that is lost, and not excuse it."""

from __future__ import annotations

import pytest

from deploy.rehearsal.speech import Line, account, said_at, script
from sandbox.audio import coded_words

CLOCK_MS = 5200  # the call began before the caller spoke


def lines(words: list[str], times: dict[str, int], *, leaving_out: range = range(0)) -> list[Line]:
    """A console's lines, six words each, as a call's clock tells when."""
    kept = [word for number, word in enumerate(words) if number not in leaving_out]
    breaths: dict[int, list[str]] = {}
    for word in kept:
        breaths.setdefault(words.index(word) // 6, []).append(word)
    return [
        Line(tuple(breath), times[breath[0]] + CLOCK_MS, times[breath[-1]] + 300 + CLOCK_MS)
        for breath in breaths.values()
    ]


@pytest.fixture
def spoken() -> tuple[list[str], dict[str, int]]:
    words, sound = script("c1", 60)
    times = said_at(words, "c1")
    for packet in coded_words.packets(sound):
        if packet.number == 0:
            assert times[packet.word] == packet.at * 1000 // 8000
    return words, times


def test_every_word_that_is_shown_is_seen(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    result = account(times, lines(words, times), [])
    assert (result.said, result.seen, result.told, result.missing, result.doubled) == (
        len(words),
        len(words),
        0,
        (),
        (),
    )


def test_a_word_in_a_gap_is_told(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    gap = (times[words[20]] + CLOCK_MS, times[words[25]] + CLOCK_MS)
    result = account(times, lines(words, times, leaving_out=range(20, 26)), [gap])
    assert (result.told, result.missing) == (6, ())


def test_a_word_lost_elsewhere_is_missing(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    gap = (times[words[20]] + CLOCK_MS, times[words[25]] + CLOCK_MS)
    shown = [line for line in lines(words, times, leaving_out=range(20, 26)) if words[40] not in line.words]
    result = account(times, shown, [gap])
    assert words[40] in result.missing


def test_a_word_shown_twice_is_doubled(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    shown = lines(words, times)
    assert account(times, [*shown, shown[3]], []).doubled == tuple(sorted(shown[3].words))
