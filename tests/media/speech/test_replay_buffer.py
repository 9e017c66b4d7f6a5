"""The buffer drops what is acknowledged, and returns the rest after a lost connection."""

from __future__ import annotations

from hypothesis import given, strategies as st

from media.speech.audio import CHUNK, CHUNK_MS, RATE, SILENCE, Chunk
from media.speech.replay_buffer import ReplayBuffer

LOUD = b"\x20\xa0" * (CHUNK // 2)
QUIET = SILENCE * CHUNK


def chunk(index: int, *, loud: tuple[bool, bool] = (True, True)) -> Chunk:
    return Chunk(index * CHUNK_MS, (LOUD if loud[0] else QUIET, LOUD if loud[1] else QUIET), loud)


def record(buffer: ReplayBuffer, indices: range, *, loud: tuple[bool, bool] = (True, True)) -> None:
    for index in indices:
        buffer.record(chunk(index, loud=loud))


def send_all(buffer: ReplayBuffer) -> list[tuple[Chunk, tuple[bytes, bytes]]]:
    sent = []
    while (kept := buffer.next()) is not None:
        sent.append(kept)
    return sent


def test_what_is_recorded_is_sent_once_in_order() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(5))
    assert [kept.start_ms for kept, _ in send_all(buffer)] == [0, 100, 200, 300, 400]
    assert buffer.next() is None


def test_after_a_break_the_unacknowledged_is_sent_again_and_the_acknowledged_is_muted() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(10))
    send_all(buffer)
    buffer.on_result(0, 0, 550, final=True)  # the caller's words are final up to 550 ms
    buffer.on_result(1, 200, 900, final=False)
    buffer.rewind()
    again = send_all(buffer)
    assert [kept.start_ms for kept, _ in again] == [index * 100 for index in range(10)]
    caller = b"".join(tracks[0] for _, tracks in again)
    assert caller == SILENCE * (550 * 8) + (LOUD * 10)[550 * 8 :]
    assert b"".join(tracks[1] for _, tracks in again) == LOUD * 10


def test_late_sound_is_laid_where_it_was_not_sent_yet() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(4), loud=(True, False))
    buffer.next()
    late = b"\x21\xa1" * (300 * RATE // 2)
    assert buffer.add_late(1, 50, late) == [(50, 100)]
    assert b"".join(tracks[1] for _, tracks in send_all(buffer)) == late[50 * RATE :] + SILENCE * (50 * RATE)


def test_late_sound_that_would_be_muted_is_missed() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(4), loud=(True, False))
    send_all(buffer)
    buffer.on_result(1, 0, 150, final=True)
    buffer.rewind()
    late = b"\x21\xa1" * (400 * RATE // 2)
    assert buffer.add_late(1, 0, late) == [(0, 150)]
    assert b"".join(tracks[1] for _, tracks in send_all(buffer)) == SILENCE * (150 * RATE) + late[150 * RATE :]


def test_acknowledged_on_both_channels_is_forgotten() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(10))
    send_all(buffer)
    buffer.on_result(0, 0, 1000, final=True)
    buffer.on_result(1, 0, 600, final=True)
    buffer.rewind()
    assert send_all(buffer)[0][0].start_ms in (400, 600)  # a little before, since words begin softly


def test_quiet_is_acknowledged_by_time_and_not_replayed() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(100), loud=(False, False))
    assert len(send_all(buffer)) == 100
    buffer.rewind()
    assert len(send_all(buffer)) <= 2


def test_an_open_utterance_keeps_its_quiet_beginning() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(5))
    send_all(buffer)
    buffer.on_result(0, 0, 400, final=False)
    for index in range(5, 60):
        buffer.record(chunk(index, loud=(False, False)))
        send_all(buffer)
    buffer.rewind()
    assert send_all(buffer)[0][0].start_ms == 0


def test_what_falls_off_unsent_is_lost_and_joined() -> None:
    buffer = ReplayBuffer(keep_ms=1_000)
    record(buffer, range(25))
    assert buffer.take_lost() == [(0, 1_500)]
    assert buffer.take_lost() == []
    assert send_all(buffer)[0][0].start_ms == 1_500


def test_who_waits_long_to_begin_keeps_the_first_words_and_the_latest() -> None:
    buffer = ReplayBuffer(keep_ms=1_000, first_ms=400)
    record(buffer, range(25))
    assert buffer.take_lost() == [(400, 1_900)]
    assert [sent.start_ms for sent, _ in send_all(buffer)] == [0, 100, 200, 300, *range(1_900, 2_500, 100)]


def test_who_is_never_heard_has_lost_all() -> None:
    buffer = ReplayBuffer(keep_ms=1_000, first_ms=400)
    record(buffer, range(5))
    buffer.keep_ms = 0
    record(buffer, range(5, 8))
    assert buffer.take_lost() == [(0, 800)]


def test_what_falls_off_sent_is_not_lost() -> None:
    buffer = ReplayBuffer(keep_ms=1_000)
    for index in range(25):
        buffer.record(chunk(index))
        send_all(buffer)
    assert buffer.take_lost() == []


def test_what_was_sent_to_a_connection_that_broke_is_lost_when_it_falls_off() -> None:
    buffer = ReplayBuffer(keep_ms=1_000)
    record(buffer, range(10))
    send_all(buffer)
    buffer.on_result(0, 0, 300, final=True)  # the words of these are known
    buffer.on_result(1, 0, 300, final=True)
    buffer.rewind()
    assert buffer.is_full is False
    record(buffer, range(10, 20))
    assert buffer.begins_ms == 1_000
    assert buffer.take_lost() == [(300, 1_000)]


def test_giving_up_loses_what_was_not_sent() -> None:
    buffer = ReplayBuffer()
    record(buffer, range(3))
    buffer.next()
    buffer.close()
    assert buffer.take_lost() == [(100, 300)]
    assert buffer.unsent_ms == 0


@given(st.lists(st.sampled_from(["record", "send", "rewind", "final0", "final1", "partial0"]), max_size=200))
def test_the_buffer_is_bounded_and_loses_nothing_unsaid(steps: list[str]) -> None:
    """Every chunk is sent, reported as lost, or still in the buffer, which never exceeds its limit."""
    buffer = ReplayBuffer(keep_ms=2_000)
    recorded = 0
    seen: set[int] = set()
    for step in steps:
        if step == "record":
            buffer.record(chunk(recorded))
            recorded += 1
        elif step == "rewind":
            buffer.rewind()
        elif step == "send":
            kept = buffer.next()
            if kept:
                seen.add(kept[0].start_ms)
        elif seen:  # results follow sound that was sent
            heard = max(seen) + CHUNK_MS
            buffer.on_result(int(step[-1]), max(0, heard - 300), heard, final=step.startswith("final"))
        assert buffer.unsent_ms <= 2_000
    left = {kept.start_ms for kept, _ in send_all(buffer)}
    lost = {ms for start, end in buffer.take_lost() for ms in range(start, end, CHUNK_MS)}
    assert {index * CHUNK_MS for index in range(recorded)} == seen | left | lost
