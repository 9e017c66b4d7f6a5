"""What every table is built from: the base class, and the words that columns may hold."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    MetaData,
    Text,
    Uuid,
    any_,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncAttrs
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute

from db.call_progress import CallStatus, Direction, Outcome, Reason

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
LegRole = Literal["customer", "agent", "outside", "supervisor"]
"""Whose phone a leg is; `outside` is a third party's number."""
OfferKind = Literal["call", "transfer", "consult"]
OfferResult = Literal["claimed", "taken", "declined", "timeout", "withdrawn"]
"""How an offer of a call to a member ended; `taken`: by another member."""
MomentKind = Literal["held", "resumed", "transfer", "transferred", "transfer_failed", "watched", "words"]
"""What happened in a call, beside its legs and offers."""
OperatorRole = Literal["observer", "operator"]
"""Of who runs the installation: an `observer` looks, an `operator` may suspend organisations, too."""
ChosenPresence = Literal["available", "break", "offline"]
"""What a member chose; whether that is so is `web.phone.presence`'s to say."""
Listening = Literal["off", "prompt", "tone", "words"]
Region = Literal["ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"]
"""Of Australia: whose public holidays a number keeps."""
CountSplit = Literal["hour", "line", "agent"]
"""What calls of a day are counted by."""
DeliveryState = Literal["waiting", "delivered", "failed"]
SwitchedOff = Literal["member", "failing", "gone"]
"""Why nothing is sent to a webhook endpoint: a member said so, it failed for days, or it answered that it is gone."""
ChoiceKind = Literal["break", "outcome", "tag"]
ClosureState = Literal["waiting", "ending", "releasing", "erasing"]
"""How far the closing of an organisation is: it can be taken back while `waiting`."""
RingStrategy = Literal["longest_idle", "all", "fixed"]
WaitingSound = Literal["ringing", "music", "position"]
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
        LegRole: Text,
        MomentKind: Text,
        OfferKind: Text,
        OfferResult: Text,
        OperatorRole: Text,
        ChosenPresence: Text,
        Listening: Text,
        ChoiceKind: Text,
        ClosureState: Text,
        CountSplit: Text,
        DeliveryState: Text,
        SwitchedOff: Text,
        RingStrategy: Text,
        WaitingSound: Text,
    }


def one_of(column: str, values: Any) -> CheckConstraint:
    """Return a constraint: ``column`` holds one of a Literal's values."""
    listed = ", ".join(f"'{value}'" for value in get_args(values))
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def belongs(column: str, table: str, *, cascades: bool = False) -> ForeignKeyConstraint:
    """Return a foreign key: ``column`` refers to a row of ``table`` in the same organisation.

    ``cascades``: the row is deleted with the one that it refers to.
    """
    columns = ["organisation_id", column], [f"{table}.organisation_id", f"{table}.id"]
    return ForeignKeyConstraint(*columns, ondelete="CASCADE" if cascades else None)


def among(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that ``column`` is among ``values``, as one array: the same statement however many.

    With ``in_`` every number of values is another statement, which Postgres has to parse and plan again.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))
