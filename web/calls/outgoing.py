"""Limits on outgoing calls: the organisation's countries, whom not to call, one call a seat, minutes a day.

They bound the cost of a stolen sign-in or a runaway script. `web.request.dialling` decides which numbers may be
called; here the rows of calls are counted.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from db.queries.calls import OutgoingUse
from db.queries.organisations import entitlements
from web.config import Settings
from web.people.team_view import seats
from web.request import countries
from web.request.access import Rows
from web.request.dialling import DiallingError, Reason, is_of

DAY = timedelta(days=1)
RINGING = timedelta(minutes=2)  # and set-up, before Twilio's time limit starts


def limit_reached(use: OutgoingUse, seats: int, minutes_per_seat: int) -> Reason | None:
    """Return which limit one more call would break: ``use`` is that of the last 24 hours."""
    if use.live >= seats:
        return "seats"
    return "ceiling" if use.seconds >= seats * minutes_per_seat * 60 else None


async def check(rows: Rows, settings: Settings, number: str, call: str = "") -> None:
    """Raise `DiallingError` unless one more call may go out, to ``number`` (E.164).

    ``call`` (a CallSid) itself does not count.
    Lock the organisation before (`Rows.lock`), or the count may change until the transaction ends.
    """
    if not is_of(number, countries.allowed(rows.organisation, settings.dial_countries)):
        raise DiallingError("not chosen")
    card = (await rows.contacts.cards([number])).get(number)
    if card is not None and card.do_not_call:
        raise DiallingError("opted out")
    now = datetime.now(UTC)
    longest = timedelta(minutes=settings.outbound_call_minutes) + RINGING
    use = await rows.calls.outgoing_use(since=now - DAY, live_since=now - longest, besides=call)
    reached = limit_reached(use, await _seats(rows), settings.outbound_minutes_per_seat)
    if reached is not None:
        raise DiallingError(reached)


async def _seats(rows: Rows) -> int:
    """Return the paid seats; without a subscription, the number of members as long as calls connect."""
    subscription = await rows.subscription()
    if subscription is None or subscription.status is None:
        return len(await rows.members.all()) if entitlements(rows.organisation).connects else 0
    return seats(rows.organisation, subscription, ()).paid or 0
