"""Utterances keep their names over broken connections, and their sides over directions."""

from __future__ import annotations

from media.eventstream import Result
from media.utterances import Utterances


def result(name: str, text: str, *, final: bool = False, channel: int = 0) -> Result:
    return Result(name, channel, 0, 500, text, final, 0)


def test_inbound_the_caller_is_what_twilio_hears_and_outbound_the_agent() -> None:
    assert Utterances("inbound").revise(result("r", "hi"), 0, 1).speaker == "caller"
    assert Utterances("inbound").revise(result("r", "hi", channel=1), 0, 1).speaker == "agent"
    assert Utterances("outbound").revise(result("r", "hi"), 0, 1).speaker == "agent"
    assert Utterances("outbound").revise(result("r", "hi", channel=1), 0, 1).speaker == "caller"


def test_an_unfinished_utterance_is_told_again_under_its_first_name() -> None:
    utterances = Utterances("inbound")
    first = utterances.revise(result("r1", "half a"), 0, 1)
    utterances.restart()
    again = utterances.revise(result("r9", "half"), 0, 1)
    whole = utterances.revise(result("r9", "half a sentence", final=True), 0, 1)
    assert {first.id, again.id, whole.id} == {"r1"}
    assert utterances.revise(result("r10", "next"), 0, 1).id == "r10"


def test_a_finished_utterance_gives_its_name_to_nobody() -> None:
    utterances = Utterances("inbound")
    utterances.revise(result("r1", "done", final=True), 0, 1)
    utterances.restart()
    assert utterances.revise(result("r2", "new"), 0, 1).id == "r2"


def test_two_unfinished_on_one_channel_stay_apart() -> None:
    utterances = Utterances("inbound")
    utterances.revise(result("r1", "one"), 0, 1)
    assert utterances.revise(result("r2", "two"), 0, 1).id == "r2"


def test_channels_do_not_mix() -> None:
    utterances = Utterances("inbound")
    utterances.revise(result("r1", "caller"), 0, 1)
    utterances.restart()
    assert utterances.revise(result("r2", "agent", channel=1), 0, 1).id == "r2"
    assert not utterances.all_finished


def test_the_end_finishes_what_is_unfinished() -> None:
    utterances = Utterances("inbound")
    utterances.revise(result("r1", "cut off in the"), 0, 900)
    utterances.revise(result("r2", "later", channel=1), 1_000, 1_100)
    ((channel, last),) = utterances.finish(begun_before_ms=1_000)
    assert channel == 0
    assert (last.id, last.text, last.final, last.stable_words) == ("r1", "cut off in the", True, 4)
    assert not utterances.all_finished
    assert [(channel, rest.text) for channel, rest in utterances.finish()] == [(1, "later")]
    assert utterances.all_finished
    assert utterances.finish() == []
