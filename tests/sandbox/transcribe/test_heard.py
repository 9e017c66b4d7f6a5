"""Finding the channel of a call by its sound."""

from __future__ import annotations

from sandbox import demo
from sandbox.audio import coded_words, mulaw, voice
from sandbox.recognition.recogniser import Result, Word
from sandbox.transcribe.heard import HeardChannel, is_of

TRACK = coded_words.silence(0.5) + coded_words.encode("my internet is slow")


def samples(track: bytes, chunk: int = 800, rate: int = mulaw.RATE) -> list[str]:
    channel = HeardChannel(rate)
    for first in range(0, len(track), chunk):
        channel.listen(mulaw.decode(track[first : first + chunk]).tobytes())
    found: list[str] = channel.as_json()["samples"]
    return found


def test_a_channel_is_found_in_the_sound_that_was_played_in_whatever_pieces_it_came() -> None:
    for chunk in (161, 400, 800):
        assert is_of(TRACK, samples(TRACK, chunk))
        assert not is_of(coded_words.encode("another call"), samples(TRACK, chunk))


def test_it_is_found_behind_the_ringing_and_in_speech() -> None:
    ringing = b"".join(voice.codes(frame) for frame in voice.ringing())
    agent, caller = (demo.track(speaker) for speaker in demo.SPEAKERS)
    heard = samples(ringing + agent[: 20 * mulaw.RATE])
    assert (is_of(agent, heard), is_of(caller, heard)) == (True, False)


def test_the_second_code_of_zero_makes_no_difference() -> None:
    track = TRACK[:-4000].replace(mulaw.SILENCE, b"\x7f") + TRACK[-4000:]
    assert is_of(track, samples(track))


def test_silence_and_too_little_sound_are_nobodys() -> None:
    assert samples(coded_words.silence(3)) == []
    assert samples(TRACK, rate=16000) == []
    assert not is_of(coded_words.silence(3), samples(TRACK))


def test_only_finals_are_kept() -> None:
    channel = HeardChannel(mulaw.RATE)
    words = (Word("Good", 1.0, 1.2), Word("morning.", 1.2, 1.6))
    channel.note(Result(0, words[:1], final=False))
    channel.note(Result(0, words, final=True))
    assert channel.as_json()["said"] == [{"start": 1.0, "text": "Good morning."}]
