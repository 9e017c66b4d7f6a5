"""The list of missed calls: what it says, and who may call back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from db.models import Call, Member, Number
from db.queries.missed_calls import CLAIM, Missed
from web.console.recent_view import Reader, entries, refusal
from web.request.callers import WITHHELD

BOB, SAM = UUID(int=1), UUID(int=2)
NOW = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)  # Friday noon in Sydney
READER = Reader(BOB, NOW - timedelta(hours=1), NOW, ZoneInfo("Australia/Sydney"), {BOB: "Bob", SAM: "Sam"})


def call(minutes_ago: float = 30, **more: Any) -> Call:
    at = NOW - timedelta(minutes=minutes_ago)
    values = {
        "id": uuid4(),
        "direction": "inbound",
        "from_number": "+61412345678",
        "to_number": "+61255501234",
        "outcome": "missed",
        "reason": "nobody_answered",
        "started_at": at,
        "ended_at": at + timedelta(seconds=25),
        "customer_hash": b"x",
        "number": Number(label="Reception"),
    }
    return Call(**values | more)


def contact(member: UUID | None = SAM, minutes_ago: float = 20, **more: Any) -> Call:
    agent = None if member is None else Member(id=member, name={BOB: "Bob", SAM: "Sam"}[member])
    values = {"direction": "outbound", "outcome": "answered", "agent_id": member, "agent": agent, "reason": None}
    return call(minutes_ago, **values | more)


def shown(missed: Missed) -> Any:
    (entry,) = entries([missed], READER)
    return entry


def test_an_entry_says_who_when_where_and_why() -> None:
    entry = shown(Missed(call(), 3, None))
    assert (entry.who, entry.line, entry.when, entry.count) == ("0412 345 678", "Reception", "11:30", 3)
    assert (entry.reason, entry.state, entry.mark, entry.knows) == ("nobody_answered", "open", "", "")
    assert (entry.can_call, entry.is_new) == (True, True)


@pytest.mark.parametrize(("minutes", "when"), [(30, "11:30"), (60 * 24, "Thu 12:00"), (60 * 24 * 7, "20 Nov 12:00")])
def test_when(minutes: float, when: str) -> None:
    assert shown(Missed(call(minutes), 1, None)).when == when


def test_who_left_is_shown_with_how_long_they_waited() -> None:
    assert shown(Missed(call(reason="caller_left"), 1, None)).why.endswith("0:25")


def test_which_line_was_called_is_said_where_there_are_several() -> None:
    for number in (Number(label=""), None):
        missed = Missed(call(number=number), 1, None)
        assert shown(missed).line == ""
        (entry,) = entries([missed], replace(READER, has_lines=True))
        assert entry.line == "(02) 5550 1234"


def test_who_withholds_their_number_cannot_be_called() -> None:
    entry = shown(Missed(call(from_number="anonymous", customer_hash=None), 1, None))
    assert (entry.who, entry.can_call) == (WITHHELD, False)


def test_what_was_seen_or_dealt_with_is_not_new() -> None:
    assert not shown(Missed(call(70), 1, None)).is_new
    assert not shown(Missed(call(), 1, contact())).is_new


@pytest.mark.parametrize(
    ("other", "state", "words"),
    [
        (contact(), "reached", ("Sam", "11:40")),
        (contact(BOB), "reached", ("you", "11:40")),
        (contact(outcome="unanswered"), "tried", ("Sam", "11:40", "no answer")),
        (contact(outcome="busy"), "tried", ("Sam", "busy")),
        (contact(outcome=None), "talking", ("Sam", "11:40")),
        (contact(direction="inbound"), "reached", ("Sam", "11:40")),
        (contact(None, direction="inbound"), "reached", ("11:40",)),
        (contact(None, direction="inbound", outcome=None), "talking", ()),
    ],
)
def test_what_followed_is_said(other: Call, state: str, words: tuple[str, ...]) -> None:
    entry = shown(Missed(call(), 1, other))
    assert (entry.state, entry.can_call, entry.knows) == (state, state != "talking", str(other.id))
    assert all(word in entry.mark for word in words)


def claimed(member: UUID, ago: timedelta) -> Missed:
    return Missed(call(callback_by=member, callback_at=NOW - ago), 1, None)


def test_two_agents_do_not_call_the_same_person() -> None:
    assert refusal(Missed(call(), 1, None), READER, "") == ""
    assert "Sam" in refusal(claimed(SAM, CLAIM / 2), READER, "")
    assert refusal(claimed(BOB, CLAIM / 2), READER, "") == ""
    assert refusal(claimed(SAM, CLAIM), READER, "") == ""
    assert shown(claimed(SAM, CLAIM / 2)).state == "claimed"


def test_who_knows_of_the_call_back_may_call_again() -> None:
    reached, talking = contact(), contact(outcome=None)
    assert "Sam" in refusal(Missed(call(), 1, reached), READER, "")
    assert "Sam" in refusal(Missed(call(), 1, reached), READER, str(uuid4()))
    assert refusal(Missed(call(), 1, reached), READER, str(reached.id)) == ""
    assert refusal(Missed(call(), 1, talking), READER, str(talking.id))
