"""How a Media Stream is started: the same stream, asked for in TwiML or by Twilio's REST API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from twilio.twiml.voice_response import Start, Stream

from db.queries.words.hearings import NumberHearing
from protocol.tickets import Direction, StreamLeg, sign_stream, sign_vocabulary
from provisioning.twilio import webhook_url
from web.config import Settings

NAME = "bilby"
"""Of the first stream of a call; names are unique in their call, and stop the stream."""
_TRACK = "both_tracks"
_TICKET, _VOCABULARY = "ticket", "vocabulary"


@dataclass(frozen=True, slots=True)
class StreamStart:
    """A stream to media at ``url`` (``wss``), which ``ticket`` opens. Twilio reports it to web at ``origin``.

    ``vocabulary``: the ticket that names a custom vocabulary, in a parameter of its own, as Twilio limits each.
    """

    url: str
    ticket: str
    origin: str
    name: str = NAME
    vocabulary: str | None = None

    def verb(self) -> Start:
        """Return the TwiML verb."""
        start, noun = Start(), Stream(name=self.name, url=self.url, track=_TRACK, status_callback=self._reported)
        for name, value in self._parameters:
            noun.parameter(name=name, value=value)
        start.append(noun)
        return start

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``calls(…).streams.create``."""
        parameters: dict[str, Any] = {}
        for number, (name, value) in enumerate(self._parameters, 1):
            parameters |= {f"parameter{number}_name": name, f"parameter{number}_value": value}
        return parameters | {
            "url": self.url,
            "name": self.name,
            "track": _TRACK,
            "status_callback": self._reported,
        }

    @property
    def _parameters(self) -> list[tuple[str, str]]:
        named = [] if self.vocabulary is None else [(_VOCABULARY, self.vocabulary)]
        return [(_TICKET, self.ticket), *named]

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
    hearing: NumberHearing = NumberHearing(),  # noqa: B008 (frozen)
    began: int | None = None,
    name: str = NAME,
    on: StreamLeg | None = None,
) -> StreamStart:
    """Return a stream of ``call``, with a new ticket. ``began``: start of the call's first stream (ms since 1970).

    ``hearing``: what the call's number sets. ``on``: whose leg it hangs on; None for the leg that is usual for
    ``direction``.
    """
    secret = settings.stream_shared_secret.get_secret_value()
    ticket = sign_stream(
        secret,
        org=str(org),
        call=call,
        direction=direction,
        agent=None if agent is None else str(agent),
        began=began,
        on=on,
        language=hearing.language,
        redacts=hearing.redacts,
    )
    named = hearing.vocabulary and sign_vocabulary(secret, call=call, name=hearing.vocabulary)
    return StreamStart(f"{settings.media_public_url}/twilio/stream", ticket, settings.web_public_url, name, named)
