"""Ask for a mail: it is sent once the transaction commits, however often a process dies meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from db.queries import mails
from provisioning.jobs import enqueue

SEND = "send_mail"
NoticeKind = Literal[
    "past_due",
    "action_required",
    "debit_failed",
    "not_finalized",
    "doubled",
    "ended",
    "soon",
    "tomorrow",
    "released",
]
ClosingKind = Literal["closing", "closing_tomorrow", "closing_stopped", "closed"]
WebhookKind = Literal["webhook_failing", "webhook_off"]
FactorChange = Literal["on", "off", "reset", "renewed", "recovered"]
"""What became of a second factor; ``renewed``: it has new recovery codes; ``recovered``: one was used."""
Kind = (
    Literal["sign_in", "sign_up", "invitation", "second_factor", "operator_link", "operator_factor"]
    | NoticeKind
    | WebhookKind
    | ClosingKind
)
"""Each has two templates of its name."""


async def put(session: AsyncSession, kind: Kind, facts: Mapping[str, str]) -> None:
    """Ask for a mail of ``kind``; ``facts`` are what its writer needs to know. They are stored encrypted."""
    mail_id = await mails.add(session, kind, facts)
    await enqueue(session, SEND, {"mail": str(mail_id)}, key=str(mail_id))
