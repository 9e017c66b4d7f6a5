"""How one entry reads."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from db.queries.audit import AuditFilter
from web.organisation.audit_view import audit_filter, choices, details_in_words, words


def test_names_become_words() -> None:
    assert words("number.released") == "Number released"
    assert words("time_zone.changed") == "Time zone changed"
    assert words("abn") == "ABN"
    assert words("") == ""


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ({"amount": 123456, "currency": "aud"}, [("Amount", "A$1,234.56")]),
        ({"amount": 1050, "currency": "usd"}, [("Amount", "10.50 USD")]),
        ({"amount": 1050}, [("Amount", "1050")]),
        ({"currency": "aud", "seats": 3}, [("Currency", "aud"), ("Seats", "3")]),
        ({"amount_due": True, "reason": None, "label": ""}, [("Amount due", "yes")]),
        ({"number": "+61255501234", "change": "+1 seat"}, [("Number", "(02) 5550 1234"), ("Change", "+1 seat")]),
    ],
)
def test_details_as_people_read_them(
    details: dict[str, str | int | bool | None], shown: list[tuple[str, str]]
) -> None:
    assert details_in_words(details) == shown


def test_choices_are_grouped_by_noun() -> None:
    assert choices(["number.ready", "number.released", "prompt.changed"]) == {
        "number": [
            ("number", "Number: anything"),
            ("number.ready", "Number ready"),
            ("number.released", "Number released"),
        ],
        "prompt": [("prompt.changed", "Prompt changed")],
    }


@pytest.mark.parametrize("chosen", ["prompt", "prompt.changed", "payment", "payment.failed"])
def test_what_was_chosen_stays_a_choice(chosen: str) -> None:
    offered = [action for of_noun in choices(["prompt.changed"], chosen).values() for action, _ in of_noun]
    assert offered.count(chosen) == 1


def test_nothing_asked_is_no_filter() -> None:
    assert audit_filter({}, ZoneInfo("Australia/Sydney")) == AuditFilter()


@given(st.dictionaries(st.text(max_size=10), st.none() | st.booleans() | st.integers() | st.text(), max_size=5))
def test_whatever_was_recorded_can_be_shown(details: dict[str, str | int | bool | None]) -> None:
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in details_in_words(details))
