"""What an operation of the API is: its route, what it takes and what it answers. Everything else is derived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from db.queries.integrations.api_keys import Scope
from web.request.access import Client, Rows

PREFIX = "/api/v1"
Method = Literal["GET", "POST", "PATCH", "DELETE"]


class NoQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """An operation without parameters."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was let in and understood. ``query`` and ``body`` have the types that the operation names."""

    rows: Rows
    query: Any
    body: Any
    id: UUID
    """That in the path; of no meaning if the operation names none."""
    client: Client
    public_url: str
    """The installation's own address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; ``next`` is the cursor of the next page."""

    body: Struct | None
    next: str | None = None


Do = Callable[[Asked], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path. ``path`` follows `PREFIX`; a part of it may be ``{id}``."""

    name: str
    method: Method
    path: str
    scope: Scope
    summary: str
    do: Do
    answers: type[Struct] | None
    status: int = 200
    query: type[Struct] = NoQuery
    body: type[Struct] | None = None
    conflicts: bool = False
    """Whether it may be refused because of another row."""

    @property
    def writes(self) -> bool:
        """Whether it changes something, and so may name an idempotency key."""
        return self.method != "GET"

    @property
    def has_id(self) -> bool:
        """Whether the path names a row by its id."""
        return "/{id}" in self.path
