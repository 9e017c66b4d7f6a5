"""Calls: which there were, and which go on. Never what was said, nor what an agent wrote about one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from db.call_progress import Direction, Outcome
from db.paging import Cursor
from db.queries.integrations.call_list import Wanted
from db.queries.integrations.resources import Call, Time
from web.api import cursors
from web.api.operations import Answer, Asked, Operation
from web.request.callers import customer_number
from web.request.errors import InvalidError, NotFoundError

MOST = 200  # rows of a page
Limit = Annotated[int, Meta(ge=1, le=MOST, description="Rows of a page.")]
After = Annotated[str | None, Meta(description="`next_cursor` of the page before; the other parameters as before.")]
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class CallQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which calls; newest first."""

    since: Annotated[Time | None, Meta(description="Calls that began then or later.")] = None
    until: Annotated[Time | None, Meta(description="Calls that began before then.")] = None
    direction: Direction | None = None
    outcome: Outcome | None = None
    member_id: Annotated[UUID | None, Meta(description="Who answered or dialled.")] = None
    number_id: Annotated[UUID | None, Meta(description="Your number.")] = None
    customer: Annotated[str | None, Meta(description="The other party's whole number, in E.164.")] = None
    limit: Limit = 50
    cursor: After = None


class CallPage(Struct, frozen=True):
    """A page of calls, newest first."""

    data: list[Call]
    next_cursor: Annotated[str | None, Meta(description="Null on the last page.")]


async def list_calls(asked: Asked) -> Answer:
    """Answer a page of calls."""
    query: CallQuery = asked.query
    wanted = Wanted(
        since=_time(query.since),
        until=_time(query.until),
        direction=query.direction,
        outcome=query.outcome,
        member_id=query.member_id,
        number_id=query.number_id,
        customer=_customer(query.customer),
    )
    found = await asked.rows.call_list.page(wanted, after=cursors.read(query.cursor), limit=query.limit + 1)
    shown, more = cursors.first_of(found, query.limit, lambda row: Cursor(row.started_at, row.id))
    return Answer(CallPage(data=list(shown), next_cursor=more), more)


async def get_call(asked: Asked) -> Answer:
    """Answer one call."""
    call = await asked.rows.call_list.one(asked.id)
    if call is None:
        raise NotFoundError("There is no such call.")
    return Answer(call)


OPERATIONS = (
    Operation(
        "listCalls", "GET", "/calls", "calls:read", "List calls, newest first", list_calls, CallPage, query=CallQuery
    ),
    Operation("getCall", "GET", "/calls/{id}", "calls:read", "Get one call", get_call, Call),
)


def _time(at: datetime | None) -> datetime | None:
    if at is not None and not _EARLIEST <= at <= _LATEST:
        raise InvalidError("That time is too far away.")
    return at


def _customer(number: str | None) -> str | None:
    if number is not None and customer_number(number) is None:
        raise InvalidError(
            "The customer is not a phone number in E.164, like +61412345678 (in an address: %2B61412345678)."
        )
    return number
