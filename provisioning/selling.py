"""What who pays changes on our own page: seats up and down, and a paused subscription that is to go on.

Agents and seats are counted under the organisation's lock, as they are where agents are invited.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import organisations, subscriptions
from db.members import Members
from provisioning.agreement import Agreement, chosen
from provisioning.stripe_api import MOST_SEATS, StripeApi
from provisioning.subscriptions import synchronise


class SellingError(Exception):
    """Not that many seats, or nothing to change; its text is for who pays."""


def check(seats: int, agents: int) -> None:
    """Raises `SellingError` unless ``agents`` find room in ``seats``, and so many are sold. Pure."""
    if not 1 <= seats <= MOST_SEATS:
        raise SellingError(f"A whole number of seats, please: 1 to {MOST_SEATS}.")
    if seats < agents:
        taken = "1 agent takes one" if agents == 1 else f"{agents} agents take one each"
        raise SellingError(f"{taken} already, so {seats} are too few. Remove agents from the team first.")


async def current(session: AsyncSession, stripe: StripeApi, organisation_id: UUID) -> Agreement:
    """The subscription that can be changed. Raises `SellingError` if there is none, and `StripeError`."""
    row = await subscriptions.of(session, organisation_id)
    if row is None or row.stripe_customer_id is None:
        raise SellingError("There is no subscription yet.")
    one = chosen(await stripe.agreements(row.stripe_customer_id))
    if one is None or not one.is_alive:
        raise SellingError("There is no subscription that could be changed.")
    return one


async def change_seats(
    session: AsyncSession, stripe: StripeApi, organisation_id: UUID, seats: int, key: str, grace: timedelta
) -> tuple[int, int]:
    """Have so many from now on; how many there were and are. The form ``key`` does it once.

    Raises `SellingError` and `StripeError`.
    """
    await organisations.locked(session, organisation_id)
    check(seats, await Members(session, organisation_id).with_role("agent"))
    one = await current(session, stripe, organisation_id)
    if one.seats != seats:
        await stripe.change_seats(one, seats, key)
        await synchronise(session, stripe, organisation_id, grace)
    return one.seats, seats


async def resume(session: AsyncSession, stripe: StripeApi, organisation_id: UUID, key: str, grace: timedelta) -> None:
    """Let a paused subscription go on, and be paid for from today. Raises `SellingError` and `StripeError`."""
    await organisations.locked(session, organisation_id)
    one = await current(session, stripe, organisation_id)
    if one.status != "paused":
        raise SellingError("The subscription is not paused.")
    await stripe.resume(one, key)
    await synchronise(session, stripe, organisation_id, grace)
