"""Counting words heard wrong."""

from __future__ import annotations

import pytest

from sandbox.recognition.word_error_rate import compare, words


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("my internet is slow", "my internet is slow", 0),
        ("my internet is slow", "my internet was slow", 1),
        ("my internet is slow", "internet is so slow", 2),
        ("My Internet is slow.", "my internet, is slow", 0),
        ("dial 2 or 10 or 42", "dial two or ten or forty two", 0),
        ("1742", "one seven four two", 0),
        ("it's twenty-five", "It’s 25!", 0),
        ("yes", "", 1),
        ("yes", "yes yes yes", 2),
    ],
)
def test_what_is_exchanged_left_out_or_put_in_is_an_error(said: str, heard: str, errors: int) -> None:
    assert compare(said, heard).errors == errors


def test_the_last_line_is_what_scripts_read() -> None:
    said = "word " * 15
    assert str(compare(said, "word " * 14 + "sword")) == "word error rate 0.067 of 15 words"
    assert str(compare("a b", "a b")) == "word error rate 0.000 of 2 words"


def test_nothing_said_and_something_heard_is_all_wrong() -> None:
    assert (compare("", "").rate, compare("", "what").rate) == (0.0, 1.0)
    assert words("…!") == []
