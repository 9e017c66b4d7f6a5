"""The notice that a viewer reads while the organisation's subscription is not paid.

`ENTITLEMENTS` (db/queries/organisations.py) says which roles lose their console. This module words it for one viewer.
When the entitlements change, it closes every open console of the organisation, so that each page asks for a new
ticket and shows the current notice. Calls in progress are not affected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from aiohttp import web

from db.engine import DatabaseUnavailableError
from db.models import Member, Organisation, Subscription
from provisioning.billing.notices import day, owners
from web.bus import BUS
from web.request import access
from web.request.access import Viewer
from web.request.errors import NotFoundError

MOST_NAMES = 3  # of owners to ask
_WITHOUT_SUBSCRIPTION = ("incomplete", "cancelled")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """What is wrong with the organisation's payment, worded for one viewer. Pages and console tickets carry it."""

    state: str
    """The organisation's state: `past_due` and so on."""
    words: str
    """What is wrong."""
    remedy: str
    """What the viewer can do about it, or whom to ask."""
    link: str
    """The page where the viewer can fix it; empty for a viewer who cannot."""
    label: str
    connects: bool
    """Calls still connect, so the phone is shown."""


async def find(request: web.Request, viewer: Viewer) -> PaymentNotice | None:
    """Return the notice for ``viewer``; None while everything is paid."""
    if not viewer.entitlements.problem:
        return None
    async with access.rows(request, viewer) as rows:
        return notice_for(viewer, rows.organisation, await rows.members.all(), await rows.subscription())


def notice_for(
    viewer: Viewer, organisation: Organisation, everybody: Sequence[Member], subscription: Subscription | None
) -> PaymentNotice:
    """Return the notice from rows that were read. Pure but for the clock."""
    if organisation.suspended_at is not None:
        words, remedy = viewer.entitlements.problem, viewer.entitlements.remedy
        return PaymentNotice("suspended", words, remedy, link="", label="", connects=False)
    pays, is_new = viewer.may("billing"), organisation.status in _WITHOUT_SUBSCRIPTION
    until = _kept_until(organisation, subscription) if viewer.may("numbers") else ""
    link, label = ("/checkout", "Choose seats and pay") if is_new else ("/billing", "Fix payment details")
    return PaymentNotice(
        state=organisation.status,
        words=" ".join(filter(None, (viewer.entitlements.problem, until))),
        remedy=viewer.entitlements.remedy if pays else whom_to_ask(everybody),
        link=link if pays else "",
        label=label if pays else "",
        connects=viewer.entitlements.connects,
    )


def whom_to_ask(everybody: Sequence[Member]) -> str:
    """Return a sentence with the names of the owners, as far as they are known."""
    names = [owner.name for owner in owners(everybody) if owner.name][:MOST_NAMES]
    return f"Please ask {' or '.join(names) or 'the owner of your organisation'} to fix the payment."


def _kept_until(organisation: Organisation, subscription: Subscription | None) -> str:
    """Return a sentence that says until when the numbers are kept; "" if there is no such day ahead."""
    after = subscription.release_after if subscription else None
    if after is None or after <= datetime.now(UTC):
        return ""
    return f"Your numbers are kept until {day(after, organisation.time_zone)}."


async def close_consoles(app: web.Application, organisation_id: UUID) -> None:
    """Close every console of the organisation that is open now. Never raises: a page that is left open shows no
    words of new calls, for these are not transcribed."""
    try:
        async with access.by_fact(app, organisation_id) as rows:
            everybody = await rows.members.all()
    except (NotFoundError, DatabaseUnavailableError) as error:
        _log.warning("consoles left open", organisation=str(organisation_id), error=type(error).__name__)
        return
    for member in everybody:
        app[BUS].close_consoles(organisation_id, member.id)
