"""Screen calls before they begin: refuse numbers on the block list, and transcribe nobody who wishes not to be.

A refused call is rejected, not answered: nobody is rung, nothing is said that a caller could argue with, and Twilio
bills nothing, however often they call.
"""

from __future__ import annotations

from datetime import UTC, datetime

from db.call_progress import CallReport
from db.models import Call, Number
from web.request.access import Rows
from web.request.callers import customer_number


async def is_refused(rows: Rows, call: str, caller: str) -> bool:
    """Return whether a call that comes in is refused. One that was let in before goes on when Twilio asks again."""
    customer = customer_number(caller)
    if customer is None or await rows.blocked.of(customer) is None:
        return False
    known = await rows.calls.get(call)
    return known is None or known.outcome == "blocked"


async def refuse(rows: Rows, call: str, caller: str, number: Number) -> None:
    """Write a refused call into the log."""
    await rows.calls.open(
        call,
        direction="inbound",
        from_number=caller,
        to_number=number.e164,
        number_id=number.id,
        customer=customer_number(caller),
    )
    await rows.calls.report(call, CallReport("blocked", datetime.now(UTC)))


async def apply_wish(rows: Rows, call: Call, customer: str | None) -> None:
    """Opt the call out of transcription if the contact of ``customer`` (E.164) wishes not to be transcribed."""
    card = None if customer is None else (await rows.contacts.cards([customer])).get(customer)
    if card is not None and card.do_not_transcribe:
        await rows.calls.opt_out(call)
