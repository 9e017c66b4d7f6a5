"""The indexes by which the call log is searched, and the checks of `0024`, while calls are written.

A database that `0017`, `0024` and `0028` of an earlier state have given them has nothing left to do.
"""

from __future__ import annotations

from alembic import op

from db.migrations.concurrently import build_index, concurrently, drop_index

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_NEWEST = "started_at DESC, id DESC"
_UNTRANSCRIBED = "transcription IN ('failed', 'waiting_for_slot')"
_TO_FILL = "(customer_hash IS NOT NULL AND suffix_key IS NULL) OR (outcome IS NOT NULL AND wait_s IS NULL)"
_CALLS: dict[str, tuple[str, str | None]] = {
    "ix_calls_number": (f"organisation_id, number_id, {_NEWEST}", None),
    "ix_calls_outcome": (f"organisation_id, outcome, {_NEWEST}", None),
    "ix_calls_direction": (f"organisation_id, direction, {_NEWEST}", None),
    "ix_calls_length": (f"organisation_id, length_band, {_NEWEST}", None),
    "ix_calls_wait": (f"organisation_id, wait_band, {_NEWEST}", None),
    "ix_calls_result": (f"organisation_id, outcome_choice_id, {_NEWEST}", "outcome_choice_id IS NOT NULL"),
    "ix_calls_follow_up": (f"organisation_id, {_NEWEST}", "follow_up"),
    "ix_calls_source": (f"organisation_id, source, {_NEWEST}", "source IS NOT NULL"),
    "ix_calls_prefix": (f"organisation_id, prefix_key, {_NEWEST}", "prefix_key IS NOT NULL"),
    "ix_calls_long_prefix": (f"organisation_id, long_prefix_key, {_NEWEST}", "long_prefix_key IS NOT NULL"),
    "ix_calls_suffix": (f"organisation_id, suffix_key, {_NEWEST}", "suffix_key IS NOT NULL"),
    "ix_calls_longest": ("organisation_id, length_s DESC, id DESC", "length_s IS NOT NULL"),
    "ix_calls_waited": ("organisation_id, wait_s DESC, id DESC", "wait_s IS NOT NULL"),
    "ix_calls_to_fill": ("id", _TO_FILL),
    "ix_calls_gaps": (f"organisation_id, {_NEWEST}", "gaps > 0"),
    "ix_calls_words_stopped": (f"organisation_id, {_NEWEST}", "words_stopped_at IS NOT NULL"),
    "ix_calls_untranscribed": (f"organisation_id, transcription, {_NEWEST}", _UNTRANSCRIBED),
}
_TAGS: dict[str, tuple[str, str | None]] = {
    "ix_call_tags_calls": ("organisation_id, choice_id, started_at DESC, call_id DESC", None),
    "ix_call_tags_to_fill": ("call_id", "started_at IS NULL"),
}
_CHECKS = {"calls": ("status", "dial_status", "outcome"), "legs": ("status",)}


def upgrade() -> None:
    with concurrently():
        for table, indexes in (("calls", _CALLS), ("call_tags", _TAGS)):
            for name, (columns, where) in indexes.items():
                build_index(name, table, columns, where)
        drop_index("ix_calls_missed")  # ix_calls_outcome finds the same
        for table, checked in _CHECKS.items():
            for column in checked:
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{column}")


def downgrade() -> None:
    with concurrently():
        build_index("ix_calls_missed", "calls", "organisation_id, started_at DESC", "outcome = 'missed'")
        for name in (*_TAGS, *_CALLS):
            drop_index(name)
