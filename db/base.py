"""What every table is built from: the base class, and the words that columns may hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase

from db.call_progress import CallStatus, Direction, Outcome, Reason
from db.public_holidays import Region

Role = Literal["owner", "admin", "supervisor", "agent"]
OrganisationStatus = Literal["incomplete", "trialing", "active", "past_due", "paused", "unpaid", "cancelled"]
Transcription = Literal["transcribing", "waiting_for_slot", "reconnecting", "silent", "failed", "ended"]
SubscriptionStatus = Literal[
    "incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"
]
"""As Stripe spells them."""
Attention = Literal["invoice_not_finalized", "invoice_to_pay", "collection_paused"]
"""Conditions of a subscription beside its status."""
EventState = Literal["received", "done", "ignored", "failed"]
OrderState = Literal[
    "held", "paid", "chosen", "bought", "configured", "routed", "assigned", "done", "failed", "releasing", "released"
]
"""`held` was picked and is not paid for yet; from `paid` on, the purchase steps own the row."""
BundleStatus = Literal[
    "draft", "pending-review", "in-review", "twilio-rejected", "twilio-approved", "provisionally-approved"
]
"""As Twilio spells them."""
Wanted = dict[str, str]
"""The wanted number: any of ``locality``, ``prefix``, ``pattern``."""


class Base(AsyncAttrs, DeclarativeBase):
    """Base of all tables. No implicit loading: a relationship that was not loaded explicitly raises."""

    # Named by convention, so that a migration can drop constraints of earlier ones.
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
        Reason: Text,
        Region: Text,
        SubscriptionStatus: Text,
        Attention: Text,
        EventState: Text,
        OrderState: Text,
        BundleStatus: Text,
    }


def one_of(column: str, values: Any) -> CheckConstraint:
    """Return a constraint: ``column`` holds one of a Literal's values."""
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def belongs(column: str, table: str) -> ForeignKeyConstraint:
    """Return a foreign key: ``column`` refers to a row of ``table`` in the same organisation."""
    return ForeignKeyConstraint(["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"])
