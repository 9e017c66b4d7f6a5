"""The columns of a call that only the call log's filters use: how long its parts took, and its number's parts.

Whatever changes a call keeps them true. Calls of the release before have none of them: `fill` adds them.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from db.encryption import Keyring, keyring_of
from db.models import TO_FILL, Call, CallTag
from db.queries.log.call_times import band, times
from db.queries.log.number_parts import keys


def store_times(call: Call) -> None:
    """Keep how long the parts of ``call`` took beside what says so."""
    held, ended_at = call.held_s or 0, call.ended_at
    if ended_at is None and call.outcome is not None:
        ended_at = call.heard_at
    if call.on_hold and ended_at is not None and call.hold_changed_at is not None:
        held += max(0, int((ended_at - call.hold_changed_at).total_seconds()))
    took = times(
        started_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=ended_at,
        duration_s=call.duration_s,
        held_s=held,
    )
    call.wait_s, call.wait_band = took.wait_s, None if took.wait_s is None else band(took.wait_s)
    call.length_s, call.length_band = took.length_s, None if took.length_s is None else band(took.length_s)
    call.talk_s = took.talk_s


def store_parts(call: Call, keyring: Keyring) -> None:
    """Keep what finds ``call`` by a part of its customer's number."""
    for name, value in asdict(keys(keyring, call.customer)).items():
        setattr(call, name, value)


async def fill(session: AsyncSession, most: int) -> int:
    """Add what calls and tags of an earlier release lack, to ``most`` of each; return how many that were."""
    lacking = select(Call).where(text(TO_FILL)).limit(most).with_for_update(skip_locked=True, key_share=True)
    calls = (await session.scalars(lacking)).all()
    for call in calls:
        if call.customer_hash is not None:
            store_parts(call, keyring_of(session))
        if call.outcome is not None:
            store_times(call)
    tags = select(CallTag.call_id, CallTag.choice_id).where(CallTag.started_at.is_(None)).limit(most).subquery()
    filled = await session.execute(
        update(CallTag)
        .where(CallTag.call_id == tags.c.call_id, CallTag.choice_id == tags.c.choice_id, Call.id == CallTag.call_id)
        .values(started_at=Call.started_at)
        .returning(CallTag.call_id)
        .execution_options(synchronize_session=False)
    )
    return len(calls) + len(filled.all())
