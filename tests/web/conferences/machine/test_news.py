"""What of a room's change anybody could see: callbacks that say what is known wake nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kit.web.room_script import ANN, talking
from web.conferences.machine.events import Event, HangUp, Hold, Mute, Seen, Tick
from web.conferences.machine.news import is_news
from web.conferences.machine.room import CUSTOMER
from web.conferences.machine.step import step

LATER = 1_000


def joined_again() -> Seen:
    customer = talking().room.customer
    return Seen("join", customer.conference, 99, customer.call_sid, CUSTOMER, held=False, muted=False)


def test_a_callback_that_says_what_is_known_is_no_news() -> None:
    room = talking().room
    after = step(room, joined_again(), room.since + LATER)
    assert after != room
    assert not is_news(room, after)


@pytest.mark.parametrize("event", [Hold(ANN), Mute(ANN), HangUp(ANN)])
def test_what_a_phone_shows_is_news(event: Event) -> None:
    room = talking().room
    assert is_news(room, step(room, event, room.since + LATER))


def test_what_has_come_true_is_news() -> None:
    room = talking().room
    held = replace(room, customer=replace(room.customer, held=True))
    assert is_news(room, held)


def test_nobody_is_shown_what_becomes_of_a_room_that_is_over() -> None:
    room = talking().room
    over = step(room, HangUp(ANN), room.since + LATER)
    later = step(over, Tick(), over.since + LATER)
    left = later.with_leg(replace(later.legs[0], state="ended"))
    assert left != over
    assert not is_news(over, left)
