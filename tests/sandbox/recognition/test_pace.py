"""How often lines are decoded, and how many speakers that is enough for."""

from __future__ import annotations

import pytest

from sandbox.recognition.pace import MOST_BEHIND, Pace, calls


def pace(speaking: int) -> Pace:
    made = Pace()
    made.speaking.update(range(speaking))
    return made


def test_lines_are_decoded_more_rarely_the_more_people_speak_and_the_more_it_costs() -> None:
    intervals = [pace(speaking).interval(0.4) for speaking in range(1, 5)]
    assert intervals == sorted(set(intervals))
    assert pace(2).interval(0.6) > pace(2).interval(0.5)


def test_a_cheap_line_is_decoded_often_but_not_all_the_time_and_a_dear_one_still_now_and_then() -> None:
    assert pace(1).interval(0.0) == pace(0).interval(0.001) > 0.2
    assert pace(50).interval(9.0) <= 10.0  # the longest line


@pytest.mark.parametrize("speaking", [1, 2, 3])
def test_on_a_machine_that_is_too_slow_sound_does_not_queue(speaking: int) -> None:
    cost = 2.5
    assert speaking * cost <= pace(speaking).interval(cost)


@pytest.mark.parametrize("cost", [0.05, 0.1, 0.2, 0.4])
def test_so_many_calls_as_a_machine_is_said_to_hear_leave_it_time_and_are_not_far_behind(cost: float) -> None:
    speaking = calls(cost)
    interval = pace(speaking).interval(cost)
    assert speaking * cost <= interval  # what is to be decoded within it
    assert interval + speaking * cost <= MOST_BEHIND


def test_every_machine_hears_one_call() -> None:
    assert calls(60.0) == 1
    assert calls(0.1) > calls(0.2) > calls(0.4)
