"""Which rules a sentence fires."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from protocol.phrases import PhraseRule, PhraseRules, may_fire, pattern_words

_RULES = PhraseRules(
    [
        PhraseRule("leaves", "Leaving", ("want to cancel", "cancel* my account", "closing the account"), priority=1),
        PhraseRule("refund", "Refund", ("refund*",), exceptions=("refund policy",)),
        PhraseRule("angry", "Complaint", ("speak to a manager", "don't like it"), speaker="caller"),
        PhraseRule("told", "Disclosure", ("this call is shown as text",), speaker="agent", must_say=True),
    ]
)


@pytest.mark.parametrize(
    ("text", "speaker", "fires"),
    [
        ("I WANT to, cancel!", "caller", ["leaves"]),
        ("I am cancelling my account", "caller", ["leaves"]),
        ("I want to cancellation", "caller", []),
        ("want to not cancel", "caller", []),
        ("to cancel", "caller", []),
        ("a refund", "agent", ["refund"]),
        ("no refunds, the refund policy says", "agent", []),
        ("can I speak to a manager about closing the account and a refund", "caller", ["leaves", "angry", "refund"]),
        ("can I speak to a manager", "agent", []),
        ("I don’t like it", "caller", ["angry"]),
        ("This call is shown as text.", "agent", ["told"]),
        ("", "caller", []),
    ],
)
def test_what_a_sentence_fires(text: str, speaker: str, fires: list[str]) -> None:
    assert [rule.id for rule in _RULES.fired(text, speaker)] == fires


_WORDS = st.sampled_from("alpha beta gamma delta al be gam don't 24".split())  # noqa: SIM905
_PHRASES = st.lists(st.tuples(_WORDS, st.booleans()), min_size=1, max_size=4)


@given(_PHRASES, st.lists(_WORDS, max_size=4), st.lists(_WORDS, max_size=4))
def test_a_phrase_is_found_wherever_it_stands(
    phrase: list[tuple[str, bool]], before: list[str], after: list[str]
) -> None:
    rules = PhraseRules([PhraseRule("r", "R", (" ".join(word + "*" * is_stem for word, is_stem in phrase),))])
    said = [word + "xyz" * is_stem for word, is_stem in phrase]
    assert rules.fired(" ".join([*before, *said, *after]), "caller")


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_typed_or_said_breaks_it(phrase: str, text: str) -> None:
    rules = PhraseRules([PhraseRule("r", "R", (phrase,))])
    rules.fired(text, "caller")
    assert all(word for word, _ in pattern_words(phrase))


def test_a_rule_is_quiet_after_it_fired_and_fires_so_many_times_at_most() -> None:
    rule = PhraseRule("r", "R", ("a",), cooldown_s=10, most=2)
    assert may_fire(rule, [], 0)
    assert not may_fire(rule, [0], 9_999)
    assert may_fire(rule, [0], 10_000)
    assert not may_fire(rule, [0, 10_000], 60_000)
    must = PhraseRule("m", "M", ("a",), must_say=True)
    assert may_fire(must, [], 5)
    assert not may_fire(must, [5], 60_000)


def test_a_phrase_may_begin_in_what_was_said_right_before() -> None:
    rules = PhraseRules([PhraseRule("r1", "Told", ("this call is shown as text",), must_say=True)])
    assert rules.fired("shown as text, okay?", "agent", "By the way, this call is") == rules.rules
    assert rules.fired("okay?", "agent", "This call is shown as text") == []  # it fired then
    assert rules.fired("shown as text", "agent") == []
    assert rules.fired("", "agent", "this call is shown as text") == []
    assert rules.fired("shown as text", "agent", "this call is um") == []
