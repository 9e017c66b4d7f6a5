"""What is published where one stream takes over from another: lost audio, and a word that was cut in two."""

from __future__ import annotations

import pytest

from media.live.transcript import Gap
from media.speech.gaps import SHORTEST_MS
from media.speech.seam import FIRST_SOUND_SECONDS, WORD_MS, Known, Seam, overlooked


def seam(from_ms: int | None, to_ms: int, *, loud: bool) -> Seam:
    made = Seam(from_ms, to_ms, "twilio", due=0.0)
    made.note(loud=loud)
    made.note(loud=not loud)
    return made


def test_lost_audio_is_a_gap_from_the_last_word_to_the_first() -> None:
    known = Known(said_ms=4_700, next_ms=8_200)
    assert seam(5_000, 8_000, loud=True).gap(known) == Gap(4_700, 8_200, "twilio")


def test_after_silence_a_gap_reaches_no_further_than_a_word() -> None:
    known = Known(said_ms=1_000, next_ms=20_000)
    assert seam(5_000, 8_000, loud=True).gap(known) == Gap(5_000 - WORD_MS, 8_000 + WORD_MS, "twilio")
    assert seam(5_000, 8_000, loud=False).gap(known) == Gap(5_000 - WORD_MS, 8_000, "twilio")


def test_a_word_cut_in_two_is_a_gap_though_no_audio_is_missing() -> None:
    known = Known(said_ms=4_800, heard_ms=5_000, next_ms=5_200)
    assert seam(None, 5_000, loud=True).gap(known) == Gap(4_800, 5_200, "twilio")


def test_a_pause_between_two_words_is_no_gap() -> None:
    known = Known(said_ms=4_970, heard_ms=5_000, next_ms=5_030)
    assert seam(None, 5_000, loud=True).gap(known) is None
    assert seam(None, 5_000, loud=False).gap(Known(heard_ms=5_000)) is None


def test_where_nobody_spoke_the_gap_begins_where_the_audio_ended() -> None:
    silent = Seam(5_000, 8_000, "twilio", due=0.0, ends_loud=False)
    assert silent.gap(Known(said_ms=4_000)) == Gap(5_000, 8_000, "twilio")


@pytest.mark.parametrize(("missing", "is_told"), [(SHORTEST_MS - 1, False), (SHORTEST_MS, True)])
def test_in_silence_only_lost_audio_counts(missing: int, is_told: bool) -> None:
    assert (seam(5_000 - missing, 5_000, loud=False).gap(Known()) is not None) == is_told


def test_what_no_node_knows_is_a_gap_from_the_beginning() -> None:
    assert seam(None, 60_000, loud=False).gap(Known()) == Gap(0, 60_000, "twilio")


def test_on_a_busy_node_the_gap_waits_for_the_next_streams_first_sound_but_not_for_ever() -> None:
    """Whether that begins with a word that was cut is not known before."""
    made = Seam(None, 5_000, "bilby", due=10.0)
    assert not made.is_due(10.0)
    assert made.is_due(10.0 + FIRST_SOUND_SECONDS)
    made.note(loud=True)
    assert made.is_due(10.0)
    assert not made.is_due(9.9)


@pytest.mark.parametrize(
    ("said_ms", "heard_ms", "begins_ms"),
    [
        (1_000, 2_000, 1_500),  # a word may reach 500 ms into what was heard
        (1_900, 2_000, 1_900),
        (3_000, 2_000, 3_000),
        (0, 100, 0),
        (0, 4_950, None),
        (5_000, 2_000, None),
    ],
)
def test_what_a_guessed_gap_lacks_begins_where_the_call_was_heard_and_said(
    said_ms: int, heard_ms: int, begins_ms: int | None
) -> None:
    added = overlooked(Known(said_ms=said_ms, heard_ms=heard_ms), 5_000, "bilby")
    assert added == (None if begins_ms is None else Gap(begins_ms, 5_000, "bilby"))
