"""Mu-law, and two tracks on one timeline, whatever the network did to them."""

from __future__ import annotations

import random
import struct
import warnings
from collections.abc import Iterable

from hypothesis import given, strategies as st

from media.speech.audio import (
    CHUNK,
    PCM,
    SILENCE,
    Chunk,
    Timeline,
    is_loud,
    silent_chunk,
    to_pcm,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the standard library's, until 3.13; then audioop-lts
    import audioop

FRAME = 160


def test_all_256_codes_equal_audioop() -> None:
    codes = bytes(range(256))
    assert struct.pack("<256h", *PCM) == audioop.ulaw2lin(codes, 2)


@given(st.binary(min_size=CHUNK, max_size=CHUNK), st.binary(min_size=CHUNK, max_size=CHUNK))
def test_stereo_is_interleaved(left: bytes, right: bytes) -> None:
    pcm = to_pcm((left, right))
    samples = struct.unpack(f"<{2 * CHUNK}h", pcm)
    assert struct.pack(f"<{CHUNK}h", *samples[::2]) == audioop.ulaw2lin(left, 2)
    assert struct.pack(f"<{CHUNK}h", *samples[1::2]) == audioop.ulaw2lin(right, 2)


def test_loud_is_sound_and_not_line_noise() -> None:
    assert not is_loud(SILENCE * CHUNK)
    assert not is_loud(bytes([0xFE, 0x7E, 0xF0, 0x70]) * 200)
    assert is_loud(bytes([0x20, 0xA0]) * 400)
    assert silent_chunk(7).loud == (False, False)


Frame = tuple[int, int, bytes, int]  # track, timestamp, payload, sequence


def sound(track: int, index: int) -> bytes:
    """Return 20 ms of audio that occurs nowhere else."""
    return random.Random(track * 100_000 + index).randbytes(FRAME)


def spoken(count: int, tracks: Iterable[int] = (0, 1), since: int = 0) -> list[Frame]:
    """Return ``count`` frames of each track, in the order in which Twilio sends them."""
    frames: list[Frame] = []
    for index in range(since, since + count):
        for track in tracks:
            frames.append((track, index * 20, sound(track, index), len(frames) + 1))
    return frames


def play(frames: Iterable[Frame], timeline: Timeline | None = None) -> list[Chunk]:
    """Add the frames and cut as a call does; then flush."""
    timeline = timeline or Timeline()
    chunks: list[Chunk] = []
    for frame in frames:
        timeline.add(*frame)
        while (chunk := timeline.cut()) is not None:
            chunks.append(chunk)
    return chunks + timeline.flush()


def track_of(chunks: Iterable[Chunk], track: int) -> bytes:
    return b"".join(chunk.tracks[track] for chunk in chunks)


def expected(count: int, track: int) -> bytes:
    return b"".join(sound(track, index) for index in range(count))


def test_both_tracks_whole_and_cut_at_once() -> None:
    timeline = Timeline()
    ready: list[int] = []
    for position, frame in enumerate(spoken(10)):
        timeline.add(*frame)
        if timeline.cut() is not None:
            ready.append(position)
    assert ready == [9, 19]  # the very frame that completes a chunk releases it


def test_whole_tracks_come_out_as_they_went_in() -> None:
    chunks = play(spoken(50))
    assert [chunk.start_ms for chunk in chunks] == [index * 100 for index in range(10)]
    for track in (0, 1):
        assert track_of(chunks, track) == expected(50, track)


@given(st.randoms(use_true_random=False))
def test_reordered_and_doubled_frames_change_nothing(rng: random.Random) -> None:
    frames = spoken(40)
    doubled = frames + rng.sample(frames, 8)
    doubled.sort(key=lambda frame: frame[1] + rng.uniform(0, 90))  # jitter below the patience
    timeline = Timeline()
    chunks = play(doubled, timeline)
    for track in (0, 1):
        assert track_of(chunks, track)[: 40 * FRAME] == expected(40, track)
    assert timeline.gaps.take(last=True) == []


@given(st.sets(st.integers(1, 38), max_size=8))
def test_lost_frames_are_silence_in_their_place(lost: set[int]) -> None:
    frames = [frame for frame in spoken(40) if not (frame[0] == 0 and frame[1] // 20 in lost)]
    chunks = play(frames)
    pieces = [SILENCE * FRAME if index in lost else sound(0, index) for index in range(40)]
    assert track_of(chunks, 0) == b"".join(pieces)
    assert track_of(chunks, 1) == expected(40, 1)


def test_a_missing_track_is_silent_and_costs_only_the_first_chunk_patience() -> None:
    timeline = Timeline()
    waits = []
    for index in range(50):
        timeline.add(0, index * 20, sound(0, index), index + 1)
        while (chunk := timeline.cut()) is not None:
            waits.append((index + 1) * 20 - chunk.end_ms)
    assert waits[0] == 200
    assert waits[-1] == 0


def test_a_track_that_begins_late_is_laid_where_it_belongs() -> None:
    first = spoken(100, tracks=[0])
    second = [(1, frame[1], frame[2], frame[3]) for frame in spoken(50, tracks=[1], since=50)]
    merged = sorted(first + second, key=lambda frame: (frame[1], frame[0]))
    timeline = Timeline()
    chunks = play(merged, timeline)
    assert track_of(chunks, 0) == expected(100, 0)
    assert track_of(chunks, 1) == SILENCE * FRAME * 50 + expected(100, 1)[50 * FRAME :]
    assert timeline.gaps.take(last=True) == []


def test_late_frames_are_counted_and_teach_patience() -> None:
    timeline = Timeline()
    lag = 20  # frames: the second track runs 400 ms behind, more than the first patience
    frames = [(0, index * 20, sound(0, index), 0) for index in range(100)]
    behind = [(1, index * 20, sound(1, index), 0) for index in range(100)]
    order = sorted(
        [(frame[1], frame) for frame in frames] + [(frame[1] + lag * 20, frame) for frame in behind],
        key=lambda pair: pair[0],
    )
    chunks = play([frame for _, frame in order], timeline)
    assert timeline.late > 0
    assert track_of(chunks, 1)[-30 * FRAME :] == expected(100, 1)[-30 * FRAME :]


def test_a_hole_in_which_nothing_was_sent_is_no_gap() -> None:
    timeline = Timeline()
    frames = [(0, index * 20, sound(0, index), index + 1) for index in range(10)]
    frames += [(0, index * 20, sound(0, index), index - 9) for index in range(20, 40)]
    play(frames, timeline)
    assert timeline.gaps.take(last=True) == []


def test_loss_is_a_gap_told_once() -> None:
    timeline = Timeline()
    play([frame for frame in spoken(60) if not 400 <= frame[1] < 700], timeline)
    assert timeline.gaps.take(last=True) == [(400, 700)]


def test_a_single_lost_frame_is_not_worth_a_gap() -> None:
    timeline = Timeline()
    play([frame for frame in spoken(60) if frame[1] != 400], timeline)
    assert timeline.gaps.take(last=True) == []


def test_a_long_hole_is_skipped_and_owned_up_to() -> None:
    timeline = Timeline()
    frames = spoken(10) + [(t, ts + 60_000, p, s + 20) for t, ts, p, s in spoken(10)]
    chunks = play(frames, timeline)
    assert timeline.gaps.take(last=True) == [(200, 60_000)]
    assert chunks[-1].end_ms <= 60_400
    assert len(chunks) < 6


def test_one_mad_timestamp_costs_nothing() -> None:
    timeline = Timeline()
    frames = spoken(40)
    frames.insert(30, (0, 86_400_000, sound(0, 999), 0))
    chunks = play(frames, timeline)
    assert track_of(chunks, 0) == expected(40, 0)
    assert timeline.gaps.take(last=True) == []


def test_a_stream_that_takes_over_goes_on_at_its_offset() -> None:
    chunks = play(spoken(10), Timeline(offset_ms=5_000))
    assert [chunk.start_ms for chunk in chunks] == [5_000, 5_100]


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 10**9), st.binary(max_size=400), st.integers(0, 10**6))))
def test_no_frame_breaks_the_timeline(frames: list[Frame]) -> None:
    timeline = Timeline()
    chunks = play(frames, timeline)
    starts = [chunk.start_ms for chunk in chunks]
    assert starts == sorted(starts)
    assert all(len(track) == CHUNK for chunk in chunks for track in chunk.tracks)
