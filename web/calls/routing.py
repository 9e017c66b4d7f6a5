"""How a caller and an agent are connected: a port. Without an adapter, by `<Dial><Client>` (`web.calls.twiml`).

The adapter is `web.conferences.routing.RoomRouting`: every call is a room that agents join. ``CALL_ROUTING`` chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from db.call_progress import CallStatus
from db.models import Call
from web.calls.callback_forms import Form
from web.calls.twiml import Transcribed
from web.request.access import Rows


@dataclass(frozen=True, slots=True)
class Admission:
    """A call's room. ``over``: the conversation has been, and nothing is to follow."""

    call_id: UUID
    asks_consent: bool = False
    """Whether the caller may press a key not to be transcribed."""
    was_in: bool = False
    """Whether the caller was in the room before: they have heard the prompt, and their stream runs."""
    over: bool = False


class Routing(Protocol):
    """Connects people in rooms."""

    async def admit(self, rows: Rows, call: Call, line: str) -> Admission:
        """Open the room of ``call``, in the transaction that records it. ``line`` is our number (E.164)."""

    def enter(self, request: web.Request, admission: Admission, stream: Transcribed | None) -> str:
        """Return the TwiML that leads the caller into their room."""

    async def softphone(self, request: web.Request, form: Form) -> str:
        """Return the TwiML for a softphone that asks for a room, or that tests its line."""

    async def ended(self, request: web.Request, organisation_id: UUID, call_id: UUID, status: CallStatus) -> None:
        """Take notice that the caller's call has ended, in Twilio's words ``status``."""


ROUTING: web.AppKey[Routing] = web.AppKey("routing")
"""Absent where ``CALL_ROUTING`` is ``dial``."""
