"""The bundled demo call: its files fit together, and its script is not in the recogniser's model."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from sandbox import demo
from sandbox.audio import mulaw
from sandbox.demo import make


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


CORPUS = make.sentences(demo.CORPUS.read_text())


def test_both_tracks_are_as_long_as_the_call() -> None:
    agent, caller = (demo.track(speaker) for speaker in demo.SPEAKERS)
    assert len(agent) == len(caller)
    assert 90 <= len(agent) / mulaw.RATE <= 120
    assert demo.script()[-1].end < len(agent) / mulaw.RATE


def test_the_script_is_the_text_that_was_spoken() -> None:
    lines = make.read_call(demo.CALL.read_text())
    assert [(turn.speaker, turn.text) for turn in demo.script()] == [(line.speaker, line.text) for line in lines]


@pytest.mark.parametrize("speaker", demo.SPEAKERS)
def test_a_track_sounds_when_its_speaker_speaks_and_only_then(speaker: str) -> None:
    sound = np.abs(mulaw.decode(demo.track(speaker)).astype(int))
    quiet = np.ones(len(sound), dtype=bool)
    for turn in (turn for turn in demo.script() if turn.speaker == speaker):
        spoken = slice(int(turn.start * mulaw.RATE) - 8, int(turn.end * mulaw.RATE) + 8)  # the script rounds to 1 ms
        assert sound[spoken].mean() > 500
        quiet[spoken] = False
    assert sound[quiet].max() == 0


def test_people_take_turns_and_talk_over_each_other_a_little() -> None:
    turns = demo.script()
    overlaps = [later for earlier, later in pairwise(turns) if later.start < earlier.end]
    assert 1 <= len(overlaps) <= 4
    assert {turn.speaker for turn in turns} == set(demo.SPEAKERS)


def test_the_two_voices_differ_and_leave_each_other_time() -> None:
    pitches = {speaker: pitch(mulaw.decode(demo.track(speaker)).astype(float)) for speaker in demo.SPEAKERS}
    assert max(pitches.values()) > 1.15 * min(pitches.values()), pitches
    pauses = [later.start - earlier.end for earlier, later in pairwise(demo.script())]
    assert float(np.median(pauses)) >= 0.9


def pitch(sound: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Return the median pitch of the voiced pieces of 40 ms, in Hz: their autocorrelation peaks at one period."""
    found = []
    for first in range(0, len(sound) - 320, 320):
        piece = sound[first : first + 320]
        likeness = np.correlate(piece, piece, "full")[319:]
        periods = likeness[mulaw.RATE // 300 : mulaw.RATE // 70]
        if likeness[0] > 320 * 500**2 and periods.max() > 0.5 * likeness[0]:
            found.append(mulaw.RATE / (mulaw.RATE // 300 + int(periods.argmax())))
    return float(np.median(found))


def test_the_made_texts_are_up_to_date() -> None:
    assert demo.DICTIONARY.read_text() == make.pronunciations(CORPUS)
    assert demo.LANGUAGE.read_text() == make.language_model(CORPUS)


def test_no_sentence_of_the_script_is_in_the_model() -> None:
    expected = {" ".join(words(sentence)) for sentence in CORPUS}
    parts = [words(part) for turn in demo.script() for part in re.split(r"[.?!]", turn.text)]
    assert [part for part in parts if len(part) > 1 and " ".join(part) in expected] == []


def test_the_model_and_the_script_share_no_six_words_in_a_row() -> None:
    expected = [" ".join(["", *words(sentence), ""]) for sentence in CORPUS]
    spoken = [words(turn.text) for turn in demo.script()]
    runs = [" ".join(["", *turn[at : at + 6], ""]) for turn in spoken for at in range(len(turn) - 5)]
    assert [run for run in runs if any(run in sentence for sentence in expected)] == []


def test_a_word_without_a_pronunciation_stops_the_making() -> None:
    with pytest.raises(SystemExit, match="zzyx"):
        make.pronunciations(["hello zzyx"])
