"""Hooks: endpoints for events that a program subscribes itself, as Zapier, Make and n8n do (REST hooks).

They are the endpoints of the Webhooks page, and are told the same events in the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Meta, Struct

from db.models import WebhookEndpoint
from db.queries.integrations import resources
from db.queries.integrations.api_keys import Scope
from db.queries.integrations.call_list import Wanted
from db.queries.integrations.events import CallEvent, Envelope, EventType, MemberEvent, NumberEvent
from db.queries.integrations.resources import Time
from db.queries.integrations.webhooks import MOST, TooManyEndpointsError
from provisioning.egress.targets import LONGEST, WrongUrlError, target
from web.api.operations import Answer, Asked, Operation
from web.api.problems import ProblemError
from web.request.access import Rows
from web.request.errors import ForbiddenError, InvalidError, NotFoundError

SAMPLES = 3

Secret = Annotated[str, Meta(description="What its events are signed with. It is shown only once.")]
Url = Annotated[
    str,
    Meta(min_length=1, max_length=LONGEST, description="On the public internet, over https on the standard port."),
]


class Hook(Struct, frozen=True):
    """Where events are sent."""

    id: UUID
    host: Annotated[str, Meta(description="Of its address; the rest may hold a password.")]
    events: list[str]
    is_on: Annotated[bool, Meta(description="False once it was switched off or has answered 410 Gone.")]
    created_at: Time


class AddedHook(Struct, frozen=True):
    """A hook that was just added."""

    id: UUID
    host: str
    events: list[str]
    is_on: bool
    created_at: Time
    secret: Secret


class HookList(Struct, frozen=True):
    """All endpoints of yours, oldest first: also those that were added by hand."""

    data: list[Hook]


class NewHook(Struct, frozen=True, forbid_unknown_fields=True):
    """Where to send which events. The key needs the scope that reads what they are about, too."""

    url: Url
    events: Annotated[list[EventType], Meta(min_length=1, max_length=20)]


class SampleQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which event."""

    event: EventType


class SampleList(Struct, frozen=True):
    """What would be sent: made of your newest calls, numbers or members. Nothing has happened to them."""

    data: list[Envelope]


async def list_hooks(asked: Asked) -> Answer:
    """Answer the endpoints."""
    return Answer(HookList(data=[Hook(*_facts(each)) for each in await asked.rows.webhooks.all()]))


async def add_hook(asked: Asked) -> Answer:
    """Add an endpoint."""
    new: NewHook = asked.body
    _want_scopes(asked, new.events)
    try:
        target(new.url, own_url=asked.public_url)
    except WrongUrlError as error:
        raise InvalidError(str(error)) from None
    await asked.rows.lock()
    try:
        hook = await asked.rows.webhooks.add(url=new.url, types=set(new.events), created_by=asked.client.created_by)
    except TooManyEndpointsError:
        raise ProblemError("conflict", f"There are already {MOST} endpoints, the maximum.") from None
    details = {"host": urlsplit(hook.url).hostname, "events": ", ".join(hook.types)}
    await asked.rows.audit.record("webhook.added", details)
    return Answer(AddedHook(*_facts(hook), hook.secret))


async def remove_hook(asked: Asked) -> Answer:
    """Remove an endpoint, with what is on its way there."""
    hook = await asked.rows.webhooks.get(asked.id)
    if hook is None:
        raise NotFoundError("There is no such hook.")
    await asked.rows.webhooks.remove(hook)
    await asked.rows.audit.record("webhook.removed", {"host": urlsplit(hook.url).hostname})
    return Answer(None)


async def list_samples(asked: Asked) -> Answer:
    """Answer events as they would be sent."""
    query: SampleQuery = asked.query
    _want_scopes(asked, [query.event])
    now = datetime.now(UTC)
    return Answer(
        SampleList(data=[Envelope(query.event, now, data) for data in await _samples(asked.rows, query.event)])
    )


_PATH = "/hooks"
OPERATIONS = (
    Operation("listHooks", "GET", _PATH, "hooks:read", "List the endpoints of events", list_hooks, HookList),
    Operation(
        *("addHook", "POST", _PATH, "hooks:write", "Subscribe an endpoint to events"),
        add_hook,
        AddedHook,
        status=201,
        body=NewHook,
        conflicts=True,
    ),
    Operation(
        *("removeHook", "DELETE", f"{_PATH}/{{id}}", "hooks:write", "Unsubscribe an endpoint"),
        remove_hook,
        None,
        status=204,
    ),
    Operation(
        *("listSamples", "GET", "/samples", "hooks:read", "See events as they would be sent"),
        list_samples,
        SampleList,
        query=SampleQuery,
    ),
)


async def _samples(rows: Rows, kind: EventType) -> Sequence[Struct]:
    """Return what an event of ``kind`` would hold, of the newest calls, the numbers or the members."""
    if kind.startswith("call."):
        return [CallEvent(each) for each in await rows.call_list.page(Wanted(), after=None, limit=SAMPLES)]
    if kind.startswith("number."):
        return [NumberEvent(resources.number_of(each)) for each in (await rows.numbers.all())[:SAMPLES]]
    return [MemberEvent(resources.member_of(each)) for each in (await rows.members.all())[:SAMPLES]]


def _want_scopes(asked: Asked, kinds: Collection[EventType]) -> None:
    """Let nobody be told by an event what their key may not read. Raise `ForbiddenError`."""
    lacking = {_scope_of(kind) for kind in kinds} - asked.client.scopes
    if lacking:
        raise ForbiddenError(
            f"The key lacks the scope {', '.join(sorted(lacking))}, which reads what it would be told."
        )


def _scope_of(kind: EventType) -> Scope:
    scopes: dict[str, Scope] = {"call": "calls:read", "number": "numbers:read", "member": "members:read"}
    return scopes[kind.partition(".")[0]]


def _facts(endpoint: WebhookEndpoint) -> tuple[UUID, str, list[str], bool, Time]:
    host = urlsplit(endpoint.url).hostname or ""
    return endpoint.id, host, list(endpoint.types), endpoint.off_at is None, endpoint.created_at
