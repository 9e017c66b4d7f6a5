"""Reports of holds may come in any order and twice: the newest one counts, however many calls there are."""

from __future__ import annotations

from hypothesis import given, strategies as st

from media.live.holds import MAX_CALLS, NOT_HELD, Hold, Holds

_REPORTS = st.lists(st.builds(Hold, st.integers(1, 20), st.booleans()), min_size=1)


@given(_REPORTS)
def test_the_newest_report_counts_in_whatever_order_they_come(reports: list[Hold]) -> None:
    holds = Holds()
    for report in [*reports, *reports[::2]]:
        holds.note("CA1", report)
    assert holds.of("CA1") == max(reports)


@given(_REPORTS)
def test_each_change_is_passed_on_once_and_none_is_undone_by_an_older_report(reports: list[Hold]) -> None:
    holds, changes = Holds(), list[Hold]()
    holds.on_change = lambda _call, hold: changes.append(hold)
    for report in reports:
        holds.note("CA1", report)
    assert changes == sorted(set(changes))
    assert changes[-1] == max(reports)


def test_calls_do_not_mix_and_the_oldest_are_forgotten() -> None:
    holds = Holds()
    holds.note("first", Hold(1, is_held=True))
    assert holds.of("second") == NOT_HELD
    for number in range(MAX_CALLS):
        holds.note(f"CA{number}", Hold(1, is_held=True))
    assert holds.of("first") == NOT_HELD
    assert holds.of("CA0").is_held
