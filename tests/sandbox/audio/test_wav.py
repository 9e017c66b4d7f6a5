"""WAV files as telephone sound."""

from __future__ import annotations

import contextlib
import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import example, given, strategies as st

from sandbox.audio import mulaw, wav


def tone(hertz: float, rate: int, seconds: float = 0.5) -> wav.Samples:
    return np.asarray(0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate), np.float64)


def file(*channels: wav.Samples, rate: int, width: int) -> bytes:
    """A PCM WAV file by Python's own writer."""
    samples = np.stack(channels, axis=1).ravel()
    wide = np.rint(samples * (2**31 - 1)).astype("<i4").view(np.uint8).reshape(-1, 4)[:, 4 - width :]
    raw = (wide + 128).astype(np.uint8) if width == 1 else wide
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(len(channels))
        writer.setframerate(rate)
        writer.setsampwidth(width)
        writer.writeframes(raw.tobytes())
    return written.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


def form(kind: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, 0, 0, bits))


def loudness(samples: wav.Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples[200:-200]))))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000])
def test_any_width_and_rate_sounds_the_same(width: int, rate: int) -> None:
    (track,) = wav.tracks(file(tone(440, rate), rate=rate, width=width))
    heard = mulaw.decode(track) / 32768
    assert len(heard) == pytest.approx(4000, abs=1)
    expected = tone(440, 8000)[: len(heard)]
    assert loudness(heard[: len(expected)] - expected) < 0.02


def test_stereo_is_the_caller_left_and_the_agent_right() -> None:
    left, right = tone(300, 8000), np.zeros(4000)
    caller, agent = wav.tracks(file(left, right, rate=8000, width=2))
    assert loudness(mulaw.decode(caller) / 32768) == pytest.approx(0.35, abs=0.02)
    assert set(agent) == {0xFF}


def test_what_a_telephone_can_not_carry_does_not_fold_down() -> None:
    assert loudness(wav.resample(tone(6000, 16000), 16000)) < 0.01
    assert loudness(wav.resample(tone(15000, 48000), 48000)) < 0.01
    assert loudness(wav.resample(tone(3000, 48000), 48000)) == pytest.approx(0.354, abs=0.01)


def test_extensible_files_and_foreign_chunks_are_read() -> None:
    extension = struct.pack("<HHIH", 22, 16, 4, 1) + b"\0" * 14
    extensible = chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16) + extension)
    content = riff(chunk(b"LIST", b"odd"), extensible, chunk(b"data", b"\0\0" * 160))
    assert wav.tracks(content) == [b"\xff" * 160]


def test_a_recording_that_was_cut_off_is_played_as_far_as_it_goes() -> None:
    content = riff(form(), chunk(b"data", b"\0\0" * 160))
    assert wav.tracks(content[:-101]) == [b"\xff" * 109]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not a WAV"),
        (b"ID3\x03" + b"\0" * 100, "not a WAV"),
        (riff(), "no format or no sound"),
        (riff(form()), "no format or no sound"),
        (riff(chunk(b"fmt ", b"\1\0"), chunk(b"data", b"")), "cut off"),
        (riff(form(), chunk(b"data", b"")), "holds no sound"),
        (riff(form(kind=3, bits=32), chunk(b"data", b"\0" * 8)), "floating point"),
        (riff(form(kind=7, bits=8), chunk(b"data", b"\0" * 8)), "mu-law"),
        (riff(form(kind=99), chunk(b"data", b"\0" * 8)), "format 99"),
        (riff(form(channels=6), chunk(b"data", b"\0" * 12)), "6 channels"),
        (riff(form(bits=12), chunk(b"data", b"\0" * 8)), "12 bits"),
        (riff(form(rate=0), chunk(b"data", b"\0" * 8)), "0 Hz"),
        (riff(form(rate=1000), chunk(b"data", b"\0" * 2 * 8_000_000)), "longer than"),
    ],
)
def test_what_can_not_be_played_is_refused_with_a_reason(content: bytes, why: str) -> None:
    with pytest.raises(wav.WavError, match=why):
        wav.tracks(content)


@given(st.binary(max_size=200), st.integers(0, 60))
@example(b"", 0)
def test_any_bytes_are_tracks_or_the_one_error(noise: bytes, kept: int) -> None:
    real = riff(form(), chunk(b"data", b"\1\2" * 20))
    for content in (noise, real[:kept] + noise):
        with contextlib.suppress(wav.WavError):
            assert 1 <= len(wav.tracks(content)) <= 2
