"""What this node asks the others for: the calls of organisations that consoles here watch, and single calls.

A request for an organisation also says that its events are wanted from now on: it is renewed as long as a console
here watches it. The answers come to `Requests.inbox`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from media.live.hub import Hub
from media.nodes.watching import PendingAnswers
from media.quota.membership import Membership
from protocol.messages import SNAPSHOT, TRANSCRIPT, Watch
from protocol.nats import NatsConnection

_QUIET_SECONDS = 1.0  # between requests for what began before we listened: each event of it would be one


class Requests:
    """Requests of ``node`` to others. ``on_event`` handles the events of organisations that are watched here."""

    def __init__(
        self,
        connection: NatsConnection,
        node: str,
        hub: Hub,
        membership: Membership,
        on_event: Callable[[Msg], Awaitable[None]],
    ) -> None:
        self.inbox = ""
        self._connection = connection
        self._node = node
        self._hub = hub
        self._membership = membership
        self._on_event = on_event
        self._watched: dict[str, Subscription] = {}
        self._pending: dict[str, PendingAnswers] = {}  # by organisation
        self._quiet_until: dict[str, float] = {}

    def begin_anew(self, client: Client) -> None:
        """Start over on a new connection: nothing is subscribed to yet."""
        self._watched.clear()
        self.inbox = client.new_inbox()

    def send(self, what: str, *, reply: bool = True, of: str = "") -> None:
        """Request an organisation's calls, or one call, of the node ``of`` or of all.

        The answers come to our inbox if ``reply``.
        """
        watch = SNAPSHOT.write(Watch(self._node, of=of))
        self._connection.publish_later(SNAPSHOT.to(what), watch, self.inbox if reply else "")

    def send_once(self, what: str) -> None:
        """Request something whose beginning we missed, but not again with each of its events."""
        now = time.monotonic()
        if self._quiet_until.get(what, 0.0) < now:
            self._quiet_until[what] = now + _QUIET_SECONDS
            self.send(what)

    def send_again(self, of: str = "") -> None:
        """Request once more what is watched here, of the node ``of`` or of all."""
        for org in self._watched:
            self.send(org, of=of)

    def is_watching(self, org: str) -> bool:
        """Return whether an organisation's calls on other nodes are known here."""
        return org in self._watched and org not in self._pending

    async def watch(self, org: str) -> None:
        """Watch an organisation. Return when all live nodes have answered, or have had the time to."""
        pending = self._pending.get(org)
        if pending is None and org not in self._watched:
            pending = self._pending[org] = PendingAnswers(set(self._membership.alive(time.monotonic())))
            try:
                if await self._subscribe(org):
                    await pending.wait()
            finally:
                pending.cancel()
                del self._pending[org]
        elif pending is not None:
            await pending.wait()

    def answered(self, org: str, node: str) -> None:
        """Note that ``node`` has sent all that it knows of an organisation."""
        if (pending := self._pending.get(org)) is not None:
            pending.answered(node)

    async def renew(self) -> list[str]:
        """Renew the request for organisations with consoles here, and end the others. Return the latter."""
        ended = []
        for org in list(self._watched):
            if self._hub.is_watched(org) or org in self._pending:
                self.send(org, reply=False)
            else:
                await self._unwatch(org)
                ended.append(org)
        now = time.monotonic()
        self._quiet_until = {what: until for what, until in self._quiet_until.items() if until > now}
        return ended

    async def watch_all(self) -> None:
        """Watch every organisation with consoles here that is not yet watched."""
        for org in self._hub.watched():
            if org not in self._watched:
                await self._subscribe(org)

    async def _subscribe(self, org: str) -> bool:
        """Subscribe to an organisation's calls on other nodes, and request them.

        Return False while NATS is away; `watch_all` then does it on the new connection.
        """
        client = self._connection.client
        if client is None or not client.is_connected:
            return False
        try:
            self._watched[org] = await client.subscribe(TRANSCRIPT.to(org, "*"), cb=self._on_event)
        except NatsError:  # the connection was just lost
            return False
        self.send(org)
        return True

    async def _unwatch(self, org: str) -> None:
        subscription = self._watched.pop(org)
        self._connection.publish_later(SNAPSHOT.to(org), SNAPSHOT.write(Watch(self._node, gone=True)))
        await subscription.unsubscribe()
