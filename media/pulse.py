"""A node's heartbeat, and whose it hears. Numbers only: no word, no call's name.

Every `PULSE_SECONDS` a node says ``node.{node}.alive`` with a `Beat`. Other nodes keep a `Roll` of who lives; `web`
starts the calls of a node anew that has been silent for some seconds (web/restarts.py). Whoever of `web` has just
come asks ``facts.wanted``, and every node says again which streams it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from media.transcript import encode
from media.wire import Wire

PULSE_SECONDS = 1.0
GONE_SECONDS = 3.5  # three beats missed, and one on its way


class Beat(msgspec.Struct, frozen=True):
    """What a node says of itself. A field that an older node does not send yet has its default."""

    calls: int = 0


_decode = msgspec.json.Decoder(Beat).decode


class Roll:
    """The other nodes that live, each with its newest beat. ``now`` is `time.monotonic`'s. Pure."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, Beat]] = {}

    def hear(self, node: str, beat: Beat, now: float) -> None:
        """``node`` lives. Who has been silent is forgotten, so that no more are kept than live."""
        self._heard = {name: (at, kept) for name, (at, kept) in self._heard.items() if now - at < GONE_SECONDS}
        self._heard[node] = (now, beat)

    def living(self, now: float) -> dict[str, Beat]:
        """Who was heard within `GONE_SECONDS`."""
        return {name: beat for name, (at, beat) in self._heard.items() if now - at < GONE_SECONDS}


class Pulse:
    """This node's heartbeat on ``wire``. ``wanted`` is called when somebody has to be told which streams are here."""

    def __init__(self, wire: Wire, node: str, wanted: Callable[[], None]) -> None:
        self.roll = Roll()
        self._wire = wire
        self._node = node
        self._wanted = wanted

    def beat(self, beat: Beat) -> None:
        """Say that we live. What could not be said now is not said later: it would be a lie by then."""
        if self._wire.is_connected:
            self._wire.offer(f"node.{self._node}.alive", encode(beat))

    async def begin(self, client: Client) -> None:
        """A connection stands: listen, and say what is here, for nobody may have heard it."""
        await client.subscribe("node.*.alive", cb=self._take_beat)
        await client.subscribe("facts.wanted", cb=self._take_wanted)
        self._wanted()

    async def _take_beat(self, message: Msg) -> None:
        try:
            beat = _decode(message.data)
        except (msgspec.DecodeError, UnicodeError):
            return
        self.roll.hear(message.subject.split(".")[1], beat, time.monotonic())

    async def _take_wanted(self, _: Msg) -> None:
        self._wanted()
