"""The telephone on the page of the telephone network: somebody with a number of their own, who speaks for real.

The page's WebSocket is ``/sandbox/telephone``. From the page: ``hello {number}`` first, then
``call {to, microphone}``, ``accept {call, microphone}``, ``reject {call}``, ``hangup {call}``,
``mute {call, muted}``, ``digits {call, digits}``. To the page: ``incoming {call, parameters}``, ``ringing {call}``,
``accept {call}``, ``cancel {call}``, ``disconnect {call}``, ``error {text}``. Sound goes both ways as
`sandbox.twilio.browser.connection` says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.twilio.browser.connection import MAX_TEXT, Connection, has_microphone, signal_of
from sandbox.twilio.pages.origin import own_origin
from sandbox.twilio.phone.exchange import EXCHANGE, Exchange
from sandbox.twilio.phone.place_call import CallingError, place_call

routes = web.RouteTableDef()
_NUMBER = re.compile(r"\+[0-9]{7,15}")


@routes.get("/sandbox/telephone")
async def telephone(request: web.Request) -> web.WebSocketResponse:
    """Serve one telephone's connection, from hello to end."""
    own_origin(request)
    socket = web.WebSocketResponse(max_msg_size=MAX_TEXT, heartbeat=20)
    await socket.prepare(request)
    exchange = request.app[EXCHANGE]
    exchange.sockets.add(socket)
    try:
        hello = await socket.receive()
        number = str(signal_of(hello.data).get("number", "")) if hello.type is WSMsgType.TEXT else ""
        if _NUMBER.fullmatch(number) and exchange.number(number) is None:
            await _Telephone(exchange, socket, number).run()
        elif not socket.closed:
            await socket.send_json({"type": "error", "text": "A telephone needs a number like +61491570006."})
            await socket.close()
    finally:
        exchange.sockets.discard(socket)
    return socket


class _Telephone(Connection):
    """A telephone that rings when its number is dialled."""

    def __init__(self, exchange: Exchange, socket: web.WebSocketResponse, number: str) -> None:
        super().__init__(exchange, socket, number)
        exchange.softphones.register(self.device)

    def obey(self, signal: Mapping[str, Any]) -> None:
        """Do what the page asks for."""
        if signal.get("type") == "call":
            self._call(str(signal.get("to", "")), microphone=has_microphone(signal))
        else:
            super().obey(signal)

    def _call(self, to: str, *, microphone: bool) -> None:
        try:
            leg = place_call(self.exchange, to=to, from_=self.device.address, caller=())
        except CallingError as error:
            self.tell({"type": "error", "text": f"{error}."})
            return
        leg.speak_live(microphone=microphone)
        self.tell({"type": "ringing", "call": leg.sid})
        self.device.hold(leg)
        self.play(leg)
