"""Digits are found however they are said, and masking them leaves every word in its place."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from media.words.spoken_digits import mask, most_digits, scan

_WORDS = st.sampled_from(
    [
        *(
            "one",
            "two",
            "four",
            "oh",
            "zero",
            "double",
            "triple",
            "twenty",
            "forty-two",
            "eleven",
            "hundred",
            "three,",
        ),
        *(
            "4111",
            "4111-1111",
            "0412",
            "+61",
            "$20",
            "12/05/2026",
            "B12",
            "um",
            "and",
            "please",
            "to",
            "for",
            "nine.",
            "7",
        ),
    ]
)
_TEXTS = st.lists(_WORDS, max_size=30).map(" ".join)


def runs(text: str) -> list[str]:
    return ["".join(group.digits for group in run.groups) for run in scan(text).runs]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four one one one", ["4111"]),
        ("Four, one. One? one!", ["4111"]),
        ("4111-1111 1111/1111", ["4111111111111111"]),
        ("double five triple oh seven", ["550007"]),
        ("triple 4 quadruple one", ["4441111"]),
        ("treble nine", ["999"]),
        ("oh four one two", ["0412"]),
        ("twenty two, twenty, two", ["22202"]),
        ("forty-one eleven", ["4111"]),
        ("four hundred and twelve", ["40012"]),
        ("one three hundred, six five four", ["1300654"]),
        ("four to one", ["421"]),
        ("4111 um and then 1111", ["41111111"]),
        ("4111 dash 1111", ["41111111"]),
        ("one of them said 4111", ["1", "4111"]),
        ("(02) 9876-5432", ["0298765432"]),
        ("+61 412 345 678", ["61412345678"]),
        ("oh I see, a hundred percent, double check, too much for me", []),
        ("on 12/05/2026 or 2026-05-12 we paid $4111 for B12 at 10:30, the 21st, 50%", []),
        ("", []),
    ],
)
def test_digits_are_found_as_they_are_said(text: str, digits: list[str]) -> None:
    assert runs(text) == digits


def test_boundaries_are_strong_where_the_speaker_made_them() -> None:
    [run] = scan("four one, two three um four 5678 nine").runs
    assert [group.strong for group in run.groups] == [True, False, True, False, True, True, True]


@given(_TEXTS)
def test_masking_hides_every_digit_and_keeps_every_word_in_place(text: str) -> None:
    found = scan(text)
    groups = [group for run in found.runs for group in run.groups]
    masked = mask(text, groups)
    assert len(masked.split()) == len(text.split())
    for before, after in zip(text.split(), masked.split(), strict=True):
        assert before == after or set(after) <= set("•-,.+/")
    assert all(text[group.start : group.end].strip() == text[group.start : group.end] for group in groups)
    assert runs(masked) == []
    assert mask(text, []) == text


@given(_TEXTS)
def test_the_quick_look_never_misses_a_digit(text: str) -> None:
    assert most_digits(text) >= sum(len(digits) for digits in runs(text))


@given(st.text(max_size=60))
def test_nothing_that_people_or_machines_write_breaks_it(text: str) -> None:
    groups = [group for run in scan(text).runs for group in run.groups]
    assert len(mask(text, groups).split()) == len(text.split())
