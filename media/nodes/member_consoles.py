"""How many consoles a member has, on all nodes together. Whoever has too many loses the oldest.

Two seconds after a console has opened (its page may replace another by it, and has closed that one by then), its node
publishes on ``ticket.consoles`` when each of the member's consoles there was opened, and every node that has consoles
of the member answers with its own. Each node then closes those of its consoles that are not among the member's
newest. All compare the same values, so they agree without a leader, and an answer that is missing closes too few and
never too many.

So there are messages when a console opens and none while it is open. Without NATS a node counts its own consoles;
every console is replaced within ten minutes, so the others count again soon after NATS is back.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from nats.aio.client import Client
from nats.aio.msg import Msg

from protocol.messages import CONSOLES, OpenedConsoles
from protocol.nats import NatsConnection

Member = tuple[str, str]
"""An organisation and its member."""


class MemberConsole(Protocol):
    """A console of a member, as nodes count it."""

    org: str
    member: str

    def displace(self) -> None: ...


class MemberConsoles:
    """This node's consoles by member, and how many the other nodes have. At most ``most`` of a member stay open."""

    def __init__(self, connection: NatsConnection, node: str, most: int, settle_seconds: float) -> None:
        self._connection = connection
        self._node = node
        self._most = most
        self._settle_seconds = settle_seconds
        self._here: dict[Member, dict[MemberConsole, float]] = {}
        self._elsewhere: dict[Member, dict[str, list[float]]] = {}  # by node; only of members who are here, too
        connection.attach(subscribe=self._subscribe)

    async def _subscribe(self, client: Client) -> None:
        await client.subscribe(CONSOLES.all, cb=self._on_opened)

    def opened(self, console: MemberConsole) -> None:
        """Count ``console``, which has just been admitted."""
        member = (console.org, console.member)
        self._here.setdefault(member, {})[console] = time.time()
        asyncio.get_running_loop().call_later(self._settle_seconds, self._ask, member, console)

    def closed(self, console: MemberConsole) -> None:
        """Count ``console`` no longer."""
        member = (console.org, console.member)
        here = self._here.get(member, {})
        here.pop(console, None)
        if not here:
            self._here.pop(member, None)
            self._elsewhere.pop(member, None)

    def _ask(self, member: Member, console: MemberConsole) -> None:
        """Ask the other nodes how many consoles ``member`` has, unless ``console`` has closed already."""
        if console not in self._here.get(member, {}):
            return
        self._elsewhere[member] = {}
        self._publish(member, is_answer=False)
        self._displace_oldest(member)

    async def _on_opened(self, message: Msg) -> None:
        opened = CONSOLES.read(message.data)
        if opened is None:
            return
        member = (opened.org, opened.member)
        if member not in self._here:
            return
        if not opened.is_answer:
            self._elsewhere[member] = {}  # what was said before is out of date; everybody answers this one
            self._publish(member, is_answer=True)
        self._elsewhere.setdefault(member, {})[opened.node] = opened.at
        self._displace_oldest(member)

    def _publish(self, member: Member, *, is_answer: bool) -> None:
        opened = OpenedConsoles(self._node, *member, list(self._here[member].values()), is_answer)
        self._connection.publish_now_or_never(CONSOLES.to(), CONSOLES.write(opened))

    def _displace_oldest(self, member: Member) -> None:
        here = self._here[member]
        everywhere = [(at, self._node) for at in here.values()]
        everywhere += [(at, node) for node, opened in self._elsewhere.get(member, {}).items() for at in opened]
        excess = sorted(everywhere)[: -self._most]
        ours = sum(node == self._node for _, node in excess)
        for console in sorted(here, key=lambda each: here[each])[:ours]:
            console.displace()
