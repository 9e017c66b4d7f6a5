"""One look at an organisation's phone in the database, for everybody who is shown or rung there.

What has not changed since the last look is remembered: who calls, on which line, and their earlier calls; rooms, by
their version; names. It is all encrypted, and reading it again at every change would cost the most by far. What an
admin has chosen is read again once a second, and of the rest each statement counts: there are looks at every change.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from db.queries.members import Listed
from db.queries.phone.callers import Known
from db.queries.phone.conferences import Glance
from db.queries.phone.offers import Offer
from db.queries.phone.presence import StoredPresence
from web.conferences.machine.room import Room, from_json
from web.phone.board import BoardSettings, Facts, Person
from web.request.access import Rows

SETTINGS_SECONDS = 1.0


class Looks:
    """The looks at one organisation, one at a time."""

    def __init__(self) -> None:
        self._known: dict[UUID, Known] = {}
        self._rooms: dict[UUID, tuple[int, Room]] = {}
        """By call, with the version that was read."""
        self._names: dict[bytes, str] = {}
        """Of members, by what is stored."""
        self._settings: BoardSettings | None = None
        self._settings_at = 0.0

    async def facts(self, rows: Rows, now: datetime) -> Facts:
        """Return what the board is made from, as ``rows`` show it ``now``."""
        glances = await rows.conferences.glance()
        live = await self._live(rows, glances)
        roster = await self._roster(rows)
        people = {each.id: _person(each) for each in roster}
        await self._learn(rows, live.keys() | _wrapped_up(people.values(), now))
        unanswered = [call for call, room in live.items() if room.rings or room.wants_target]
        offers = await rows.offers.open_or_of(unanswered)
        return Facts(
            now=now,
            people=people,
            rooms=live,
            calls=glances,
            known=dict(self._known),
            offers=[each for each in offers if each.ended_at is None],
            rung=_by_call(offers),
            settings=await self._chosen(rows),
            notes_on=rows.organisation.notes_on,
            watchers_shown=rows.organisation.watchers_shown,
        )

    async def _live(self, rows: Rows, glances: Mapping[UUID, Glance]) -> dict[UUID, Room]:
        """Return the rooms that are not over, the oldest first. Only those that have changed are read."""
        kept = {
            call: known
            for call, known in self._rooms.items()
            if call in glances and glances[call].version == known[0]
        }
        for call, (version, state) in (await rows.conferences.states(glances.keys() - kept.keys())).items():
            kept[call] = version, from_json(state)
        self._rooms = kept
        return {call: kept[call][1] for call in glances if call in kept and not kept[call][1].is_over}

    async def _roster(self, rows: Rows) -> Sequence[Listed]:
        roster = await rows.members.roster(self._names)
        self._names = {each.sealed: each.name for each in roster}
        return roster

    async def _chosen(self, rows: Rows) -> BoardSettings:
        began = time.monotonic()
        if self._settings is None or began - self._settings_at >= SETTINGS_SECONDS:
            plans, groups = await rows.plans.all(), await rows.groups.all()
            self._settings, self._settings_at = BoardSettings(groups, await rows.choices.all(), plans), began
        return self._settings

    async def _learn(self, rows: Rows, calls: set[UUID]) -> None:
        """Remember what is known of these calls, and forget others."""
        self._known = {call: known for call, known in self._known.items() if call in calls}
        for known in await rows.callers.of(calls - self._known.keys()):
            self._known[known.call.id] = known


def _person(member: Listed) -> Person:
    return Person(member.id, member.name, member.role, member.presence or StoredPresence(member.created_at))


def _wrapped_up(people: Iterable[Person], now: datetime) -> set[UUID]:
    """Return the calls that somebody wraps up."""
    standings = [person.presence for person in people]
    return {
        each.wrap_up_call_id
        for each in standings
        if each.wrap_up_call_id is not None and each.wrap_up_until is not None and each.wrap_up_until > now
    }


def _by_call(offers: Sequence[Offer]) -> Mapping[UUID, Sequence[Offer]]:
    found: defaultdict[UUID, list[Offer]] = defaultdict(list)
    for offer in offers:
        found[offer.call].append(offer)
    return found
