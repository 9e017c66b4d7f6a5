"""How a Media Stream is started: the same stream, asked for in TwiML or by Twilio's REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from twilio.twiml.voice_response import Start, Stream

from protocol.tickets import Direction, sign_stream
from provisioning.twilio import webhook_url
from web.config import Settings

NAME = "bilby"
"""Of the first stream of a call; names are unique in their call, and stop the stream."""
_TRACK = "both_tracks"
_TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class StreamStart:
    """A stream to media at ``url`` (``wss``), which ``ticket`` opens. Twilio reports it to web at ``origin``."""

    url: str
    ticket: str
    origin: str
    name: str = NAME

    def verb(self) -> Start:
        """Return the TwiML verb."""
        start, noun = Start(), Stream(name=self.name, url=self.url, track=_TRACK, status_callback=self._reported)
        noun.parameter(name=_TICKET, value=self.ticket)
        start.append(noun)
        return start

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``calls(…).streams.create``."""
        return {
            "url": self.url,
            "name": self.name,
            "track": _TRACK,
            "status_callback": self._reported,
            "parameter1_name": _TICKET,
            "parameter1_value": self.ticket,
        }

    @property
    def _reported(self) -> str:
        return webhook_url.reported(self.origin + webhook_url.STREAM_STATUS)


def stream_start(
    settings: Settings,
    *,
    org: UUID,
    call: str,
    direction: Direction,
    agent: UUID | None,
    began: int | None = None,
    name: str = NAME,
) -> StreamStart:
    """Return a stream of ``call``, with a new ticket. ``began``: start of the call's first stream (ms since 1970)."""
    ticket = sign_stream(
        settings.stream_shared_secret.get_secret_value(),
        org=str(org),
        call=call,
        direction=direction,
        agent=None if agent is None else str(agent),
        began=began,
    )
    return StreamStart(f"{settings.media_public_url}/twilio/stream", ticket, settings.web_public_url, name)
