"""Utterances keep their ids over reconnections, and their speakers in both directions."""

from __future__ import annotations

from media.live.transcript import Utterance
from media.speech.eventstream import Result
from media.speech.utterances import Utterances


def result(name: str, text: str, *, final: bool = False, channel: int = 0) -> Result:
    return Result(name, channel, 0, 500, text, final, 0)


def revised(utterances: Utterances, result: Result, start_ms: int = 0, end_ms: int = 1) -> Utterance:
    """What ``result`` makes of its utterance, if that is all it changes."""
    (only,) = utterances.revise(result, start_ms, end_ms)
    return only


def test_inbound_the_caller_is_what_twilio_hears_and_outbound_the_agent() -> None:
    assert revised(Utterances("customer"), result("r", "hi")).speaker == "caller"
    assert revised(Utterances("customer"), result("r", "hi", channel=1)).speaker == "agent"
    assert revised(Utterances("agent"), result("r", "hi")).speaker == "agent"
    assert revised(Utterances("agent"), result("r", "hi", channel=1)).speaker == "caller"


def test_an_unfinished_utterance_is_told_again_under_its_first_name() -> None:
    utterances = Utterances("customer")
    first = revised(utterances, result("r1", "half a"))
    utterances.restart()
    again = revised(utterances, result("r9", "half"))
    whole = revised(utterances, result("r9", "half a sentence", final=True))
    assert {first.id, again.id, whole.id} == {"r1"}
    assert revised(utterances, result("r10", "next")).id == "r10"


def test_a_finished_utterance_gives_its_name_to_nobody() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "done", final=True), 0, 1)
    utterances.restart()
    assert revised(utterances, result("r2", "new")).id == "r2"


def test_a_newer_one_closes_the_older_with_the_words_it_has() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "one two"), 0, 400)
    closed, newer = utterances.revise(result("r2", "three"), 500, 900)
    assert (closed.id, closed.text, closed.final, closed.stable_words, closed.end_ms) == (
        "r1",
        "one two",
        True,
        2,
        400,
    )
    assert (newer.id, newer.text, newer.final) == ("r2", "three", False)
    assert utterances.unfinished(0) == newer


def test_a_newer_final_closes_the_older_too() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "one"), 0, 1)
    closed, newer = utterances.revise(result("r2", "two", final=True), 1, 2)
    assert (closed.id, closed.final, newer.id, newer.final) == ("r1", True, "r2", True)
    assert utterances.all_finished


def test_what_is_told_of_a_closed_one_is_too_late() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "one"), 0, 1)
    utterances.revise(result("r2", "two"), 1, 2)
    assert utterances.revise(result("r1", "won", final=True), 0, 1) == []
    assert utterances.revise(result("r1", "won"), 0, 1) == []
    assert revised(utterances, result("r2", "two too", final=True)).id == "r2"
    assert utterances.revise(result("r2", "two two"), 1, 2) == []
    assert utterances.all_finished


def test_the_other_channel_closes_nothing() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "one"), 0, 1)
    assert [each.id for each in utterances.revise(result("r2", "two", channel=1), 0, 1)] == ["r2"]
    assert utterances.unfinished(0) is not None


def test_an_empty_final_ends_what_is_shown_and_leaves_no_line_of_its_own() -> None:
    utterances = Utterances("customer")
    assert utterances.revise(result("r0", "", final=True), 0, 1) == []
    utterances.revise(result("r1", "as shown"), 0, 1)
    assert utterances.revise(result("r1", ""), 0, 1) == []
    ended = revised(utterances, result("r1", "", final=True))
    assert (ended.id, ended.text, ended.final) == ("r1", "as shown", True)
    assert utterances.all_finished
    assert utterances.revise(result("r1", "", final=True), 0, 1) == []


def test_results_without_ids_are_of_what_is_being_said() -> None:
    utterances = Utterances("customer")
    first = revised(utterances, result("", "half"))
    again = revised(utterances, result("", "half a sentence", final=True))
    other = revised(utterances, result("", "another"))
    assert first.id == again.id != other.id
    assert first.id


def test_channels_do_not_mix() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "caller"), 0, 1)
    utterances.restart()
    assert revised(utterances, result("r2", "agent", channel=1)).id == "r2"
    assert not utterances.all_finished


def test_the_end_finishes_what_is_unfinished() -> None:
    utterances = Utterances("customer")
    utterances.revise(result("r1", "cut off in the"), 0, 900)
    utterances.revise(result("r2", "later", channel=1), 1_000, 1_100)
    ((channel, last),) = utterances.freeze(begun_before_ms=1_000)
    assert channel == 0
    assert (last.id, last.text, last.final, last.stable_words) == ("r1", "cut off in the", True, 4)
    assert not utterances.all_finished
    assert [(channel, rest.text) for channel, rest in utterances.freeze()] == [(1, "later")]
    assert utterances.all_finished
    assert utterances.freeze() == []
