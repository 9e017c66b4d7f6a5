"""An organisation's phrase rules, where they fired, and what had to be said and was not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Select, Subquery, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Call, PhraseHit, PhraseRuleRow, UnsaidPhrase
from protocol.messages import PhraseReport
from protocol.phrases import PhraseRule

_decode = msgspec.json.Decoder(PhraseRule).decode


@dataclass(frozen=True, slots=True)
class Kept:
    """A rule as it is kept; ``hits``: how often it fired in calls that are in the call log.

    ``unsaid``: in how many of these calls it had to be said, and was not.
    """

    id: UUID
    rule: PhraseRule
    is_on: bool
    hits: int
    unsaid: int


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fired in a call, by one speaker: how often, and the first time."""

    name: str
    must_say: bool
    speaker: str
    at: datetime
    times: int


class PhraseRuleRows:
    """The phrase rules of one organisation."""

    def __init__(self, session: AsyncSession, organisation_id: UUID) -> None:
        self._session = session
        self._organisation_id = organisation_id

    async def all(self) -> Sequence[Kept]:
        """Return the rules, drafts as well, by name."""
        hits, unsaid = self._counts(PhraseHit), self._counts(UnsaidPhrase)
        rows = await self._session.execute(
            select(PhraseRuleRow, func.coalesce(hits.c.times, 0), func.coalesce(unsaid.c.times, 0))
            .outerjoin(hits, hits.c.rule_id == PhraseRuleRow.id)
            .outerjoin(unsaid, unsaid.c.rule_id == PhraseRuleRow.id)
            .where(PhraseRuleRow.organisation_id == self._organisation_id, PhraseRuleRow.removed_at.is_(None))
        )
        kept = [Kept(row.id, _decode(row.definition), row.is_on, *counts) for row, *counts in rows]
        return sorted(kept, key=lambda each: (each.rule.name.lower(), each.id))

    async def on(self) -> list[PhraseRule]:
        """Return the rules that are on."""
        rows = await self._session.scalars(
            select(PhraseRuleRow).where(
                PhraseRuleRow.organisation_id == self._organisation_id,
                PhraseRuleRow.removed_at.is_(None),
                PhraseRuleRow.is_on,
            )
        )
        return [_decode(row.definition) for row in rows]

    async def save(self, rule: PhraseRule, *, is_on: bool) -> PhraseRule:
        """Keep ``rule``: a new one if its id is empty. Return it with its id. Raise KeyError if there is no such."""
        if not rule.id:
            rule = msgspec.structs.replace(rule, id=str(uuid4()))
            row = PhraseRuleRow(id=UUID(rule.id), organisation_id=self._organisation_id)
            self._session.add(row)
        else:
            row = await self._row(UUID(rule.id))
        row.definition, row.is_on = msgspec.json.encode(rule).decode(), is_on
        await self._session.flush()
        return rule

    async def remove(self, rule_id: UUID) -> PhraseRule:
        """Remove a rule; calls in which it fired still name it. Raise KeyError if there is no such."""
        row = await self._row(rule_id)
        row.removed_at, row.is_on = datetime.now(UTC), False
        await self._session.flush()
        return _decode(row.definition)

    async def note_hit(self, call_sid: str, report: PhraseReport) -> None:
        """Note that a rule fired in a call. What names no rule or call of the organisation is ignored."""
        call_id = await self._session.scalar(self._call(call_sid))
        try:
            rule_id = (await self._row(UUID(report.rule), removed=True)).id
        except (KeyError, ValueError):
            return
        if call_id is None:
            return
        hit = insert(PhraseHit).values(
            call_id=call_id,
            rule_id=rule_id,
            at=datetime.fromtimestamp(report.at / 1000, UTC),
            organisation_id=self._organisation_id,
            speaker=report.speaker,
        )
        await self._session.execute(hit.on_conflict_do_nothing())  # every web process is told
        row = UnsaidPhrase  # should the report have come late
        mine = row.organisation_id == self._organisation_id
        await self._session.execute(delete(row).where(mine, row.call_id == call_id, row.rule_id == rule_id))

    async def note_unsaid(self, call_sid: str) -> None:
        """Note what of that which must be said was not heard in a call whose words have just ended. Repeatable.

        Of a call that nobody answered, or that was not transcribed to its end, nothing is: it may have been said.
        """
        heard = self._call(call_sid).where(
            Call.answered_at.is_not(None), Call.transcription == "ended", Call.words_stopped_at.is_(None)
        )
        call_id = await self._session.scalar(heard)
        if call_id is None:
            return
        hit = PhraseHit
        mine = select(hit.rule_id).where(hit.organisation_id == self._organisation_id, hit.call_id == call_id)
        said = set(await self._session.scalars(mine))
        due = [UUID(rule.id) for rule in await self.on() if rule.must_say]
        rows = [
            {"call_id": call_id, "rule_id": rule_id, "organisation_id": self._organisation_id}
            for rule_id in due
            if rule_id not in said
        ]
        if rows:
            await self._session.execute(insert(UnsaidPhrase).values(rows).on_conflict_do_nothing())

    async def fired_in(self, calls: Collection[UUID]) -> Mapping[UUID, Sequence[Fired]]:
        """Return what fired in each of these calls, in the order of time; removed rules as well."""
        hit = PhraseHit
        found = await self._session.execute(
            select(hit.call_id, hit.rule_id, hit.speaker, func.min(hit.at), func.count())
            .where(hit.organisation_id == self._organisation_id, hit.call_id.in_(calls))
            .group_by(hit.call_id, hit.rule_id, hit.speaker)
            .order_by(func.min(hit.at), hit.rule_id, hit.speaker)
        )
        rows = found.all()
        rules = await self._named({rule_id for _, rule_id, *_ in rows})
        fired: dict[UUID, list[Fired]] = {}
        for call_id, rule_id, speaker, at, times in rows:
            rule = rules[rule_id]
            fired.setdefault(call_id, []).append(Fired(rule.name, rule.must_say, speaker, at, times))
        return fired

    async def unsaid_in(self, calls: Collection[UUID]) -> Mapping[UUID, Sequence[str]]:
        """Return the names of what had to be said and was not, in each of these calls; removed rules as well."""
        row = UnsaidPhrase
        mine = row.organisation_id == self._organisation_id
        rows = (
            await self._session.execute(select(row.call_id, row.rule_id).where(mine, row.call_id.in_(calls)))
        ).all()
        rules = await self._named({rule_id for _, rule_id in rows})
        unsaid: dict[UUID, list[str]] = {}
        for call_id, rule_id in rows:
            unsaid.setdefault(call_id, []).append(rules[rule_id].name)
        return {call_id: sorted(names, key=str.casefold) for call_id, names in unsaid.items()}

    def _counts(self, row: type[PhraseHit | UnsaidPhrase]) -> Subquery:
        """Return how many rows there are of each rule."""
        mine = row.organisation_id == self._organisation_id
        return select(row.rule_id, func.count().label("times")).where(mine).group_by(row.rule_id).subquery()

    def _call(self, call_sid: str) -> Select[UUID]:
        return select(Call.id).where(Call.organisation_id == self._organisation_id, Call.call_sid == call_sid)

    async def _named(self, rule_ids: Collection[UUID]) -> Mapping[UUID, PhraseRule]:
        if not rule_ids:
            return {}
        rows = await self._session.execute(
            select(PhraseRuleRow.id, PhraseRuleRow.definition).where(
                PhraseRuleRow.organisation_id == self._organisation_id, PhraseRuleRow.id.in_(rule_ids)
            )
        )
        return {rule_id: _decode(definition) for rule_id, definition in rows}

    async def _row(self, rule_id: UUID, *, removed: bool = False) -> PhraseRuleRow:
        one = select(PhraseRuleRow).where(
            PhraseRuleRow.organisation_id == self._organisation_id, PhraseRuleRow.id == rule_id
        )
        row = await self._session.scalar(one if removed else one.where(PhraseRuleRow.removed_at.is_(None)))
        if row is None:
            raise KeyError(rule_id)
        return row
