"""Words that stay: what two guesses agree on."""

from __future__ import annotations

from hypothesis import given, strategies as st

from sandbox.recognition.agreement import Agreement, continued

WORDS = st.lists(st.sampled_from(["my", "internet", "has", "been", "slow", "Slow.", "since"]), max_size=8)


def after(*guesses: str) -> Agreement:
    agreement = Agreement()
    for guess in guesses:
        agreement.partial(guess.split())
    return agreement


def final(agreement: Agreement, guess: str) -> str:
    return " ".join(agreement.final(guess.split()))


def settled(agreement: Agreement) -> str:
    return " ".join(agreement.settled)


def test_a_first_guess_settles_nothing() -> None:
    assert settled(after("my internet has been slow since Monday")) == ""


def test_two_guesses_settle_what_they_have_in_common_but_for_the_newest_words() -> None:
    assert settled(after("my internet has been", "my internet has been slow")) == "my internet has"
    assert settled(after("my internet has bean", "my internet has been slow since Monday")) == "my internet has"


def test_marks_and_capitals_are_no_difference_and_the_newer_ones_stay() -> None:
    assert settled(after("hi daniel my internet", "Hi, Daniel, my Internet has been")) == "Hi, Daniel, my Internet"


def test_a_settled_word_outlasts_a_guess_that_has_another_one_in_its_place() -> None:
    agreement = after("the power light is green", "the power light is green but")
    assert final(agreement, "the powder light is green but red") == "the power light is green but red"


def test_a_guess_that_drops_or_doubles_a_settled_word_neither_loses_nor_repeats_what_follows() -> None:
    agreement = after("no it is not my modem", "no it is not my modem then")
    assert final(agreement, "it is not my modem then") == "no it is not my modem then"
    assert final(agreement, "no no it is not my modem then") == "no it is not my modem then"


def test_words_that_are_said_again_where_a_long_utterance_is_cut_are_left_out() -> None:
    before = "in order for this to work you must already be."

    def after_it(guess: str) -> str:
        return " ".join(continued(before.split(), guess.split()))

    assert after_it("Already be connected to the Internet") == "connected to the Internet"
    assert after_it("connected to the Internet") == "connected to the Internet"
    assert after_it("Be") == ""
    assert continued([], ["Be"]) == ["Be"]


@given(st.lists(WORDS, max_size=6), WORDS)
def test_whatever_comes_a_settled_word_stays_as_it_is(guesses: list[list[str]], last: list[str]) -> None:
    agreement = Agreement()
    for guess in guesses:
        before = list(agreement.settled)
        words = agreement.partial(guess)
        assert words[: len(before)] == before == agreement.settled[: len(before)]
        assert words[: len(agreement.settled)] == agreement.settled
    assert agreement.final(last)[: len(agreement.settled)] == agreement.settled
