"""What somebody typed against their second factor, a member's or an operator's: is it a code of theirs?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from db.queries.sign_in.factors import C, F, Factors
from web.people.factor import totp
from web.request.typed import bare

TOO_MANY = "Too many codes were tried. Wait a few minutes, then try again."
WRONG = "That code is wrong or was already used. Wait for the next one in your app."
NOT_SHOWN = "That is not the code that the app shows. Check your phone's clock, then try the next code."
LONGEST = 40  # characters of what is typed
Verified = Literal["app", "recovery", "wrong", "none"]
"""Of what it was a code; ``none``: they have no second factor, or it is too long for any."""


async def verify(factors: Factors[F, C], person_id: UUID, typed: str) -> Verified:
    """Return which kind of code ``typed`` is, and use it up if it is right."""
    factor = await factors.locked(person_id)
    if factor is None or factor.confirmed_at is None or len(typed) > LONGEST:
        return "none"
    step = totp.step_of(factor.secret, bare(typed), datetime.now(UTC), factor.last_step)
    if step is not None:
        factor.last_step = step
        return "app"
    return "recovery" if await factors.use_code(person_id, typed) else "wrong"


async def confirm(factors: Factors[F, C], person_id: UUID, typed: str) -> Sequence[str] | None:
    """Switch the proposed factor on if ``typed`` is a code of the app; return recovery codes, None if it is not."""
    factor = await factors.locked(person_id)
    if factor is None or len(typed) > LONGEST:
        return None
    step = totp.step_of(factor.secret, bare(typed), datetime.now(UTC), factor.last_step)
    return None if step is None else await factors.confirm(person_id, factor, step)
