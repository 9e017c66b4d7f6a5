"""Finding the channel of a call by how its sound began."""

from __future__ import annotations

from sandbox.audio import coded_words, mulaw
from sandbox.recognition.recogniser import Result, Word
from sandbox.transcribe.heard import HeardChannel, is_in

TRACK = coded_words.silence(0.5) + coded_words.encode("my internet is slow")


def heard(track: bytes, chunk: int = 800, rate: int = mulaw.RATE) -> HeardChannel:
    channel = HeardChannel(rate)
    for first in range(0, len(track), chunk):
        channel.listen(mulaw.decode(track[first : first + chunk]).tobytes())
    return channel


def test_a_channel_is_found_in_the_sound_that_was_played_in_whatever_pieces_it_came() -> None:
    for chunk in (37, 160, 800):
        assert is_in(heard(TRACK, chunk).beginning, TRACK)
        assert not is_in(heard(TRACK, chunk).beginning, coded_words.encode("another call"))


def test_the_second_code_of_zero_makes_no_difference() -> None:
    track = TRACK[:-4000].replace(mulaw.SILENCE, b"\x7f") + TRACK[-4000:]
    assert is_in(heard(track).beginning, track)


def test_silence_and_too_little_sound_are_nobodys() -> None:
    assert not is_in(heard(coded_words.silence(3)).beginning, TRACK)
    assert not is_in(heard(TRACK[:4100]).beginning, TRACK)
    assert not is_in(heard(TRACK, rate=16000).beginning, TRACK)


def test_only_finals_are_kept() -> None:
    channel = HeardChannel(mulaw.RATE)
    words = (Word("Good", 1.0, 1.2), Word("morning.", 1.2, 1.6))
    channel.note(Result(0, words[:1], final=False))
    channel.note(Result(0, words, final=True))
    assert channel.as_json()["said"] == [{"start": 1.0, "text": "Good morning."}]
