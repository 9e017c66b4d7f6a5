"""The block list: numbers whose calls are refused."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from db import models
from db.paging import Cursor
from db.queries.contacts.blocked_numbers import MOST, TooManyBlockedError
from db.queries.integrations.resources import Time
from web.api import cursors
from web.api.calls import After, Limit
from web.api.contacts import Written, read_number
from web.api.operations import Answer, Asked, Operation
from web.api.problems import ProblemError
from web.request.errors import NotFoundError


class BlockedNumber(Struct, frozen=True):
    """A number whose calls are refused."""

    id: UUID
    number: Annotated[str, Meta(description="In E.164.")]
    blocked_at: Time
    blocked_by: Annotated[UUID, Meta(description="The member who did so, or who made the key that did.")]


class BlockedQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries; newest first."""

    number: Annotated[Written | None, Meta(description="The entry of this number.")] = None
    limit: Limit = 50
    cursor: After = None


class BlockedPage(Struct, frozen=True):
    """A page of the block list, newest first."""

    data: list[BlockedNumber]
    next_cursor: Annotated[str | None, Meta(description="Null on the last page.")]


class NewBlock(Struct, frozen=True, forbid_unknown_fields=True):
    """A number to block."""

    number: Written


async def list_blocked(asked: Asked) -> Answer:
    """Answer a page of the block list."""
    query: BlockedQuery = asked.query
    number = None if query.number is None else read_number(query.number)
    found = await asked.rows.blocked.page(number, after=cursors.read(query.cursor), limit=query.limit + 1)
    shown, more = cursors.first_of(found, query.limit, lambda row: Cursor(row.blocked_at, row.id))
    return Answer(BlockedPage(data=[_seen(each) for each in shown], next_cursor=more), more)


async def get_blocked(asked: Asked) -> Answer:
    """Answer one entry."""
    entry = await asked.rows.blocked.get(asked.id)
    if entry is None:
        raise NotFoundError("There is no such entry.")
    return Answer(_seen(entry))


async def block_number(asked: Asked) -> Answer:
    """Block a number, in the name of the member who made the key."""
    new: NewBlock = asked.body
    number = read_number(new.number)
    await asked.rows.lock()
    try:
        is_new = await asked.rows.blocked.add(number, asked.client.created_by)
    except TooManyBlockedError:
        raise ProblemError("conflict", f"There are already {MOST} blocked numbers, the maximum.") from None
    entry = await asked.rows.blocked.of(number)
    if not is_new or entry is None:
        raise ProblemError("conflict", "That number is blocked. Find it by number.")
    await asked.rows.audit.record("number.blocked")
    return Answer(_seen(entry))


async def unblock_number(asked: Asked) -> Answer:
    """Unblock a number."""
    if not await asked.rows.blocked.remove(asked.id):
        raise NotFoundError("There is no such entry.")
    await asked.rows.audit.record("number.unblocked")
    return Answer(None)


_PATH, _ONE = "/blocked", "/blocked/{id}"
OPERATIONS = (
    Operation(
        *("listBlockedNumbers", "GET", _PATH, "blocked:read", "List blocked numbers, newest first"),
        list_blocked,
        BlockedPage,
        query=BlockedQuery,
    ),
    Operation(
        *("blockNumber", "POST", _PATH, "blocked:write", "Block a number"),
        block_number,
        BlockedNumber,
        status=201,
        body=NewBlock,
        conflicts=True,
    ),
    Operation("getBlockedNumber", "GET", _ONE, "blocked:read", "Get one blocked number", get_blocked, BlockedNumber),
    Operation(
        *("unblockNumber", "DELETE", _ONE, "blocked:write", "Unblock a number"),
        unblock_number,
        None,
        status=204,
    ),
)


def _seen(entry: models.BlockedNumber) -> BlockedNumber:
    return BlockedNumber(id=entry.id, number=entry.number, blocked_at=entry.blocked_at, blocked_by=entry.blocked_by)
