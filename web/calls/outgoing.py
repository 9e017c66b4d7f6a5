"""How much an organisation may call out: as many calls at once as it has seats, and so many minutes a day.

A stolen sign-in, or a colleague's script, costs whoever runs Bilby money by the minute. `web.calls.dialling` decides
where may be called; the row that a call gets is what is counted here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from db.queries.calls import OutgoingUse
from web.calls.dialling import DiallingError, Reason
from web.config import Settings
from web.people.team_view import seats
from web.request.access import Rows

DAY = timedelta(days=1)
RINGING = timedelta(minutes=2)  # and whatever else comes before the minutes that Twilio limits


def limit_reached(use: OutgoingUse, seats: int, minutes_per_seat: int) -> Reason | None:
    """Return which limit one more call would break: ``use`` is that of the last 24 hours."""
    if use.live >= seats:
        return "seats"
    return "ceiling" if use.seconds >= seats * minutes_per_seat * 60 else None


async def check(rows: Rows, settings: Settings, call: str = "") -> None:
    """Raise `DiallingError` unless one more call may go out; ``call`` (a CallSid) itself does not count.

    What is counted stays so until the transaction ends only if the organisation was locked before (`Rows.lock`).
    """
    now = datetime.now(UTC)
    longest = timedelta(minutes=settings.outbound_call_minutes) + RINGING
    use = await rows.calls.outgoing_use(since=now - DAY, live_since=now - longest, besides=call)
    reached = limit_reached(use, await _seats(rows), settings.outbound_minutes_per_seat)
    if reached is not None:
        raise DiallingError(reached)


async def _seats(rows: Rows) -> int:
    """Seats that are paid for; who came before there was anything to pay has as many as members."""
    paid = seats(rows.organisation, await rows.subscription(), ()).paid
    return len(await rows.members.all()) if paid is None else paid
