"""Losses are noticed in pieces and reported as whole gaps."""

from __future__ import annotations

from hypothesis import given, settings, strategies as st

from media.speech.gaps import SHORTEST_MS, Gaps, within, without

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
