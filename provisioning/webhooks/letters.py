"""Mails to who runs the organisation: an endpoint has failed for a day, or nothing is sent to it any more."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import WebhookEndpoint
from db.queries import organisations
from db.queries.integrations.webhooks import Webhooks
from db.queries.members import Members
from provisioning.mail import queue
from provisioning.mail.names import salutation
from provisioning.mail.queue import WebhookKind
from provisioning.mail.sender import Asked, Letter, Write

SUBJECTS: Mapping[WebhookKind, str] = {
    "webhook_failing": "One of your webhooks has failed for a day",
    "webhook_off": "One of your webhooks was switched off",
}
_RUN_IT = ("owner", "admin")


async def put(session: AsyncSession, kind: WebhookKind, endpoint: WebhookEndpoint) -> None:
    """Ask for a mail to everybody who may do something about ``endpoint``."""
    for member in await Members(session, endpoint.organisation_id).all():
        if member.role in _RUN_IT and member.accepted_at is not None:
            facts = {"organisation": str(endpoint.organisation_id), "endpoint": str(endpoint.id)}
            await queue.put(session, kind, facts | {"member": str(member.id)})


async def letter(session: AsyncSession, asked: Asked, kind: WebhookKind) -> Letter | None:
    """Write it, unless the member, the endpoint or the organisation is gone meanwhile."""
    organisation_id = UUID(asked.facts["organisation"])
    organisation = await organisations.find(session, organisation_id)
    member = await Members(session, organisation_id).get(UUID(asked.facts["member"]))
    endpoint = await Webhooks(session, organisation_id).get(UUID(asked.facts["endpoint"]))
    if organisation is None or member is None or member.removed_at is not None or endpoint is None:
        return None
    context = {
        "name": salutation(member.name, member.email),
        "organisation": organisation.name,
        "host": urlsplit(endpoint.url).hostname or "",
        "is_gone": endpoint.off_reason == "gone",
        "url": f"{asked.public_url}/webhooks/{endpoint.id}",
    }
    return Letter(member.email, SUBJECTS[kind], kind, context)


WRITERS: Mapping[str, Write] = {kind: partial(letter, kind=kind) for kind in SUBJECTS}
