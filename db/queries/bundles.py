"""Regulatory bundles of organisations. The newest row of an organisation counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import BundleStatus
from db.models import Bundle

APPROVED: tuple[BundleStatus, ...] = ("twilio-approved", "provisionally-approved")
IN_REVIEW: tuple[BundleStatus, ...] = ("pending-review", "in-review")


async def find(session: AsyncSession, bundle_id: UUID) -> Bundle | None:
    """Return the bundle of that id."""
    return await session.get(Bundle, bundle_id, populate_existing=True)


async def of_organisation(session: AsyncSession, organisation_id: UUID) -> Bundle | None:
    """Return the organisation's bundle, if it has filed one."""
    newest = select(Bundle).where(Bundle.organisation_id == organisation_id).order_by(Bundle.created_at.desc())
    return await session.scalar(newest.limit(1).execution_options(populate_existing=True))


async def approved(session: AsyncSession, organisation_id: UUID) -> tuple[str, str] | None:
    """Return BundleSid and AddressSid to buy numbers with; None without an approved bundle."""
    bundle = await of_organisation(session, organisation_id)
    if bundle is None or bundle.status not in APPROVED or not (bundle.bundle_sid and bundle.address_sid):
        return None
    return bundle.bundle_sid, bundle.address_sid


async def start(session: AsyncSession, organisation_id: UUID) -> Bundle:
    """Return the organisation's bundle, as a draft to be filed with the present details unless it is approved."""
    bundle = await of_organisation(session, organisation_id)
    if bundle is None:
        bundle = Bundle(organisation_id=organisation_id, status="draft")
        session.add(bundle)
        await session.flush()
    elif bundle.status == "twilio-rejected":
        await change(session, bundle, status="draft")
    return bundle


async def change(session: AsyncSession, bundle: Bundle, **values: Any) -> bool:
    """Set columns of the bundle, unless its status has changed meanwhile; return whether it was done."""
    same = update(Bundle).where(Bundle.id == bundle.id, Bundle.status == bundle.status)
    return await session.scalar(same.values(**values).returning(Bundle.id)) is not None


async def unfinished(session: AsyncSession) -> Sequence[Bundle]:
    """Return bundles that wait for Twilio or for us."""
    return (await session.scalars(select(Bundle).where(Bundle.status.in_(("draft", *IN_REVIEW))))).all()
