"""Phrase rules, and the calls in which one fired or should have. Never what was said."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, belongs
from db.encryption import Encrypted


class PhraseRuleRow(Base):
    """A phrase rule of the organisation's own. ``removed_at``: calls in which it fired still name it."""

    __tablename__ = "phrase_rules"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        Index("ix_phrase_rules_organisation_id", "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    definition: Mapped[str] = mapped_column(Encrypted)
    """`protocol.phrases.PhraseRule` as JSON."""
    is_on: Mapped[bool] = mapped_column(default=False)
    """Otherwise it is a draft, which media does not know."""
    removed_at: Mapped[datetime | None]


class PhraseHit(Base):
    """A phrase rule fired in a call: which, when and by whom. Never what was said."""

    __tablename__ = "phrase_hits"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        belongs("rule_id", "phrase_rules"),
        Index("ix_phrase_hits_rule_id", "organisation_id", "rule_id", text("at DESC")),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    speaker: Mapped[str]


class UnsaidPhrase(Base):
    """A sentence that had to be said in a call, and was not heard in it: which. Never what was said instead."""

    __tablename__ = "unsaid_phrases"
    __table_args__ = (
        belongs("call_id", "calls", cascades=True),
        belongs("rule_id", "phrase_rules"),
        Index("ix_unsaid_phrases_rule_id", "organisation_id", "rule_id"),
    )

    call_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
