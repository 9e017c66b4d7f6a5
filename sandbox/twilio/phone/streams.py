"""The Media Streams of a leg: started by TwiML or REST, reported to their status callback.

"While Twilio is setting up the Media Stream, it immediately continues with the next TwiML instruction": starting one
only leaves a task behind, and whatever becomes of it, the call goes on.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.twilio.faults import Track
from sandbox.twilio.phone.leg import API_VERSION, Leg
from sandbox.twilio.phone.media_stream import MediaStream, Source, StreamEnd, StreamFacts
from sandbox.twilio.phone.verbs import StartStream
from sandbox.twilio.webhooks.request import Failure, Webhook

if TYPE_CHECKING:
    from sandbox.twilio.phone.exchange import Exchange

MAX_TRACKS = 4  # "you can stream up to four tracks at a time on a Call"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(eq=False, slots=True)
class CallStream:
    """A Stream resource."""

    leg: Leg
    wanted: StartStream
    media: MediaStream
    sid: str
    status: str = "in-progress"
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))

    def stop(self) -> None:
        """Let it end at the next frame."""
        self.media.stop()
        if self.status != "stopped":
            self.status, self.updated = "stopped", datetime.now(UTC)

    @property
    def live(self) -> bool:
        """Whether it still runs."""
        return self.status == "in-progress"

    def json(self) -> dict[str, Any]:
        """Return the resource as REST shows it."""
        leg = self.leg
        call = f"/{API_VERSION}/Accounts/{leg.account_sid}/Calls/{leg.sid}"
        return {
            "sid": self.sid,
            "account_sid": leg.account_sid,
            "call_sid": leg.sid,
            "name": self.wanted.name or None,
            "status": self.status,
            "date_updated": format_datetime(self.updated),
            "uri": f"{call}/Streams/{self.sid}.json",
        }


def start(exchange: Exchange, leg: Leg, wanted: StartStream) -> CallStream | Failure:
    """Begin to set up a stream; a failure is reported to the debugger as well."""
    failure = _refused(leg, wanted)
    if failure is not None:
        exchange.report(failure, leg)
        return failure
    stream = _stream(exchange, leg, wanted)
    leg.streams[stream.sid] = stream
    exchange.spawn(_run(exchange, stream))
    return stream


def hold_back(exchange: Exchange, leg: Leg) -> None:
    """Let the frames of ``leg`` come late, as they do in the field whenever a call goes on to another document."""
    for stream in leg.streams.values():
        if stream.live:
            stream.media.hold_back(exchange.random.uniform(0, exchange.settings.boundary_seconds))


def find(leg: Leg, sid_or_name: str) -> CallStream | None:
    """Return the stream of ``leg`` with that sid, or the newest with that name."""
    named = [stream for stream in leg.streams.values() if stream.wanted.name == sid_or_name]
    return leg.streams.get(sid_or_name) or (named[-1] if named and sid_or_name else None)


def _refused(leg: Leg, wanted: StartStream) -> Failure | None:
    parts = urlsplit(wanted.url)
    # On one machine there is no TLS; everywhere else "wss is the only supported protocol".
    if parts.scheme != "wss" and not (parts.scheme == "ws" and parts.hostname in _LOOPBACK):
        return Failure(31922, "Stream - WebSocket - Invalid Protocol: only wss is supported", wanted.url)
    live = [stream for stream in leg.streams.values() if stream.live]
    if wanted.name and any(stream.wanted.name == wanted.name for stream in live):
        return Failure(31900, f"Stream - the name '{wanted.name}' is in use on this call", wanted.url)
    if sum(len(stream.wanted.tracks) for stream in live) + len(wanted.tracks) > MAX_TRACKS:
        return Failure(31900, f"Stream - more than {MAX_TRACKS} tracks on this call", wanted.url)
    return None


def _stream(exchange: Exchange, leg: Leg, wanted: StartStream) -> CallStream:
    sid = f"MZ{uuid.uuid4().hex}"
    facts = StreamFacts(wanted.url, leg.account_sid, leg.sid, sid, wanted.tracks, dict(wanted.parameters))
    sources: dict[Track, Source] = {"inbound": leg.said, "outbound": leg.heard}
    media = MediaStream(facts, exchange.settings.auth_token, sources, exchange.clock, leg.faults)
    return CallStream(leg, wanted, media, sid)


async def _run(exchange: Exchange, stream: CallStream) -> None:
    connected = False

    def started() -> None:
        nonlocal connected
        connected = True
        _tell(exchange, stream, "stream-started")

    end = await stream.media.run(started)
    stream.stop()
    if end.code:
        exchange.report(Failure(end.code, end.text, stream.wanted.url), stream.leg)
        _tell(exchange, stream, "stream-error", end)
    if connected:
        _tell(exchange, stream, "stream-stopped")


def _tell(exchange: Exchange, stream: CallStream, event: str, end: StreamEnd | None = None) -> None:
    wanted, leg = stream.wanted, stream.leg
    form = {
        "AccountSid": leg.account_sid,
        "CallSid": leg.sid,
        "StreamSid": stream.sid,
        "StreamName": wanted.name or stream.sid,
        "StreamEvent": event,
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if end is not None:
        form["StreamError"] = f"{end.code}: {end.text}"
    if wanted.status_callback:
        webhook = Webhook(wanted.status_callback, wanted.status_callback_method, form)
        exchange.callbacks.send(leg.sid, webhook)
