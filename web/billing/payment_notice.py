"""The wall between members and live words while money is missing: said in words, with who can take it down.

What is closed to whom stands in `ENTITLEMENTS` (db/queries/organisations.py). Here it is put into sentences for one
viewer, and when it changes every open console of the organisation is closed, so that each page asks for a new ticket
and learns how things stand now. Calls are touched by neither: who is talking goes on talking.
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
from web.request import access, keys
from web.request.access import Viewer
from web.request.errors import NotFoundError

MOST_NAMES = 3  # of owners to ask
_ANEW = ("incomplete", "cancelled")  # there is no subscription to mend

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """What is wrong with an organisation's money, as one viewer is told: on the page, and beside a ticket."""

    state: str
    """The organisation's state: `past_due` and so on."""
    words: str
    """What is wrong."""
    remedy: str
    """What the viewer can do about it, or whom to ask."""
    link: str
    """Where it is mended; empty for who cannot."""
    label: str
    connects: bool
    """Calls still connect, so the phone is of use."""


async def trouble(request: web.Request, viewer: Viewer) -> PaymentNotice | None:
    """What to tell ``viewer``; None while all is well."""
    if not viewer.entitlements.problem:
        return None
    async with access.rows(request, viewer) as rows:
        return told(viewer, rows.organisation, await rows.members.all(), await rows.subscription())


def told(
    viewer: Viewer, organisation: Organisation, everybody: Sequence[Member], subscription: Subscription | None
) -> PaymentNotice:
    """The same, of what was read. Pure but for the clock."""
    pays, anew = viewer.may("billing"), organisation.status in _ANEW
    until = _kept_until(organisation, subscription) if viewer.may("numbers") else ""
    mend = ("/checkout", "Choose seats and pay") if anew else ("/billing", "See to the payment")
    return PaymentNotice(
        state=organisation.status,
        words=" ".join(filter(None, (viewer.entitlements.problem, until))),
        remedy=viewer.entitlements.remedy if pays else whom_to_ask(everybody),
        link=mend[0] if pays else "",
        label=mend[1] if pays else "",
        connects=viewer.entitlements.connects,
    )


def whom_to_ask(everybody: Sequence[Member]) -> str:
    """A sentence with the names of those who pay, as far as they have told them."""
    names = [owner.name for owner in owners(everybody) if owner.name][:MOST_NAMES]
    return f"Please ask {' or '.join(names) or 'the owner of your organisation'} to see to it."


def _kept_until(organisation: Organisation, subscription: Subscription | None) -> str:
    """How long the numbers are kept, if that is limited and not over."""
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
        app[keys.bus].close_consoles(organisation_id, member.id)
