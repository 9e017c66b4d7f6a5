"""What a member is doing: by what they chose, their console's heartbeats, their calls and their wrap-up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, strategies as st

from db.queries.phone.presence import StoredPresence
from web.phone import presence
from web.phone.presence import BEAT, LONGEST, LOST, REACHABLE, ConsoleHeartbeat

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
READY = ConsoleHeartbeat("desk", registered=True, microphone=True)


def stored(after: timedelta = timedelta(), heartbeat: ConsoleHeartbeat = READY) -> StoredPresence:
    """Somebody who came on at T0 and whose last console heartbeat came ``after`` that."""
    on = presence.chosen(StoredPresence(T0 - timedelta(hours=1)), "available", None, T0)
    return presence.after_heartbeat(on, heartbeat, T0 + after)


def state(one: StoredPresence, now: datetime, talking_since: datetime | None = None) -> str:
    return presence.shown(one, talking_since, now).state


def test_whoever_never_chose_is_offline() -> None:
    assert state(StoredPresence(T0), T0 + SECOND) == "offline"


@pytest.mark.parametrize(
    ("heartbeat", "expected"),
    [
        (READY, "available"),
        (ConsoleHeartbeat("desk", registered=False, microphone=True), "unreachable"),
        (ConsoleHeartbeat("desk", registered=True, microphone=False), "unreachable"),
    ],
)
def test_available_needs_a_registered_phone_and_a_microphone(heartbeat: ConsoleHeartbeat, expected: str) -> None:
    assert state(stored(heartbeat=heartbeat), T0 + SECOND) == expected


def test_available_needs_a_console() -> None:
    assert state(presence.chosen(StoredPresence(T0), "available", None, T0), T0) == "unreachable"


def test_one_missed_heartbeat_is_forgiven_and_two_are_not() -> None:
    assert state(stored(), T0 + BEAT + SECOND) == "available"
    assert state(stored(), T0 + 2 * BEAT) == "available"
    assert state(stored(), T0 + REACHABLE) == "unreachable"
    assert timedelta() < REACHABLE - 2 * BEAT < BEAT


def test_a_heartbeat_makes_reachable_again() -> None:
    gone = stored()
    later = T0 + REACHABLE + SECOND
    assert state(presence.after_heartbeat(gone, READY, later), later) == "available"


def test_a_computer_that_wakes_up_long_after_does_not_ring() -> None:
    woken = T0 + LOST + SECOND
    assert state(stored(), T0 + LOST) == "offline"
    assert state(presence.after_heartbeat(stored(), READY, woken), woken) == "offline"


def test_half_a_day_ends_what_was_chosen_and_breaks_do_not_begin_it_again() -> None:
    one, now = stored(), T0
    while now < T0 + LONGEST - timedelta(minutes=10):
        now += timedelta(minutes=10)
        one = presence.after_heartbeat(one, READY, now)
        one = presence.chosen(one, "break" if one.chosen == "available" else "available", None, now)
        assert one.chosen != "offline" or now >= T0 + LONGEST
    end = T0 + LONGEST
    ended = presence.after_heartbeat(one, READY, end)
    assert state(ended, end) == "offline"
    assert state(presence.chosen(ended, "available", None, end), end) == "available"


def test_a_call_counts_whatever_was_chosen() -> None:
    for choice in ("available", "break", "offline"):
        one = presence.chosen(stored(), choice, None, T0)
        assert state(one, T0 + SECOND, T0) == "on_call"
    assert presence.shown(stored(), T0 - SECOND, T0).since == T0 - SECOND


def test_wrap_up_comes_before_break_and_ends_by_itself() -> None:
    until = T0 + timedelta(seconds=30)
    one = replace(stored(), wrap_up_call_id=uuid4(), wrap_up_until=until, idle_since=T0)
    wrapping = presence.shown(one, None, T0 + SECOND)
    assert (wrapping.state, wrapping.since, wrapping.until) == ("wrap_up", T0, until)
    reason = uuid4()
    breaks = presence.after_heartbeat(presence.chosen(one, "break", reason, T0 + SECOND), READY, until)
    assert state(breaks, T0 + SECOND * 2) == "wrap_up"
    ended = presence.shown(breaks, None, until)
    assert (ended.state, ended.reason) == ("break", reason)
    assert state(presence.chosen(one, "offline", None, T0 + SECOND), T0 + SECOND) == "offline"


def test_repeating_a_choice_keeps_the_place_in_the_queue() -> None:
    one = stored()
    assert presence.chosen(one, "available", None, T0 + timedelta(minutes=5)) == one
    back = presence.chosen(presence.chosen(one, "break", None, T0), "available", None, T0 + SECOND)
    assert presence.free_since(back) == T0 + SECOND


def test_whoever_wraps_up_is_idle_only_from_its_end() -> None:
    until = T0 + timedelta(seconds=30)
    assert presence.free_since(replace(stored(), idle_since=T0, wrap_up_until=until)) == until


class TestLeader:
    """One console holds the phone."""

    def test_the_first_console_leads_and_a_second_is_not_heard(self) -> None:
        other = presence.after_heartbeat(
            stored(), ConsoleHeartbeat("laptop", registered=False, microphone=False), T0 + SECOND
        )
        assert (other.console, other.registered) == ("desk", True)

    def test_a_second_console_leads_once_the_first_is_silent(self) -> None:
        later = T0 + REACHABLE
        assert presence.after_heartbeat(stored(), replace(READY, console="laptop"), later).console == "laptop"

    def test_taking_over_is_at_once_and_counts_from_the_first_heartbeat(self) -> None:
        taken = presence.taken_over(stored(), "laptop", T0 + SECOND)
        assert presence.after_heartbeat(taken, READY, T0 + 2 * SECOND).console == "laptop"
        assert state(taken, T0 + 2 * SECOND) == "unreachable"
        heard = presence.after_heartbeat(taken, replace(READY, console="laptop"), T0 + 2 * SECOND)
        assert state(heard, T0 + 2 * SECOND) == "available"
        assert presence.taken_over(stored(), "desk", T0 + SECOND) == stored()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["available", "break", "offline", "beat", "mute", "laptop", "take", "wait"]),
            st.integers(0, 50_000),
        ),
        max_size=30,
    )
)
def test_nobody_counts_as_available_whose_phone_could_not_ring(steps: list[tuple[str, int]]) -> None:
    one, now, proved = StoredPresence(T0), T0, T0 - LONGEST
    for step, seconds in steps:
        now += timedelta(seconds=seconds)
        match step:
            case "beat" | "mute" | "laptop":
                console = "laptop" if step == "laptop" else "desk"
                one = presence.after_heartbeat(
                    one, ConsoleHeartbeat(console, registered=True, microphone=step != "mute"), now
                )
                proved = now if one.beat_at == now and step != "mute" else proved
            case "take":
                one = presence.taken_over(one, "desk", now)
            case "available" | "break" | "offline":
                one = presence.chosen(one, step, None, now)
        found = presence.shown(one, None, now)
        assert found.since <= now
        if found.state == "available":
            assert one.chosen == "available"
            assert now - proved < REACHABLE
            assert one.on_since is not None
            assert now - one.on_since < LONGEST
