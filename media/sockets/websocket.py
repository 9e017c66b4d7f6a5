"""What both kinds of socket share: complete texts out of WebSocket frames, and an orderly close.

picows calls `on_ws_frame` for every frame, synchronously. A text may come in several frames; its size is limited,
more tightly until the peer is admitted. No error may leave these methods: picows would log it and drop the socket
without a close code.

picows creates a listener for a request that it may still refuse, and does not report the refusal: so a listener is
registered only in `connected`.
"""

from __future__ import annotations

import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from media.sockets.acceptor import CURRENT, LARGEST_FRAME

MAX_BYTES_UNADMITTED = 4 * 1024  # of one text: Twilio's `start` and a console's ticket have about 1 kB
_TOO_BIG = 1009
_TEXT = WSMsgType.TEXT
log = structlog.get_logger()


class WebSocket(WSListener):
    """The server's end of one WebSocket. Subclasses handle texts."""

    def __init__(self) -> None:
        self.transport: WSTransport | None = None
        self.is_admitted = False
        self._connection = CURRENT.get()
        self._pieces = bytearray()

    def admit(self) -> None:
        """Accept larger texts and stop counting the connection as unadmitted: its ticket is valid."""
        self.is_admitted = True
        if self._connection is not None:
            self._connection.admitted()

    def connected(self) -> None:
        """Do what follows the handshake. Does nothing unless overridden, like the other events below."""

    def on_text(self, text: memoryview | bytes) -> None:
        """Handle a complete text."""
        raise NotImplementedError

    def on_binary(self) -> None:
        """Handle a binary frame; neither kind of peer sends any."""

    def disconnected(self) -> None:
        """Handle the end of the socket, whatever its reason."""

    def tick(self, now: float) -> None:
        """Do what is due once a second; ``now`` in seconds of `time.monotonic`."""

    def close(self, code: int, reason: str = "") -> None:
        """Close with ``code``; ignore what arrives from now on."""
        transport, self.transport = self.transport, None
        if transport is not None and not transport.is_disconnected:
            transport.send_close(code, reason.encode())  # type: ignore[arg-type]  # any int will do
            transport.disconnect()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.connected()

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002
        self.transport = None
        self.disconnected()

    def pause_writing(self) -> None:
        """Do nothing: `send` of a console looks at the buffer itself. Without this picows would log a warning."""

    def resume_writing(self) -> None:
        """Do nothing, for the same reason as `pause_writing`."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.transport is None:
            return
        try:
            if not self.is_admitted and frame.payload_size + len(self._pieces) > MAX_BYTES_UNADMITTED:
                self.close(_TOO_BIG)
            elif frame.msg_type == _TEXT and frame.fin:
                self.on_text(frame.get_payload_as_memoryview())
            else:
                self._on_frame(transport, frame)
        except Exception:
            log.exception("socket failed", kind=type(self).__name__)
            self.close(1011)

    def _on_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self.transport = None
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind == WSMsgType.BINARY:
            self.on_binary()
        elif kind in (_TEXT, WSMsgType.CONTINUATION):
            self._join(frame)

    def _join(self, frame: WSFrame) -> None:
        self._pieces += frame.get_payload_as_memoryview()
        if len(self._pieces) > LARGEST_FRAME:
            self.close(_TOO_BIG)
        elif frame.fin:
            text, self._pieces = bytes(self._pieces), bytearray()
            self.on_text(text)
