"""Who watched whom, in the audit log and beside the call: never what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from db.queries.log.call_moments import Moment
from web.conferences.machine.room import SupervisorMode
from web.conferences.rooms import Change
from web.request.access import Rows, Viewer

Watched = Literal["listened", "whispered", "barged_in", "took_over", "ended_call", "opened_transcript"]
MODES: Mapping[SupervisorMode, Watched] = {
    "listen": "listened",
    "whisper": "whispered",
    "barge": "barged_in",
    "take_over": "took_over",
}


async def record(rows: Rows, viewer: Viewer, what: Watched, change: Change) -> None:
    """Write down that the viewer did it in the call, and whose call it was."""
    await record_call(rows, viewer, what, change.call_sid, change.before.agent)


async def record_call(rows: Rows, viewer: Viewer, what: Watched, call_sid: str, agent: UUID | None) -> None:
    """Write down that the viewer did it in a call of ``agent``, who is None if not known."""
    member = None if agent is None else await rows.members.get(agent)
    details = {"call": call_sid, "agent": None if member is None else member.name}
    await rows.audit.record(f"watching.{what}", details)
    await rows.moments.note_of(call_sid, Moment(await rows.presence.now(), "watched", viewer.member_id, what))
