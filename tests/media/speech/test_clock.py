"""Map a connection's clock to the call's."""

from __future__ import annotations

from media.speech.clock import CallClock


def test_the_clock_follows_what_was_sent() -> None:
    clock = CallClock()
    clock.advance(5_000)
    clock.advance(5_100)
    clock.advance(None)  # silence of ours
    clock.advance(5_200)
    clock.advance(9_000)  # a hole in the call
    assert [clock.to_call(ms) for ms in (0, 150, 300, 350, 400, 450)] == [5_000, 5_150, 5_200, 5_250, 9_000, 9_050]
    assert clock.sent_ms == 500
