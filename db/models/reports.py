"""Counts of calls by day, and the days that must be counted again."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Index, Integer, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, CountSplit, belongs, one_of


class CallCount(Base):
    """How many calls of one day ended how, and how long they took; see `db.queries.reports`.

    The same calls three times: by the hour they began in, by line, by agent. Day and hour are the organisation's.
    """

    __tablename__ = "call_counts"
    __table_args__ = (
        one_of("split", CountSplit),
        belongs("number_id", "numbers", cascades=True),
        belongs("agent_id", "members", cascades=True),
        Index(
            "uq_call_counts_day",
            *("organisation_id", "split", "day", "hour", "number_id", "agent_id"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"))
    day: Mapped[date]
    split: Mapped[CountSplit]
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    number_id: Mapped[UUID | None]
    agent_id: Mapped[UUID | None]
    inbound: Mapped[int]
    """Calls that began, also those that go on."""
    answered: Mapped[int]
    """Inbound, by an agent or at the overflow number."""
    overflowed: Mapped[int]
    """Of these, at the overflow number."""
    missed: Mapped[int]
    caller_left: Mapped[int]
    """Of the missed, by their reason; likewise below."""
    nobody_answered: Mapped[int]
    declined: Mapped[int]
    nobody_available: Mapped[int]
    outside_hours: Mapped[int]
    outbound: Mapped[int]
    reached: Mapped[int]
    unanswered: Mapped[int]
    busy: Mapped[int]
    failed: Mapped[int]
    answer_wait_s: Mapped[int] = mapped_column(BigInteger)
    """Seconds that callers waited who were answered, all together; likewise below."""
    missed_wait_s: Mapped[int] = mapped_column(BigInteger)
    length_s: Mapped[int] = mapped_column(BigInteger)
    """Of answered and reached calls."""
    talk_s: Mapped[int] = mapped_column(BigInteger)
    held_s: Mapped[int] = mapped_column(BigInteger)
    longest_wait_s: Mapped[int]
    """Of one caller."""
    longest_s: Mapped[int]
    wait_bands: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Answered inbound calls by how long they waited: `db.queries.log.call_times.BANDS`."""
    length_bands: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Answered and reached calls by how long they lasted."""


class Recount(Base):
    """A call has changed, so its day must be counted again. Triggers write it in the transaction of the change."""

    __tablename__ = "recounts"
    __table_args__ = (Index("ix_recounts_organisation", "organisation_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"))
    at: Mapped[datetime | None]
    """When that call began, to a quarter of an hour; None: every day must be counted again."""
    noted_at: Mapped[datetime] = mapped_column(server_default=func.now())
