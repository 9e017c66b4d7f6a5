"""Changes that owners make on our own page: the number of seats, and resuming a paused subscription.

Seats are written, and agents counted, under the organisation's lock, as they are where agents are invited.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from db.engine import Database
from db.queries import organisations
from db.queries.billing import subscriptions
from db.queries.members import Members
from provisioning.billing.sync import ask, synchronise, write
from provisioning.stripe.api import MOST_SEATS, StripeApi
from provisioning.stripe.subscription import StripeSubscription, chosen


class SeatError(Exception):
    """Too many or too few seats, or nothing to change. The text is shown to the owner."""


def check(seats: int, agents: int) -> None:
    """Raise `SeatError` unless ``seats`` is an allowed number and enough for ``agents``. Pure."""
    if not 1 <= seats <= MOST_SEATS:
        raise SeatError(f"Enter a whole number of seats, 1 to {MOST_SEATS}.")
    if seats < agents:
        taken = "1 agent takes one" if agents == 1 else f"{agents} agents take one each"
        raise SeatError(f"{taken} already, so {seats} are too few. Remove agents from the team first.")


async def current(database: Database, stripe: StripeApi, organisation_id: UUID) -> StripeSubscription:
    """Return the subscription that can be changed. Raise `SeatError` if there is none, and `StripeError`."""
    async with database.begin() as session:
        row = await subscriptions.of(session, organisation_id)
    if row is None or row.stripe_customer_id is None:
        raise SeatError("There is no subscription yet.")
    one = chosen(await stripe.subscriptions(row.stripe_customer_id))
    if one is None or not one.is_alive:
        raise SeatError("There is no subscription to change.")
    return one


async def change_seats(
    database: Database, stripe: StripeApi, organisation_id: UUID, seats: int, key: str, grace: timedelta
) -> tuple[int, int]:
    """Change the number of seats; return the old and the new number. Idempotent by the form's ``key``.

    Agents are counted before Stripe is asked and again afterwards: if an agent was added meanwhile, their seat is
    restored and the change is refused. Raise `SeatError` and `StripeError`.
    """
    async with database.begin() as session:
        check(seats, await Members(session, organisation_id).with_role("agent"))
    one = await current(database, stripe, organisation_id)
    if one.seats == seats:
        return seats, seats
    await stripe.change_seats(one, seats, key)
    agents = await _write_seats(database, stripe, organisation_id, grace)
    if agents > seats:
        await stripe.change_seats(one, agents, f"{key}:back")
        await synchronise(database, stripe, organisation_id, grace)
        check(seats, agents)
    return one.seats, seats


async def _write_seats(database: Database, stripe: StripeApi, organisation_id: UUID, grace: timedelta) -> int:
    """Update the row from Stripe. Return the number of agents, counted under the organisation's lock."""
    look = await ask(database, stripe, organisation_id)
    async with database.begin() as session:
        await organisations.locked(session, organisation_id)
        await write(session, look, grace)
        return await Members(session, organisation_id).with_role("agent")


async def resume(database: Database, stripe: StripeApi, organisation_id: UUID, key: str, grace: timedelta) -> None:
    """Resume a paused subscription; a new paid period begins now. Raise `SeatError` and `StripeError`."""
    one = await current(database, stripe, organisation_id)
    if one.status != "paused":
        raise SeatError("The subscription is not paused.")
    await stripe.resume(one, key)
    await synchronise(database, stripe, organisation_id, grace)
