"""Losses are noticed in pieces and reported as whole gaps, without the time that a call was on hold."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from media.speech.gaps import SHORTEST_MS, Gaps, within, without
from media.speech.held_time import HeldTime

PIECES = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 100).map(lambda ten: ten * 10), st.integers(1, 30)), max_size=20
)


def reported_in_time(gaps: Gaps) -> list[tuple[int, int]]:
    """What is reported within two seconds in which nothing more is noticed."""
    return [gap for _ in range(20) for gap in gaps.take()]


def test_pieces_that_touch_are_one_gap_told_once() -> None:
    gaps = Gaps()
    for start in (1_060, 1_000, 1_040, 1_020, 1_080):
        gaps.add(1, start, start + 20)
    assert reported_in_time(gaps) == [(1_000, 1_100)]
    assert not gaps


def test_a_gap_that_still_grows_waits() -> None:
    gaps = Gaps()
    for start in range(0, 3_000, 100):
        gaps.add(0, start, start + 100)
        assert gaps.take() == []
    assert reported_in_time(gaps) == [(0, 3_000)]


def test_what_is_too_short_is_told_to_nobody() -> None:
    gaps = Gaps()
    gaps.add(0, 0, SHORTEST_MS - 1)
    assert gaps.take(last=True) == []


def test_what_came_after_all_is_no_gap() -> None:
    gaps = Gaps()
    gaps.add(0, 0, 300)
    gaps.recover(0, 100, 200)
    assert gaps.take(last=True) == [(0, 100), (200, 300)]


def test_what_one_track_said_is_not_recovered_by_the_other() -> None:
    gaps = Gaps()
    gaps.add(0, 0, 300)
    gaps.recover(1, 0, 300)
    assert gaps.take(last=True) == [(0, 300)]


def test_no_moment_is_told_twice() -> None:
    gaps = Gaps()
    gaps.add(0, 0, 300)
    assert gaps.take(last=True) == [(0, 300)]
    gaps.add(1, 100, 500)
    assert gaps.take(last=True) == [(300, 500)]


@settings(max_examples=60, deadline=None)
@given(PIECES)
def test_every_long_loss_is_covered_and_nothing_else(pieces: list[tuple[int, int, int]]) -> None:
    gaps = Gaps()
    lost: tuple[set[int], set[int]] = (set(), set())
    for track, start, length in pieces:
        gaps.add(track, start, start + length * 10)
        lost[track].update(range(start, start + length * 10))
    reported = gaps.take(last=True)
    covered = [moment for gap in reported for moment in range(*gap)]
    assert len(covered) == len(set(covered))
    assert set(covered) <= lost[0] | lost[1]
    for of_track in lost:
        long = {moment for moment in of_track if all(moment + near in of_track for near in range(SHORTEST_MS))}
        assert long <= set(covered) | _close_to(reported)


def _close_to(reported: list[tuple[int, int]]) -> set[int]:
    """Return moments so close to a gap that the rest of them alone is too short to be reported."""
    return {
        moment
        for start, end in reported
        for moment in (*range(start - SHORTEST_MS, start), *range(end, end + SHORTEST_MS))
    }


def test_stretches_are_cut_and_kept() -> None:
    assert without([(0, 10)], 3, 5) == [(0, 3), (5, 10)]
    assert within([(0, 10), (20, 30)], 5, 25) == [(5, 10), (20, 25)]


# Time on hold.

_TIMES = st.lists(st.integers(0, 100), unique=True, max_size=12).map(sorted)


def held_at(times: list[int]) -> tuple[HeldTime, set[int]]:
    """Return a call held and resumed at ``times`` in turn, in units of 100 ms, and each unit that was on hold."""
    time, units = HeldTime(), set[int]()
    for begin, end in zip(times[::2], [*times[1::2], None], strict=False):
        time.begin(begin * 100)
        units |= set(range(begin, 200 if end is None else end))
        if end is not None:
            time.end(end * 100)
    return time, units


@given(_TIMES, st.integers(0, 150), st.integers(1, 40))
def test_a_stretch_is_on_hold_if_any_of_it_is(times: list[int], start: int, length: int) -> None:
    held, units = held_at(times)
    assert held.includes(start * 100, (start + length) * 100) == any(
        unit in units for unit in range(start, start + length)
    )


@given(_TIMES, st.integers(0, 150), st.integers(1, 40))
def test_a_gap_is_reported_without_the_time_on_hold(times: list[int], start: int, length: int) -> None:
    held, units = held_at(times)
    reported = held.outside(start * 100, (start + length) * 100)
    covered = {unit for begin, end in reported for unit in range(begin // 100, end // 100)}
    assert covered == set(range(start, start + length)) - units


def test_a_rest_too_short_for_a_word_is_not_reported() -> None:
    held = HeldTime()
    held.begin(1000)
    held.end(2000)
    assert held.outside(1000 - SHORTEST_MS + 1, 2000 + SHORTEST_MS) == [(2000, 2000 + SHORTEST_MS)]
    assert held.outside(1200, 1800) == []
