"""What this node answers to the requests of others: the calls that it has, as the events that lead there, and copies.

Answers go to ``{inbox}.{org}``, those about other nodes' calls to ``{inbox}.{org}.copy``; the time of the call's last
audio goes to ``.heard``, and the end of a node's answers to ``.done``. Each event says by its reply subject whose
call it is, so that the events of the node that continues a call are no signs of life of the one before.
"""

from __future__ import annotations

import time

from media.live.hub import Hub
from media.live.transcript import LiveCall, encode, history
from media.nodes.last_heard import LastHeard
from media.nodes.mirrors import FRESH_SECONDS, Mirrors
from media.nodes.own_calls import OwnCalls
from media.quota.membership import Membership
from protocol.messages import Answered, HeardUntil, sender
from protocol.nats import NatsConnection


class Answers:
    """Answers of ``node`` to what other nodes ask about the calls that it knows."""

    def __init__(
        self,
        connection: NatsConnection,
        node: str,
        hub: Hub,
        calls: OwnCalls,
        membership: Membership,
        mirrors: Mirrors,
        last_heard: LastHeard,
    ) -> None:
        self._connection = connection
        self._node = node
        self._sender = sender(node)
        self._hub = hub
        self._calls = calls
        self._membership = membership
        self._mirrors = mirrors
        self._last_heard = last_heard
        self._takeover_inboxes: dict[str, str] = {}  # by call: the inbox of the node that continues it

    async def send(self, inbox: str, of: str, node: str) -> None:
        """Send ``node`` all that is known here of the organisation ``of``, or of the call."""
        for call in self._calls.of(of):
            if call.call == of:
                self._takeover_inboxes[of] = inbox
                self._send_heard(inbox, call, HeardUntil(of, self._calls.heard_until(of), exact=True))
            await self._send_history(f"{inbox}.{call.org}", call)
        for copy in self._copies(of):
            await self._send_history(f"{inbox}.{copy.org}.copy", copy)
            if copy.call == of and (alive_at := self._last_heard.alive_at(of, but=node)):
                self._send_heard(inbox, copy, HeardUntil(of, alive_at))
        self._connection.publish_later(f"{inbox}.{of}.done", encode(Answered(self._node)))

    async def send_final(self, call: str, known: LiveCall | None) -> None:
        """Send the node that continues ``call``, if one does, what is ``known`` now that the last result is here."""
        inbox = self._takeover_inboxes.pop(call, "")
        if inbox and known is not None:
            await self._send_history(f"{inbox}.{known.org}", known)

    def _copies(self, of: str) -> list[LiveCall]:
        """Return calls of other nodes to answer with: the requested call, or the kept calls of an organisation.

        Of the latter only those that are live or whose node died: a call whose end we missed must not come back.
        """
        if (known := self._hub.find_call(of)) is not None:
            return [known] if not self._calls.has(of) else []
        now = time.monotonic()
        alive = self._membership.alive(now)
        kept = ((call, self._mirrors.kept.get(call.call)) for call in self._hub.calls_of(of))
        return [
            call
            for call, keeps in kept
            if keeps is not None and (now - keeps.last_event_at < FRESH_SECONDS or keeps.owner not in alive)
        ]

    async def _send_history(self, subject: str, call: LiveCall) -> None:
        for event in history(call.view()):
            await self._connection.wait_for_room()
            self._connection.publish_later(subject, encode(event), self._sender)

    def _send_heard(self, inbox: str, call: LiveCall, heard: HeardUntil) -> None:
        self._connection.publish_later(f"{inbox}.{call.org}.heard", encode(heard))
