"""A subscription as Stripe shows it: which item the seats are, and what needs attention besides the status."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from provisioning.stripe.subscription import organisation_named, read
from tests.kit.vendors.stripe import PRICE

SEATS = {"id": "si_seats", "price": {"id": PRICE}, "quantity": 4, "current_period_end": 1_800_000_000}
ADD_ON = {"id": "si_add_on", "price": {"id": "price_support"}, "quantity": 1, "current_period_end": 1_700_000_000}
METERED = {"id": "si_metered", "price": {"id": "price_minutes"}, "current_period_end": 1_700_000_000}
EARLIER = {"id": "si_earlier", "price": {"id": "price_seat_2025"}, "quantity": 7}
OPEN = {"status": "open"}
STUCK = {"status": "draft", "last_finalization_error": {"code": "customer_tax_location_invalid"}}
PAUSED = {"behavior": "keep_as_draft", "resumes_at": None}


def subscription(*items: Any, **more: Any) -> dict[str, Any]:
    plain = {"id": "sub_1", "customer": "cus_1", "status": "active", "created": 1_600_000_000}
    return plain | {"items": {"object": "list", "data": list(items or [SEATS])}} | more


@pytest.mark.parametrize(
    ("items", "item", "seats"),
    [
        ([SEATS], "si_seats", 4),
        ([SEATS, ADD_ON], "si_seats", 4),
        ([ADD_ON, SEATS], "si_seats", 4),
        ([METERED, ADD_ON, SEATS], "si_seats", 4),
        ([{**SEATS, "price": PRICE}, ADD_ON], "si_seats", 4),  # a price that is not expanded
        ([METERED, EARLIER], "si_earlier", 7),
        ([METERED], "si_metered", 0),
    ],
)
def test_the_item_of_our_price_counts(items: list[Any], item: str, seats: int) -> None:
    one = read(subscription(*items), price=PRICE, paid=True)
    assert (one.item, one.seats) == (item, seats)


@pytest.mark.parametrize(
    ("more", "attention"),
    [
        ({}, None),
        ({"latest_invoice": {"status": "paid"}}, None),
        ({"latest_invoice": "in_1"}, None),
        ({"latest_invoice": {"status": "draft", "last_finalization_error": None}}, None),
        ({"latest_invoice": STUCK}, "invoice_not_finalized"),
        ({"latest_invoice": STUCK, "pause_collection": PAUSED}, "invoice_not_finalized"),
        ({"pause_collection": PAUSED}, "collection_paused"),
        ({"pause_collection": {"behavior": "void"}, "latest_invoice": OPEN}, "collection_paused"),
        ({"collection_method": "send_invoice", "latest_invoice": OPEN}, "invoice_to_pay"),
        ({"collection_method": "send_invoice", "latest_invoice": {"status": "paid"}}, None),
        ({"collection_method": "charge_automatically", "latest_invoice": OPEN}, None),
    ],
)
def test_what_needs_attention_is_read_beside_the_status(more: dict[str, Any], attention: str | None) -> None:
    one = read(subscription(**more), price=PRICE, paid=True)
    assert (one.attention, one.means) == (attention, "active")


ORGANISATION = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ({"metadata": {"organisation": ORGANISATION}}, ORGANISATION),
        ({"metadata": {}, "client_reference_id": ORGANISATION}, ORGANISATION),
        ({"metadata": None, "client_reference_id": ORGANISATION}, ORGANISATION),
        ({"metadata": 7}, None),
        ({"metadata": ["organisation"]}, None),
        ({"metadata": {"organisation": 7}}, None),
        ({"metadata": {"organisation": {"id": ORGANISATION}}}, None),
        ({"client_reference_id": 7}, None),
        ({"client_reference_id": "another's"}, None),
        ({}, None),
    ],
)
def test_the_organisation_is_read_from_whatever_is_signed(subject: dict[str, Any], named: str | None) -> None:
    assert organisation_named(subject) == (UUID(named) if named else None)
