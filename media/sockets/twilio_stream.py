"""Twilio's end: one Media Streams WebSocket, which sends frames. Nothing is sent back.

The handshake is authenticated by its signature; `start` must bring a ticket for the call that it names. A malformed
frame is counted and skipped, since the next one may have audio; only a flood of them closes the socket (4400).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import structlog

from media.metrics import BAD_FRAMES, REFUSED
from media.nodes.accepted_tickets import AcceptedTickets
from media.sockets.websocket import WebSocket
from media.speech.call import Call
from media.speech.calls import Calls
from media.speech.frames import FrameError, Media, Start, Stop, parse
from protocol.tickets import StreamTicket, TicketError

START_SECONDS = 5.0
IDLE_SECONDS = 60.0  # without a frame: longer than a call rings (30 s), and a call on hold may be silent that long
MAX_BAD_IN_A_ROW = 50
BAD_FLOOD, NO_TICKET, TOO_SLOW = 4400, 4401, 4408
log = structlog.get_logger()


class Streams:
    """The streams of this node, for calls of Twilio's account ``account_sid``."""

    def __init__(self, calls: Calls, tickets: AcceptedTickets, account_sid: str) -> None:
        self.calls = calls
        self.tickets = tickets
        self.account_sid = account_sid
        self._connected: set[Stream] = set()

    def __iter__(self) -> Iterator[Stream]:
        return iter(tuple(self._connected))

    def connected(self, stream: Stream) -> None:
        """Add ``stream``, which is not admitted yet."""
        self._connected.add(stream)

    def disconnected(self, stream: Stream) -> None:
        """Remove ``stream``."""
        self._connected.discard(stream)


class Stream(WebSocket):
    """One Media Streams WebSocket."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self.sid = ""
        self._streams = streams
        self._call: Call | None = None
        self._bad_in_a_row = 0
        self._last_frame_at = self._opened_at = time.monotonic()

    def on_text(self, text: memoryview | bytes) -> None:
        self._last_frame_at = time.monotonic()
        try:
            frame = parse(text)
            if type(frame) is Media:
                if self._call is None or frame.stream_sid != self.sid:
                    raise FrameError("before_start" if self._call is None else "wrong_stream")
                self._call.take(frame)
            elif type(frame) is Start:
                self._on_start(frame)
            elif type(frame) is Stop:
                self._on_stop(frame)
        except FrameError as error:
            self._on_bad_frame(error.kind)
        else:
            self._bad_in_a_row = 0

    def on_binary(self) -> None:
        self._last_frame_at = time.monotonic()
        self._on_bad_frame("binary")

    def tick(self, now: float) -> None:
        """Close a stream without a start or without frames. ``now`` in seconds of `time.monotonic`."""
        if self._call is None and now - self._opened_at >= START_SECONDS:
            self.close(TOO_SLOW, "no start")
        elif now - self._last_frame_at >= IDLE_SECONDS:
            self.close(TOO_SLOW, "nothing heard")

    def connected(self) -> None:
        self._streams.connected(self)

    def disconnected(self) -> None:
        self._streams.disconnected(self)
        call, self._call = self._call, None  # a reference to the stream must not keep the call's words alive
        if call is not None:
            call.lost(self)

    def _on_start(self, frame: Start) -> None:
        if self._call is not None:
            raise FrameError("second_start")
        try:
            ticket = self._admit(frame)
        except TicketError as error:
            REFUSED.labels("stream", "ticket").inc()
            log.warning("stream refused", stream=frame.stream_sid, why=str(error))
            self.close(NO_TICKET, "ticket refused")
            return
        self.admit()
        self.sid = frame.stream_sid
        given = frame.start.custom_parameters.get("vocabulary")
        vocabulary = self._streams.tickets.read_vocabulary(given, ticket.call)
        self._call = self._streams.calls.attach_stream(ticket, self, vocabulary)

    def _admit(self, frame: Start) -> StreamTicket:
        start = frame.start
        if frame.stream_sid != start.stream_sid:
            raise FrameError("wrong_stream")
        ticket = self._streams.tickets.read_stream(start.custom_parameters.get("ticket"))
        if start.account_sid != self._streams.account_sid:
            raise TicketError("another account")
        if ticket.call != start.call_sid:
            raise TicketError("another call")
        if self._streams.calls.are_stopped(ticket.call):
            raise TicketError("words stopped")
        self._streams.tickets.use_once(ticket)
        return ticket

    def _on_stop(self, frame: Stop) -> None:
        if self._call is None:
            raise FrameError("before_start")
        if frame.stream_sid != self.sid:
            raise FrameError("wrong_stream")
        self._call.stopped(self)
        self.close(1000)

    def _on_bad_frame(self, kind: str) -> None:
        BAD_FRAMES.labels(kind).inc()
        self._bad_in_a_row += 1
        if self._bad_in_a_row > MAX_BAD_IN_A_ROW:
            log.warning("stream closed", stream=self.sid, why="flood of bad frames", kind=kind)
            self.close(BAD_FLOOD, "too many bad frames")
