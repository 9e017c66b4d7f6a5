"""A customer as the phone shows them."""

from __future__ import annotations

import pytest

from db.models import Call
from db.queries.phone.callers import MOST_EARLIER, Earlier, Known
from web.phone.call_view import party


@pytest.mark.parametrize(
    ("counted", "shown"),
    [
        (MOST_EARLIER, (MOST_EARLIER, False)),
        (MOST_EARLIER + 1, (MOST_EARLIER, True)),
        (3 * MOST_EARLIER, (MOST_EARLIER, True)),
    ],
)
def test_more_calls_than_are_counted_are_told_as_more(counted: int, shown: tuple[int, bool]) -> None:
    call = Call(direction="inbound", from_number="+61412345678", customer_hash=b"1")
    customer = party(Known(call, None, Earlier(counted), ""))
    assert (customer.calls, customer.more_calls) == shown
