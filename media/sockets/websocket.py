"""What the two kinds of socket have in common: whole texts out of WebSocket frames, and an orderly close.

picows calls `on_ws_frame` for every frame, synchronously. A text may come in several; the sum is bounded, more
tightly until the peer was admitted. Nothing that a peer sends may raise out of here: it would be logged by picows and
end the socket without a word.

picows makes a listener for a request that it may still refuse, and then tells it nothing: so a listener is known to
nobody until `connected`.
"""

from __future__ import annotations

import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from media.sockets.acceptor import CURRENT, LARGEST_FRAME

MOST_BYTES_UNADMITTED = 4 * 1024  # of one text: Twilio's `start` and a console's ticket have about 1 kB
_TOO_BIG = 1009
_TEXT = WSMsgType.TEXT
log = structlog.get_logger()


class WebSocket(WSListener):
    """A server's end of one WebSocket. Its children take texts."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None
        self.is_admitted = False
        self._connection = CURRENT.get()
        self._pieces = bytearray()

    def admit(self) -> None:
        """Its ticket was good: it may say more, and counts no longer among those who wait."""
        self.is_admitted = True
        if self._connection is not None:
            self._connection.admitted()

    def connected(self) -> None:
        """The handshake is done."""

    def take_text(self, text: memoryview | bytes) -> None:
        """A whole text has come."""
        raise NotImplementedError

    def take_binary(self) -> None:
        """A binary frame has come; nobody sends us any."""

    def gone(self) -> None:
        """The socket is closed, for whatever reason."""

    def tick(self, now: float) -> None:
        """Once a second; ``now`` in seconds of `time.monotonic`."""

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye with ``code``; nothing more is taken."""
        transport, self.transport = self.transport, None
        if transport is not None and not transport.is_disconnected:
            transport.send_close(code, reason.encode())  # type: ignore[arg-type]  # any int will do
            transport.disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.connected()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self.transport = None
        self.gone()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.transport is None:
            return
        try:
            if not self.is_admitted and frame.payload_size + len(self._pieces) > MOST_BYTES_UNADMITTED:
                self.close(_TOO_BIG)
            elif frame.msg_type == _TEXT and frame.fin:
                self.take_text(frame.get_payload_as_memoryview())
            else:
                self._take(transport, frame)
        except Exception:
            log.exception("listener failed", listener=type(self).__name__)
            self.close(1011)

    def _take(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self.transport = None
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind == WSMsgType.BINARY:
            self.take_binary()
        elif kind in (_TEXT, WSMsgType.CONTINUATION):
            self._join(frame)

    def _join(self, frame: WSFrame) -> None:
        self._pieces += frame.get_payload_as_memoryview()
        if len(self._pieces) > LARGEST_FRAME:
            self.close(_TOO_BIG)
        elif frame.fin:
            text, self._pieces = bytes(self._pieces), bytearray()
            self.take_text(text)
