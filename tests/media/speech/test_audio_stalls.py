"""Whatever the network does to one track or both, a frame is sent where it belongs, or a gap covers it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings, strategies as st

from media.speech.audio import RATE, Timeline
from media.speech.replay_buffer import ReplayBuffer

FRAME_MS = 20
LONG = 300  # frames of each track: 6 s
SHORTEST_GAP_MS = 100  # a shorter loss is not reported


def sound(track: int, index: int) -> bytes:
    """Return 20 ms of audio that occurs nowhere else and is not silence."""
    return random.Random(track * 100_000 + index).randbytes(FRAME_MS * RATE).replace(b"\xff", b"\x7e")


SOUNDS = [[sound(track, index) for index in range(LONG)] for track in (0, 1)]


@dataclass(frozen=True)
class Stall:
    """Frames of ``tracks`` sent from ``at_ms`` on for ``ms`` arrive together at the end, or (``lost``) never."""

    tracks: tuple[int, ...]
    at_ms: int
    ms: int
    lost: bool = False

    def arrival(self, track: int, sent_ms: float) -> float | None:
        end = self.at_ms + self.ms
        is_last = sent_ms >= (LONG - 1) * FRAME_MS  # what both lose at the very end, nothing shows
        if track not in self.tracks or sent_ms < self.at_ms or (self.lost and (sent_ms >= end or is_last)):
            return sent_ms
        return None if self.lost else max(sent_ms, end + min(sent_ms - self.at_ms, self.ms) / 1000)  # in order


@dataclass
class Listener:
    """A call's ears: timeline and replay buffer, and a Transcribe that is connected or (from, to) not."""

    away: tuple[int, int] = (0, 0)
    timeline: Timeline = field(default_factory=Timeline)
    buffer: ReplayBuffer = field(default_factory=lambda: ReplayBuffer(60_000))
    sent: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, now_ms: float, track: int, index: int, sequence: int) -> None:
        self.timeline.add(track, index * FRAME_MS, SOUNDS[track][index], sequence)
        while (chunk := self.timeline.cut()) is not None:
            self.buffer.record(chunk)
        self.send(now_ms)

    def send(self, now_ms: float) -> None:
        if not self.away[0] <= now_ms < self.away[1]:
            while (kept := self.buffer.next()) is not None:
                for track, said in zip(self.sent, kept[1], strict=True):
                    at = kept[0].start_ms * RATE
                    track[len(track) :] = bytes(max(0, at - len(track)))
                    track[at : at + len(said)] = said

    def tick(self, *, last: bool = False) -> None:
        """As a call does ten times a second."""
        gaps = self.timeline.gaps
        for track, start_ms, late in self.timeline.take_overdue():
            gaps.recover(track, start_ms, start_ms + len(late) // RATE)
            for missed in self.buffer.add_late(track, start_ms, late):
                gaps.add(track, *missed)
        self.gaps += gaps.take(last=last)

    def end(self) -> None:
        for chunk in self.timeline.flush():
            self.buffer.record(chunk)
        self.tick(last=True)
        self.away = (0, 0)
        self.send(0)

    def has(self, track: int, index: int) -> bool:
        """Whether the frame went to Transcribe at its place."""
        at = index * FRAME_MS * RATE
        return self.sent[track][at : at + FRAME_MS * RATE] == SOUNDS[track][index]

    def reported(self, index: int) -> bool:
        at_ms = index * FRAME_MS
        return any(start <= at_ms and at_ms + FRAME_MS <= end for start, end in self.gaps)


def listened(stalls: list[Stall], *, jitter_ms: float = 0, seed: int = 0, away: tuple[int, int] = (0, 0)) -> Listener:
    """What came of two tracks of 6 s, sent in order and numbered as they were sent."""
    rng, listener = random.Random(seed), Listener(away)
    arrivals: list[tuple[float, int, int, int]] = []
    for number in range(2 * LONG):
        index, track = divmod(number, 2)
        at: float | None = index * FRAME_MS
        for stall in stalls:
            at = None if at is None else stall.arrival(track, at)
        if at is not None:
            arrivals.append((at + rng.uniform(0, jitter_ms), track, index, number + 1))
    ticked = 0.0
    for at, track, index, sequence in sorted(arrivals):
        while ticked + 100 <= at:
            ticked += 100
            listener.tick()
        listener.hear(at, track, index, sequence)
    listener.end()
    return listener


def unaccounted(listener: Listener) -> list[tuple[int, int]]:
    """Return stretches that were neither sent nor reported, and are long enough for a gap: track, first frame."""
    found: list[tuple[int, int]] = []
    for track in (0, 1):
        run = 0
        for index in range(LONG):
            missing = not listener.has(track, index) and not listener.reported(index)
            run = run + 1 if missing else 0
            if run * FRAME_MS == SHORTEST_GAP_MS + FRAME_MS:
                found.append((track, index))
    return found


def test_one_track_that_stalls_alone_for_three_seconds_is_owned_up_to() -> None:
    listener = listened([Stall((1,), 2_000, 3_000)])
    assert unaccounted(listener) == []
    assert listener.gaps == [(2_000, 5_000)]
    assert all(listener.has(0, index) for index in range(LONG))


def test_it_is_laid_where_it_belongs_while_it_is_not_sent_yet() -> None:
    """No connection to Transcribe stands meanwhile: everything still is in the buffer."""
    listener = listened([Stall((1,), 2_000, 3_000)], away=(1_500, 6_000))
    assert listener.gaps == []
    assert all(listener.has(track, index) for track in (0, 1) for index in range(LONG))


def test_half_of_it_was_sent() -> None:
    listener = listened([Stall((1,), 2_000, 3_000)], away=(3_500, 6_000))
    assert unaccounted(listener) == []
    ((start, end),) = listener.gaps
    assert start == 2_000
    assert 3_000 <= end <= 3_500
    assert all(listener.has(1, index) for index in range(end // FRAME_MS, LONG))


def test_one_track_that_is_lost_alone_is_owned_up_to() -> None:
    listener = listened([Stall((1,), 2_000, 3_000, lost=True)])
    assert unaccounted(listener) == []
    assert listener.gaps == [(2_000, 5_000)]


def test_both_that_stall_together_lose_nothing() -> None:
    listener = listened([Stall((0, 1), 2_000, 3_000)])
    assert listener.gaps == []
    assert all(listener.has(track, index) for track in (0, 1) for index in range(LONG))


def test_a_frame_that_comes_twice_is_no_loss() -> None:
    listener = listened([Stall((1,), 2_000, 3_000)])
    before = list(listener.gaps)
    for index in range(100, 250):
        listener.hear(9_000, 1, index, 0)
    listener.tick(last=True)
    assert listener.gaps == before


def test_a_track_that_was_never_sent_is_no_loss() -> None:
    listener = Listener()
    for index in range(LONG):
        listener.hear(index * FRAME_MS, 0, index, index + 1)
    for index in range(200, LONG):
        listener.hear(8_000 + index, 1, index, LONG + 1 + index - 200)
    listener.end()
    assert all(start >= 200 * FRAME_MS for start, _ in listener.gaps)


TRACKS = st.sampled_from([(0,), (1,), (0, 1)])
STALLS = st.lists(
    st.builds(Stall, TRACKS, st.integers(200, 5_500), st.integers(20, 4_000), st.booleans()), max_size=4
)
AWAY = st.tuples(st.integers(0, 8_000), st.integers(0, 8_000))


@settings(max_examples=60, deadline=None)
@given(STALLS, st.integers(0, 300), st.integers(0, 1_000), AWAY)
def test_every_frame_is_sent_where_it_belongs_or_told_as_a_gap(
    stalls: list[Stall], jitter_ms: int, seed: int, away: tuple[int, int]
) -> None:
    assert unaccounted(listened(stalls, jitter_ms=jitter_ms, seed=seed, away=away)) == []


@pytest.mark.parametrize("jitter_ms", [0, 80])
def test_nothing_is_told_where_nothing_was_lost(jitter_ms: int) -> None:
    listener = listened([], jitter_ms=jitter_ms, seed=3)
    assert listener.gaps == []
    assert all(listener.has(track, index) for track in (0, 1) for index in range(LONG))
