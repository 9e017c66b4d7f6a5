"""What every table is built from: the base class, and the words that columns may hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase

from db.queries.call_progress import CallStatus, Direction, Outcome

Role = Literal["owner", "admin", "supervisor", "agent"]
OrganisationStatus = Literal["incomplete", "trialing", "active", "past_due", "paused", "unpaid", "cancelled"]
Transcription = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed", "ended"]
SubscriptionStatus = Literal[
    "incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"
]
"""As Stripe spells them."""
Attention = Literal["invoice_not_finalized", "invoice_to_pay", "collection_paused"]
"""What may be the matter with a subscription besides its status."""
EventState = Literal["received", "done", "ignored", "failed"]
OrderState = Literal[
    "held", "paid", "chosen", "bought", "configured", "routed", "assigned", "done", "failed", "releasing", "released"
]
"""`held` was picked and is not paid for yet; from `paid` on the purchase saga owns the row."""
BundleStatus = Literal[
    "draft", "pending-review", "in-review", "twilio-rejected", "twilio-approved", "provisionally-approved"
]
"""As Twilio spells them."""
Wanted = dict[str, str]
"""What number somebody would like: any of ``locality``, ``prefix``, ``pattern``."""


class Base(AsyncAttrs, DeclarativeBase):
    """Nothing is loaded behind the reader's back: a relationship that was not asked for raises."""

    # Named by rule, so that a migration can drop what another one made.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own form)
        str: Text,
        bytes: LargeBinary,
        UUID: Uuid,
        datetime: DateTime(timezone=True),
        Wanted: JSONB,
        Role: Text,
        OrganisationStatus: Text,
        Transcription: Text,
        CallStatus: Text,
        Direction: Text,
        Outcome: Text,
        SubscriptionStatus: Text,
        Attention: Text,
        EventState: Text,
        OrderState: Text,
        BundleStatus: Text,
    }


def one_of(column: str, values: Any) -> CheckConstraint:
    """``column`` holds one of the words of a Literal."""
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def belongs(column: str, table: str) -> ForeignKeyConstraint:
    """``column`` names a row of ``table`` that belongs to the same organisation as this row."""
    return ForeignKeyConstraint(["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"])
