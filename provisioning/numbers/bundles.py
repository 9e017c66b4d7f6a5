"""Regulatory bundles: file an organisation's details with Twilio and follow them until approved or rejected.

draft ─► pending-review ─► in-review ─► twilio-approved: its orders resume
  ▲                                 └─► twilio-rejected, with reasons: the admin corrects the details, `begin`
  └── noncompliant: reasons, and nothing is submitted ◄─┘
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from db.engine import Database
from db.models import Bundle, Organisation
from db.queries import bundles, organisations
from db.queries.audit import record
from db.queries.bundles import APPROVED, IN_REVIEW
from db.queries.number_orders import NumberOrders
from db.queries.rights import closures
from provisioning.jobs import Payload, TryAgain, enqueue
from provisioning.numbers.orders import PAUSES, enqueue_order, pause_after
from provisioning.twilio.bundles_api import BundlesApi, Details
from provisioning.twilio.numbers_api import TAG, TwilioError
from provisioning.worker import JobHandler

FOLLOW = "follow_bundle"
AT_FIRST, LATER, AT_LAST = timedelta(seconds=3), timedelta(minutes=1), timedelta(minutes=15)
"""How often Twilio is asked about a bundle: in its first five minutes, in its first hour, and afterwards."""

_log = structlog.get_logger(__name__)


def jobs(api: BundlesApi, mail: str) -> Mapping[str, JobHandler]:
    """Return the job handlers by name. Twilio sends mail about bundles to ``mail``."""
    return {FOLLOW: partial(_follow, api, mail)}


async def begin(session: AsyncSession, organisation_id: UUID) -> Bundle:
    """File the organisation's bundle; file a rejected one again with the present details."""
    bundle = await bundles.start(session, organisation_id)
    await enqueue(session, FOLLOW, {"bundle": str(bundle.id)}, key=f"{bundle.id}:{datetime.now(UTC):%H%M%S}")
    return bundle


def reasons_of(bundle: Bundle) -> list[str]:
    """Return why the bundle was rejected, one sentence each."""
    return list(json.loads(bundle.reasons or "[]"))


async def _follow(api: BundlesApi, mail: str, database: Database, payload: Payload) -> None:
    bundle_id = UUID(payload["bundle"])
    async with database.try_lock(_lock(bundle_id)) as locked:
        pause = await _go_on(api, mail, database, bundle_id) if locked else AT_FIRST
    if pause is not None:
        raise TryAgain(pause)


async def _go_on(api: BundlesApi, mail: str, database: Database, bundle_id: UUID) -> timedelta | None:
    """Do the bundle's next step. Return the delay before the next check; None once it is approved or rejected."""
    async with database.begin() as session:
        bundle = await bundles.find(session, bundle_id)
        organisation = await organisations.find(session, bundle.organisation_id) if bundle else None
        if bundle is None or organisation is None or await closures.has_begun(session, organisation.id):
            return None
    try:
        if bundle.status == "draft":
            return await _file(api, database, bundle, details_of(organisation, mail))
        if bundle.status in IN_REVIEW:
            return await _look(api, database, bundle)
    except TwilioError as error:
        _log.warning("regulatory bundle stuck", bundle=str(bundle_id), code=error.code, remedy=error.remedy)
        return pause_after(error, 0) or PAUSES["details"]
    return None


async def forget(api: BundlesApi, database: Database, organisation_id: UUID) -> None:
    """Delete what was filed for an organisation that is being closed and rents no number. Raise `TwilioError`.

    Raise `TryAgain` while its bundle is being followed; that does not begin again once the closing has begun.
    """
    async with database.begin() as session:
        bundle = await bundles.of_organisation(session, organisation_id)
    if bundle is None:
        return
    async with database.try_lock(_lock(bundle.id)) as locked:
        if not locked:
            raise TryAgain(AT_FIRST)
        await api.forget(_name(organisation_id))


def details_of(organisation: Organisation, mail: str) -> Details:
    """Return the details of ``organisation`` that Twilio needs."""
    return Details(
        legal_name=organisation.legal_name or "",
        abn=organisation.abn or "",
        street=organisation.street or "",
        city=organisation.locality or "",
        region=organisation.region or "",
        postal_code=organisation.postcode or "",
        email=mail,
    )


async def _file(api: BundlesApi, database: Database, bundle: Bundle, details: Details) -> timedelta | None:
    name = _name(bundle.organisation_id)
    try:
        address = await api.address(name, details)
    except TwilioError as error:
        if error.retryable:
            raise
        return await _settle(database, bundle, "twilio-rejected", [error.sentence])
    sid, status = await api.bundle(name, details.email)
    sids = {"bundle_sid": sid, "address_sid": address}
    if status in ("draft", "twilio-rejected"):
        sids["end_user_sid"] = await api.fill(sid, name, address, details)
        if lacking := await api.lacking(sid):
            return await _settle(database, bundle, "twilio-rejected", lacking, **sids)
        status = await api.submit(sid)
    return await _settle(database, bundle, status, [], **sids)


async def _look(api: BundlesApi, database: Database, bundle: Bundle) -> timedelta | None:
    assert bundle.bundle_sid, "a bundle in review has been filed"
    status = await api.status(bundle.bundle_sid)
    if status == bundle.status:
        return _pause(datetime.now(UTC) - bundle.updated_at)
    reasons = await api.objections(bundle.bundle_sid) if status == "twilio-rejected" else []
    return await _settle(database, bundle, status, reasons)


async def _settle(
    database: Database, bundle: Bundle, status: str, reasons: Sequence[str], **sids: Any
) -> timedelta | None:
    """Record the bundle's status; once it is approved, resume the orders that waited for it."""
    async with database.begin() as session:
        stored = json.dumps(list(reasons)) if reasons else None
        if not await bundles.change(session, bundle, status=status, reasons=stored, **sids):
            return AT_FIRST
        if status in APPROVED or status == "twilio-rejected":
            await record(session, bundle.organisation_id, f"papers.{status.removeprefix('twilio-')}", {})
        if status in APPROVED:
            await _resume(session, bundle.organisation_id)
    _log.info("regulatory bundle updated", bundle=str(bundle.id), status=status)
    return AT_FIRST if status in IN_REVIEW else None


async def _resume(session: AsyncSession, organisation_id: UUID) -> None:
    for order in await NumberOrders(session, organisation_id).all():
        if order.state in ("paid", "chosen"):
            await enqueue_order(session, order.id, "approved")


def _name(organisation_id: UUID) -> str:
    """Return what everything that is filed for the organisation is called at Twilio."""
    return f"{TAG}{organisation_id}"


def _lock(bundle_id: UUID) -> str:
    return f"bundle {bundle_id}"


def _pause(age: timedelta) -> timedelta:
    if age < timedelta(minutes=5):
        return AT_FIRST
    return LATER if age < timedelta(hours=1) else AT_LAST
