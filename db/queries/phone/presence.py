"""What members chose to be, and what their consoles proved. `web.phone.presence` says what follows from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Interval, Update, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.base import ChosenPresence
from db.models import Member, Organisation, Presence
from db.queries.phone.conferences import notify


@dataclass(frozen=True, slots=True)
class StoredPresence:
    """The row of a member, as `db.models.Presence` describes it."""

    since: datetime
    chosen: ChosenPresence = "offline"
    break_reason_id: UUID | None = None
    idle_since: datetime | None = None
    console: str | None = None
    beat_at: datetime | None = None
    registered: bool = False
    microphone: bool = False
    wrap_up_call_id: UUID | None = None
    wrap_up_until: datetime | None = None
    on_since: datetime | None = None
    switched_off_by: UUID | None = None


_NOT_WAITED_FOR = func.set_config("synchronous_commit", "off", True)
_REPEAT_HEARTBEAT = (
    update(Presence)
    .where(
        Presence.organisation_id == bindparam("of_organisation"),
        Presence.member_id == bindparam("of_member"),
        Presence.console == bindparam("same_console"),
        Presence.registered == bindparam("same_registered"),
        Presence.microphone == bindparam("same_microphone"),
        Presence.beat_at > func.clock_timestamp() - bindparam("longest_silence", type_=Interval),
        or_(
            Presence.chosen == "offline",
            Presence.on_since > func.clock_timestamp() - bindparam("longest_on", type_=Interval),
        ),
    )
    .values(beat_at=func.clock_timestamp())
    .returning(_NOT_WAITED_FOR)
    .execution_options(synchronize_session=False)
)
"""Written once: putting a statement together costs as much as sending it."""
COLUMNS = tuple(getattr(Presence, name) for name in StoredPresence.__dataclass_fields__)


class Presences:
    """The presence of the members of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def now(self) -> datetime:
        """Return the time by the database's clock, which all web processes share."""
        now: datetime = (await self._session.scalars(select(func.clock_timestamp()))).one()
        return now

    async def notify(self, by: str = "") -> None:
        """Tell all web processes but ``by``, at the commit, that something has changed which phones show."""
        await notify(self._session, self._organisation_id, by)

    async def locked(self, member_id: UUID) -> StoredPresence | None:
        """Lock the member's presence until the transaction ends; None if they are no member."""
        mine = select(*COLUMNS).where(
            Presence.organisation_id == self._organisation_id, Presence.member_id == member_id
        )
        found = (await self._session.execute(mine.with_for_update())).one_or_none()
        if found is None:
            await self._begin(member_id)
            found = (await self._session.execute(mine.with_for_update())).one_or_none()
        return None if found is None else StoredPresence(*found)

    async def store(self, member_id: UUID, stored: StoredPresence) -> None:
        """Replace a presence that is locked. ``members.available`` says the same to whoever asks only that."""
        await self.keep(member_id, stored)
        await self._set_available(member_id, stored.chosen == "available")
        await notify(self._session, self._organisation_id)

    async def keep(self, member_id: UUID, stored: StoredPresence) -> None:
        """Replace a locked presence where nobody can see a difference: another heartbeat of the same console."""
        await self._session.execute(self._of(member_id).values(**asdict(stored)))

    async def repeat_heartbeat(
        self, member_id: UUID, console: str, *, registered: bool, microphone: bool, since: timedelta, on: timedelta
    ) -> bool:
        """Note another heartbeat of the leading console, if nothing differs from the last; else return False.

        The last one must be at most ``since`` old, and the member not have been on for longer than ``on``. Most
        console heartbeats are such: so it is one statement, and the disk is not waited for, as the next one follows
        in seconds.
        """
        values = {
            "of_organisation": self._organisation_id,
            "of_member": member_id,
            "same_console": console,
            "same_registered": registered,
            "same_microphone": microphone,
            "longest_silence": since,
            "longest_on": on,
        }
        return (await self._session.execute(_REPEAT_HEARTBEAT, values)).first() is not None

    async def end(self, member_id: UUID) -> None:
        """Note that the member has signed out or was removed: nothing rings there any more."""
        there = self._of(member_id).where(Presence.chosen != "offline")
        offline = {"chosen": "offline", "break_reason_id": None, "since": func.clock_timestamp()}
        offline |= {"switched_off_by": None}
        nothing = {"on_since": None, "console": None, "beat_at": None, "registered": False, "wrap_up_until": None}
        await self._session.execute(there.values(**offline, **nothing))
        await self._set_available(member_id, False)
        await notify(self._session, self._organisation_id)

    async def left_call(self, member_id: UUID, call_id: UUID, at: datetime) -> None:
        """Note that the member has left a call in which they talked: their time for wrapping up begins."""
        stored = await self.locked(member_id)
        if stored is None:
            return
        mine = select(Organisation.wrap_up_seconds).where(Organisation.id == self._organisation_id)
        until = at + timedelta(seconds=(await self._session.scalars(mine)).one())
        wrap_up = {"wrap_up_call_id": call_id, "wrap_up_until": until, "idle_since": at}
        await self._session.execute(self._of(member_id).values(**wrap_up))

    async def _begin(self, member_id: UUID) -> None:
        """Make the first row of a member. Those whom an earlier release rang are still available."""
        member = await self._session.scalar(
            select(Member).where(
                Member.organisation_id == self._organisation_id, Member.id == member_id, Member.removed_at.is_(None)
            )
        )
        if member is None:
            return
        first = insert(Presence).values(
            member_id=member_id,
            organisation_id=self._organisation_id,
            chosen="available" if member.available else "offline",
            since=member.available_at or func.clock_timestamp(),
            on_since=member.available_at if member.available else None,
        )
        await self._session.execute(first.on_conflict_do_nothing(index_elements=[Presence.member_id]))

    async def _set_available(self, member_id: UUID, available: bool) -> None:
        changed = update(Member).where(
            Member.organisation_id == self._organisation_id,
            Member.id == member_id,
            Member.removed_at.is_(None),
            Member.available != available,
        )
        await self._session.execute(changed.values(available=available, available_at=func.clock_timestamp()))

    def _of(self, member_id: UUID) -> Update:
        return update(Presence).where(
            Presence.organisation_id == self._organisation_id, Presence.member_id == member_id
        )
