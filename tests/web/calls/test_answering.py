"""What a caller gets is decided from the number's plan alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from db.opening_hours import Week
from db.queries.answering_plans import Alternative, Plan
from web.calls.answering import CLOSED, NOBODY, Announce, Arrival, Overflow, Ring, on_arrival, unanswered

MELBOURNE, PERTH = "Australia/Melbourne", "Australia/Perth"
OFFICE: Week = (((540, 1020),),) * 5 + ((), ())
NOON, EVENING = datetime(2026, 3, 5, 1, tzinfo=UTC), datetime(2026, 3, 5, 7, tzinfo=UTC)
OTHER = "+61399990000"


@pytest.mark.parametrize(
    ("plan", "at", "has_agents", "arrival"),
    [
        (Plan(), EVENING, True, Arrival(Ring())),
        (Plan(), NOON, False, Arrival(Announce(NOBODY), "nobody_available")),
        (Plan(OFFICE), NOON, True, Arrival(Ring())),
        (Plan(OFFICE), EVENING, True, Arrival(Announce(CLOSED), "outside_hours")),
        (Plan(OFFICE), EVENING, False, Arrival(Announce(CLOSED), "outside_hours")),
        (Plan(OFFICE, PERTH), EVENING, True, Arrival(Ring())),
        (Plan(OFFICE, closed=Alternative("Bye.")), EVENING, True, Arrival(Announce("Bye."), "outside_hours")),
        (
            Plan(OFFICE, closed=Alternative("Bye.", OTHER)),
            EVENING,
            True,
            Arrival(Overflow(OTHER, "Bye."), "outside_hours"),
        ),
        (
            Plan(OFFICE, closed=Alternative("Bye.", OTHER), unanswered=Alternative("Busy.")),
            NOON,
            False,
            Arrival(Announce("Busy."), "nobody_available"),
        ),
    ],
)
def test_on_arrival(plan: Plan, at: datetime, arrival: Arrival, *, has_agents: bool) -> None:
    assert on_arrival(plan, MELBOURNE, at, has_agents=has_agents) == arrival


def test_after_ringing_in_vain() -> None:
    assert unanswered(Plan()) == Announce(NOBODY)
    assert unanswered(Plan(unanswered=Alternative(None, OTHER))) == Overflow(OTHER, NOBODY)
