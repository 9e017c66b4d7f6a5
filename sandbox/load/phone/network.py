"""Twilio's side of a call: the webhooks that web gets when somebody calls, joins the room and leaves it, signed."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import uuid4

import aiohttp
from twilio.request_validator import RequestValidator

from sandbox.load.phone.figures import Figures
from web.config import Settings

_ROOM = re.compile(r"<Conference[^>]*>([0-9a-f]{32})</Conference>")


@dataclass(slots=True)
class Line:
    """One customer's call. ``room`` is its conference's name, the id of the call's row."""

    caller: str
    sid: str = field(default_factory=lambda: f"CA{uuid4().hex}")
    room: str = ""
    conference: str = field(default_factory=lambda: f"CF{uuid4().hex}")
    agent_label: str = ""
    agent_sid: str = ""
    sequence: int = 0
    due_at: float = 0.0
    """When the webhook was sent that makes it ring, by `time.perf_counter`."""


class Network:
    """Calls one number of ours, and lets its agents' softphones join."""

    def __init__(self, http: aiohttp.ClientSession, settings: Settings, number: str, figures: Figures) -> None:
        self._http = http
        self._settings = settings
        self._number = number
        self._figures = figures
        self._validator = RequestValidator(settings.twilio_auth_tokens[0].get_secret_value())

    async def call(self, rings: Callable[[Line], None]) -> Line | None:
        """Let somebody call; return once web knows that they are in their room, None if it leads them to none.

        ``rings`` is told before it may ring.
        """
        line = Line(f"+614{secrets.randbelow(10**8):08}")
        document = await self._post("/twilio/voice/inbound", self._of_customer(line, "ringing"))
        found = _ROOM.search(document)
        if found is None:
            self._figures.results["callers led elsewhere"] += 1
            return None
        line.room = found[1]
        line.due_at = time.perf_counter()
        rings(line)
        await self._event(line, "participant-join", line.sid, "customer")
        waits = {"ConferenceSid": line.conference, **self._of_customer(line, "in-progress")}
        await self._post(f"/twilio/conference/wait?sound=ringing&room={line.room}", waits)
        return line

    async def join(self, line: Line, member: str) -> None:
        """Let a member's softphone call the room of a call that they have claimed."""
        line.agent_sid, line.agent_label = f"CA{uuid4().hex}", f"agent-{member}"
        document = await self._post("/twilio/voice/outbound", {**self._of_agent(line), "room": line.room})
        if _ROOM.search(document) is None:
            self._figures.results["softphones turned away"] += 1
            return
        await self._event(line, "conference-start")
        await self._event(line, "participant-join", line.agent_sid, line.agent_label)

    async def hang_up(self, line: Line) -> None:
        """Let the customer hang up, which ends the conference for the agent, too."""
        hung_up = {"ParticipantCallStatus": "completed", "ReasonParticipantLeft": "participant_hung_up"}
        await self._event(line, "participant-leave", line.sid, "customer", **hung_up)
        dropped = {"ParticipantCallStatus": "in-progress", "ReasonParticipantLeft": "moderator_ended_conference"}
        await self._event(line, "participant-leave", line.agent_sid, line.agent_label, **dropped)
        await self._event(line, "conference-end")
        room = f"?room={line.room}"
        await self._post(f"/twilio/conference/left{room}", self._of_customer(line, "completed"))
        await self._post(f"/twilio/conference/left{room}", {**self._of_agent(line), "CallStatus": "completed"})
        await self._post("/twilio/voice/status", {**self._of_customer(line, "completed"), "CallDuration": "40"})

    def _of_customer(self, line: Line, status: str) -> dict[str, str]:
        called = {"From": line.caller, "To": self._number, "Direction": "inbound"}
        return {"CallSid": line.sid, "CallStatus": status, **called}

    def _of_agent(self, line: Line) -> dict[str, str]:
        member = line.agent_label.removeprefix("agent-")
        return {"CallSid": line.agent_sid, "From": f"client:{member}", "To": "", "CallStatus": "ringing"}

    async def _event(self, line: Line, event: str, sid: str = "", label: str = "", **more: str) -> None:
        line.sequence += 1
        form = {
            "FriendlyName": line.room,
            "ConferenceSid": line.conference,
            "StatusCallbackEvent": event,
            "SequenceNumber": str(line.sequence),
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        about = {"CallSid": sid, "ParticipantLabel": label, "Muted": "false", "Hold": "false"} if sid else {}
        await self._post(f"/twilio/conference/events?room={line.room}", {**form, **about, **more})

    async def _post(self, path: str, form: Mapping[str, str]) -> str:
        url = self._settings.web_public_url + path
        form = {"AccountSid": self._settings.twilio_account_sid, **form}
        headers = {"X-Twilio-Signature": self._validator.compute_signature(url, form)}
        began = time.perf_counter()
        async with self._http.post(url, data=form, headers=headers) as answer:
            text = await answer.text()
        self._figures.webhooks.append(time.perf_counter() - began)
        if answer.status >= 400:
            self._figures.results[f"webhooks answered {answer.status}"] += 1
        return text
