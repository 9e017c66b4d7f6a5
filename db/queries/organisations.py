"""Organisations, and what a subscription's state means: one table, the same as in docs/subscriptions.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import Attention, OrganisationStatus, Role
from db.models import Organisation


@dataclass(frozen=True, slots=True)
class Entitlements:
    """What still works for an organisation."""

    connects: bool
    """Calls are put through, both ways."""
    transcribes: bool
    """Calls that begin are transcribed."""
    watchers: frozenset[Role]
    """Whose consoles are open."""
    keeps_numbers: bool
    """Its numbers stay; if not, they are given back after ``RELEASE_GRACE_DAYS``."""
    problem: str = ""
    """What is wrong, as a sentence for its members."""
    remedy: str = ""
    """What who pays can do about it, as a sentence."""


_EVERYBODY: frozenset[Role] = frozenset({"owner", "admin", "supervisor", "agent"})
_NOBODY: frozenset[Role] = frozenset()
_WORKS = Entitlements(connects=True, transcribes=True, watchers=_EVERYBODY, keeps_numbers=True)


def _off(problem: str, remedy: str) -> Entitlements:
    return Entitlements(False, False, _NOBODY, keeps_numbers=False, problem=problem, remedy=remedy)


ENTITLEMENTS: dict[OrganisationStatus, Entitlements] = {
    "incomplete": Entitlements(
        connects=False,
        transcribes=False,
        watchers=_NOBODY,
        keeps_numbers=True,
        problem="No payment has arrived yet.",
        remedy="Finish paying to start.",
    ),
    "trialing": _WORKS,
    "active": _WORKS,
    "past_due": Entitlements(
        connects=True,
        transcribes=False,
        watchers=_EVERYBODY - {"agent"},
        keeps_numbers=True,
        problem="The last payment did not go through. Calls still connect, but nothing is transcribed.",
        remedy="Pay the open invoice or change the card, and transcription resumes automatically.",
    ),
    "paused": _off("The subscription is paused, so calls do not connect.", "Resume it to keep your numbers."),
    "unpaid": _off("An invoice was not paid, so calls do not connect.", "Pay it to keep your numbers."),
    "cancelled": _off(
        "The subscription has ended, so calls do not connect.", "Subscribe again to keep your numbers."
    ),
}
"""What a subscription's state means, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is the matter with a subscription besides its status. It changes nothing of what works."""

    title: str
    words: str
    remedy: Literal["", "portal", "pay"]
    """Where the owner acts: Stripe's page of the customer, or the open invoice; empty: nothing is to be done."""


ATTENTION: dict[Attention, Advice] = {
    "invoice_not_finalized": Advice(
        "An invoice needs your address",
        "Stripe cannot work out the tax, because your billing address is missing or incomplete. Correct it, and the"
        " invoice will be completed and paid automatically.",
        "portal",
    ),
    "invoice_to_pay": Advice(
        "An invoice is to be paid",
        "It was emailed to you and is not charged automatically. Pay it by its due date.",
        "pay",
    ),
    "collection_paused": Advice(
        "Payments are paused",
        "Nothing is charged at present, and everything works as before. There is nothing for you to do.",
        "",
    ),
}
"""What needs attention, and nowhere else; the same as in docs/subscriptions.md."""


def entitlements(organisation: Organisation) -> Entitlements:
    """Return what works for ``organisation`` today: nothing while it is suspended, though it still pays."""
    usual = ENTITLEMENTS[organisation.status]
    if organisation.suspended_at is None:
        return usual
    return replace(
        usual,
        connects=False,
        transcribes=False,
        watchers=_NOBODY,
        problem="Your organisation is suspended, so calls do not connect.",
        remedy=organisation.suspended_for or "",
    )


async def suspend(session: AsyncSession, organisation: Organisation, reason: str) -> None:
    """Let nothing work for ``organisation`` until `resume`; ``reason`` is a sentence for its members."""
    organisation.suspended_at, organisation.suspended_for = await session.scalar(select(func.now())), reason
    await session.flush()


async def resume(session: AsyncSession, organisation: Organisation) -> None:
    """Let everything work again that its subscription allows."""
    organisation.suspended_at = organisation.suspended_for = None
    await session.flush()


async def find(session: AsyncSession, organisation_id: UUID) -> Organisation | None:
    """Return the organisation of that id."""
    return await session.get(Organisation, organisation_id)


async def locked(session: AsyncSession, organisation_id: UUID) -> Organisation | None:
    """Lock the organisation until the transaction ends and return it, read again. Its calls are not affected."""
    mine = select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True)
    return await session.scalar(mine.execution_options(populate_existing=True))


async def create(
    session: AsyncSession,
    *,
    name: str,
    status: OrganisationStatus = "incomplete",
    time_zone: str = "Australia/Sydney",
    consent_prompt: str | None = None,
) -> Organisation:
    """Create and return an organisation, with no members yet."""
    organisation = Organisation(name=name, status=status, time_zone=time_zone, consent_prompt=consent_prompt)
    session.add(organisation)
    await session.flush()
    return organisation
