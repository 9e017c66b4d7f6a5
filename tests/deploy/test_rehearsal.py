"""The rehearsal's bookkeeping: it must find a word that is lost, and not excuse it."""

from __future__ import annotations

import pytest

from deploy.rehearsal.ledger import CERTAIN_MS, ON_THE_WAY_MS, Heard, Ledger, accounts_of, total
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


def test_a_gap_beside_a_lost_word_does_not_excuse_it(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    before = (times[words[12]] + CLOCK_MS, times[words[17]] + CLOCK_MS)
    result = account(times, lines(words, times, leaving_out=range(18, 24)), [before])
    assert result.missing == tuple(words[18:24])


def test_two_gaps_that_report_the_same_moment_excuse_its_words_once(spoken: tuple[list[str], dict[str, int]]) -> None:
    words, times = spoken
    gap = (times[words[18]] + CLOCK_MS, times[words[19]] + CLOCK_MS)
    lost = lines(words, times, leaving_out=range(18, 30))
    once, twice = account(times, lost, [gap]), account(times, lost, [gap, (gap[0] + 1, gap[1])])
    assert once.missing
    assert twice.missing == once.missing


def heard(spoken_ms: float, *, leaving_out: range = range(0), gaps: tuple[tuple[int, int], ...] = ()) -> Heard:
    """What a console shows once a caller has spoken for ``spoken_ms``, all but the words ``leaving_out``."""
    words, _ = script("c1", 120)
    times = said_at(words, "c1")
    said = [word for word in words if times[word] <= spoken_ms - ON_THE_WAY_MS]
    return Heard("c1", words, spoken_ms, lines(said, times, leaving_out=leaving_out), gaps)


def test_words_on_their_way_are_not_asked_for_yet() -> None:
    (result,) = accounts_of([heard(30_000)])
    assert result.said == result.seen > 0
    assert not result.missing


def test_a_word_that_is_shown_counts_however_young_it_is() -> None:
    call = heard(30_000)
    (result,) = accounts_of([Heard(call.name, call.words, 1000, call.lines, ())])
    assert result.seen == result.said == len({word for line in call.lines for word in line.words})


def test_a_call_that_shows_nothing_any_more_is_not_excused_whatever_the_others_show() -> None:
    silent = heard(90_000, leaving_out=range(12, 400))
    assert len(silent.lines) == 2
    results = accounts_of([silent] * 3)
    assert all(len(result.missing) == result.said - 12 > 100 for result in results)


def test_a_call_that_never_showed_a_word_misses_them_all() -> None:
    (result,) = accounts_of([heard(60_000, leaving_out=range(400))])
    assert len(result.missing) == result.said > 0


def test_a_later_gap_does_not_excuse_what_was_lost_silently() -> None:
    ledger = Ledger()
    lost = range(20, 26)
    (first,) = ledger.close([heard(CERTAIN_MS + 30_000, leaving_out=lost)])
    (second,) = ledger.close([heard(CERTAIN_MS + 40_000, leaving_out=lost, gaps=((0, 60_000),))])
    assert first.missing == second.missing == tuple(f"c1w{number}" for number in lost)
    assert second.said == second.seen + second.told + len(second.missing)


def test_words_that_are_shown_late_are_found() -> None:
    ledger = Ledger()
    (first,) = ledger.close([heard(CERTAIN_MS + 30_000, leaving_out=range(20, 26))])
    (second,) = ledger.close([heard(CERTAIN_MS + 40_000)])
    assert first.missing
    assert not second.missing


def test_a_loss_may_be_reported_while_the_call_waits_for_its_next_stream() -> None:
    ledger = Ledger()
    words, _ = script("c1", 120)
    late = range(len([word for word, at in said_at(words, "c1").items() if at < 30_000]), 400)
    (first,) = ledger.close([heard(50_000, leaving_out=late)])
    (second,) = ledger.close([heard(60_000, leaving_out=late, gaps=((30_000, 70_000),))])
    assert first.missing
    assert not second.missing


def test_the_total_says_what_a_step_cost() -> None:
    before = total(accounts_of([heard(30_000)]))
    lost = range(30, 36)
    after = total(accounts_of([heard(60_000, leaving_out=lost)] * 2)).since(before)
    assert after.missing == 2 * len(lost)
    assert after.said == after.seen + after.told + after.missing
