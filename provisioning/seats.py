"""Seats up and down, for who has a subscription. Agents and seats are counted under the organisation's lock."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from db import organisations, subscriptions
from db.members import Members
from provisioning.agreement import Agreement, chosen
from provisioning.stripe_api import MOST_SEATS, StripeApi
from provisioning.subscriptions import synchronise


class SeatsError(Exception):
    """Not that many seats, or not now; its text is for who pays."""


def check(seats: int, agents: int) -> None:
    """Raises `SeatsError` unless ``agents`` find room in ``seats``, and so many are sold. Pure."""
    if not 1 <= seats <= MOST_SEATS:
        raise SeatsError(f"A whole number of seats, please: 1 to {MOST_SEATS}.")
    if seats < agents:
        taken = "1 agent takes one" if agents == 1 else f"{agents} agents take one each"
        raise SeatsError(f"{taken} already, so {seats} are too few. Remove agents from the team first.")


async def current(session: AsyncSession, stripe: StripeApi, organisation_id: UUID) -> Agreement:
    """The subscription whose seats can be changed. Raises `SeatsError` if there is none, and `StripeError`."""
    row = await subscriptions.of(session, organisation_id)
    if row is None or row.stripe_customer_id is None:
        raise SeatsError("There is no subscription yet.")
    one = chosen(await stripe.agreements(row.stripe_customer_id))
    if one is None or not one.is_alive:
        raise SeatsError("There is no subscription that could be changed.")
    return one


async def change(
    session: AsyncSession, stripe: StripeApi, organisation_id: UUID, seats: int, key: str, grace: timedelta
) -> tuple[int, int]:
    """Have so many from now on; how many there were and are. The form ``key`` does it once.

    Raises `SeatsError` and `StripeError`.
    """
    await organisations.locked(session, organisation_id)
    check(seats, await Members(session, organisation_id).with_role("agent"))
    one = await current(session, stripe, organisation_id)
    if one.seats != seats:
        await stripe.change_seats(one, seats, key)
        await synchronise(session, stripe, organisation_id, grace)
    return one.seats, seats
