"""NATS between media nodes, and facts without words to and from `web`. Core NATS: nothing is ever stored.

A node that has consoles of an organisation *watches* it: it asks ``snapshot.{org}`` and every node answers with what
it knows of its own live calls, as the events that lead there; from then on, while the wish is renewed, the owners
publish their events on ``transcript.{org}.{call}`` as well. Nobody watching elsewhere: nothing published.

A call that moves to another node takes its words along: the new node asks ``snapshot.{call}``, and the old one, or
any that watched, answers; the old one once more when its last words have come.

NATS being away disturbs neither calls nor consoles of this node (wire.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from media.admission import Admission
from media.hub import Hub
from media.pulse import Pulse
from media.ticket import Revoked, Spent
from media.transcript import (
    CallAssigned,
    CallEnded,
    CallStarted,
    GapFound,
    LiveCall,
    StateChanged,
    Uttered,
    decode,
    encode,
    history,
)
from media.wire import Wire

BEAT_SECONDS = 5.0
SILENT_SECONDS = 40.0  # a node that says nothing of its calls for so long is gone
WATCH_SECONDS = 90.0  # a wish that is not renewed is forgotten
RENEW_SECONDS = 30.0
_MOST_ASSIGNMENTS = 2048
NOW = 1 << 62  # ms since 1970: whoever says this is newer than all who said something before
log = structlog.get_logger()


class _Assigned(msgspec.Struct):
    agent: str | None = None


class _Started(msgspec.Struct):
    at: int = 0
    again: bool = False


class _Removed(msgspec.Struct):
    at: int = 0
    """In ms since 1970; an older release of web does not say it."""


class _Watch(msgspec.Struct):
    node: str


class _Spent(msgspec.Struct):
    jti: str
    exp: float


_decode_assigned = msgspec.json.Decoder(_Assigned).decode
_decode_started = msgspec.json.Decoder(_Started, strict=False).decode  # facts are of texts
_decode_removed = msgspec.json.Decoder(_Removed).decode
_decode_spent = msgspec.json.Decoder(_Spent).decode
_BAD = (msgspec.DecodeError, UnicodeError)


class Bus:
    """This node's end of NATS. ``own_calls(org)`` answers the calls that live on this node."""

    def __init__(
        self,
        url: str,
        node: str,
        hub: Hub,
        spent: Spent,
        revoked: Revoked,
        own_calls: Callable[[str], Iterable[LiveCall]],
        moved: Callable[[str, int], None],
        announce: Callable[[], None],
        admission: Admission,
    ) -> None:
        self._node = node
        self._hub = hub
        self._spent = spent
        self._revoked = revoked
        self._own_calls = own_calls
        self._moved = moved
        self._announce = announce
        self._wire = Wire(url, self._begin, self._came_back)
        self.pulse = Pulse(self._wire, node, admission, announce)
        self.ready = self.pulse.reached  # for the first time
        self._inbox = ""
        self._wanted: dict[str, float] = {}  # organisation: until when another node watches it
        self._watched: dict[str, Subscription] = {}
        self._asked: dict[str, float] = {}
        self._assigned: dict[str, str | None] = {}
        self._heirs: dict[str, str] = {}  # call: the inbox of the node that continues it
        self._touched: dict[str, float] = {}  # call of another node: when it was last heard of
        hub.relay = self.relay

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._wire.run()

    def relay(self, org: str, call: str, event: bytes) -> None:
        """An event of this node's: other nodes get it if they watch its organisation."""
        if self._wanted and self._wanted.get(org, 0.0) > time.monotonic():
            self._wire.offer(f"transcript.{org}.{call}", event)

    def tell(self, org: str, call: str, fact: str, body: dict[str, str]) -> None:
        """A fact without words, for `web`: ``started``, ``stream``, ``lost`` or ``ended``."""
        self._wire.offer(f"call.{org}.{call}.{fact}", encode({**body, "node": self._node}))

    def hand_over(self, org: str, call: str, place: dict[str, str]) -> None:
        """Ask `web` to start this call's stream anew, on another node; ``place`` is what ``started`` said."""
        self._wire.offer(f"handover.{org}.{call}", encode({**place, "node": self._node}))

    def tell_spent(self, jti: str, exp: float) -> None:
        """A ticket was used here: it must not be used elsewhere."""
        self._wire.offer("ticket.spent", encode(_Spent(jti, exp)))

    def inherit(self, call: str) -> None:
        """This node continues ``call``: ask whoever knows its words."""
        self._ask(call, reply=True)

    def bequeath(self, org: str, call: str) -> None:
        """``call`` lives on another node and has said its last words here: send what that node may lack."""
        inbox, known = self._heirs.pop(call, ""), self._hub.find(org, call)
        if inbox and known is not None:
            self._answer(inbox, known)
        if known is not None and not self._hub.is_watched(org):
            self._hub.drop(org, call)

    def beat(self) -> None:
        """Every `BEAT_SECONDS`: say that our calls live, and give up those whose node says so no longer."""
        now = time.monotonic()
        for org in [org for org, until in self._wanted.items() if until > now]:
            for call in self._own_calls(org):
                self._wire.offer(f"transcript.{call.org}.{call.call}", encode(StateChanged(call.call, call.state)))
        for org in self._hub.watched():
            own = {call.call for call in self._own_calls(org)}
            for call in self._hub.calls_of(org):
                if call.call not in own and now - self._touched.setdefault(call.call, now) > SILENT_SECONDS:
                    self._hub.publish(org, CallEnded(call.call, "node lost"), local=False)
        self._touched = {call: at for call, at in self._touched.items() if now - at <= 2 * SILENT_SECONDS}

    def last_sign_of(self, call: str) -> float:
        """When another node last told of ``call``, in seconds since 1970; 0: never."""
        touched = self._touched.get(call)
        return time.time() - (time.monotonic() - touched) if touched is not None else 0.0

    def agent_of(self, call: str) -> str | None:
        """Who was assigned to a call that had not begun here yet."""
        return self._assigned.get(call)

    async def watch(self, org: str) -> None:
        """See an organisation's calls on other nodes too: a console of it has opened here."""
        client = self._wire.client
        if org in self._watched or client is None or not client.is_connected:
            return  # `_begin` will see to it
        self._watched[org] = await client.subscribe(f"transcript.{org}.>", cb=self._take_event)
        self._ask(org, reply=True)

    async def renew(self) -> None:
        """Every `RENEW_SECONDS`: go on watching what has consoles here, and let go of the rest."""
        for org in list(self._watched):
            if self._hub.is_watched(org):
                self._ask(org, reply=False)
            else:
                await self._unwatch(org)
        await self._watch_all()
        now = time.monotonic()
        self._wanted = {org: until for org, until in self._wanted.items() if until > now}
        self._asked = {call: until for call, until in self._asked.items() if until > now}

    async def _watch_all(self) -> None:
        for org in self._hub.watched():
            await self.watch(org)

    async def _unwatch(self, org: str) -> None:
        subscription = self._watched.pop(org)
        await subscription.unsubscribe()
        own = {call.call for call in self._own_calls(org)}
        for call in self._hub.calls_of(org):
            if call.call not in own:
                self._hub.drop(org, call.call)

    def _ask(self, of: str, *, reply: bool) -> None:
        """Ask for an organisation's calls, or one call: whoever has them answers to our inbox."""
        self._wire.offer(f"snapshot.{of}", encode(_Watch(self._node)), self._inbox if reply else "")

    async def _begin(self, client: Client) -> None:
        self._watched.clear()
        self._inbox = client.new_inbox()
        await client.subscribe("call.*.*.assigned", cb=self._take_assigned)
        await client.subscribe("call.*.*.started", cb=self._take_started)
        await client.subscribe("member.*.*.removed", cb=self._take_removed)
        await client.subscribe("snapshot.*", cb=self._take_question)
        await client.subscribe("ticket.spent", cb=self._take_spent)
        await client.subscribe(f"{self._inbox}.*", cb=self._take_answer)
        await self._watch_all()
        await self.pulse.begin(client)

    async def _came_back(self) -> None:
        for org in self._watched:
            self._ask(org, reply=True)
        self.pulse.came_back()
        self._announce()

    async def _take_assigned(self, message: Msg) -> None:
        _, org, call, _ = message.subject.split(".")
        try:
            agent = _decode_assigned(message.data).agent
        except _BAD:
            return
        self._assigned[call] = agent
        if len(self._assigned) > _MOST_ASSIGNMENTS:
            del self._assigned[next(iter(self._assigned))]
        if any(own.call == call for own in self._own_calls(org)):
            self._hub.publish(org, CallAssigned(call, agent))

    async def _take_started(self, message: Msg) -> None:
        """Another node has a stream of this call; if it was ours, and theirs is newer, it is no longer."""
        try:
            started = _decode_started(message.data)
        except _BAD:
            return
        self._moved(message.subject.split(".")[2], started.at if started.again else NOW)

    async def _take_removed(self, message: Msg) -> None:
        """A member's rights have changed: tickets from before are void, open consoles end."""
        _, org, member, _ = message.subject.split(".")
        try:
            at = _decode_removed(message.data).at / 1000
        except _BAD:
            at = 0.0
        self._revoked.revoke(org, member, at or time.time())
        self._hub.dismiss(org, member)

    async def _take_question(self, message: Msg) -> None:
        """Another node asks for an organisation's calls, or for one: answer with the events that lead there."""
        _, of = message.subject.split(".")
        self._wanted[of] = time.monotonic() + WATCH_SECONDS
        if not message.reply:
            return
        for call in self._own_calls(of):
            if call.call == of:
                self._heirs[of] = message.reply
            self._answer(message.reply, call)
        if of not in self._heirs and (mirrored := self._hub.find_call(of)) is not None:
            self._answer(message.reply, mirrored)

    def _answer(self, inbox: str, call: LiveCall) -> None:
        for event in history(call.view()):
            self._wire.offer(f"{inbox}.{call.org}", encode(event))

    async def _take_answer(self, message: Msg) -> None:
        self._apply(message.subject.rsplit(".", 1)[1], message.data)

    async def _take_event(self, message: Msg) -> None:
        _, org, call = message.subject.split(".")
        if self._hub.find(org, call) is None and b'"type":"call.started"' not in message.data[:32]:
            self._ask_once(org)
            return
        self._apply(org, message.data)

    def _ask_once(self, org: str) -> None:
        """We missed how a call began; ask, but not at every word of it."""
        now = time.monotonic()
        if self._asked.get(org, 0.0) < now:
            self._asked[org] = now + 1.0
            self._ask(org, reply=True)

    async def _take_spent(self, message: Msg) -> None:
        try:
            spent = _decode_spent(message.data)
        except _BAD:
            return
        self._spent.spend(spent.jti, spent.exp)

    def _apply(self, org: str, data: bytes) -> None:
        """An event of another node's, or of one that had this call before us."""
        try:
            event = decode(data)
        except _BAD:
            log.warning("bus event unreadable")
            return
        name = event.call.call if isinstance(event, CallStarted) else event.call
        self._touched[name] = time.monotonic()
        if any(True for _ in self._own_calls(name)) and not isinstance(event, Uttered | GapFound):
            return  # ours now: how it stood elsewhere is the past
        self._hub.publish(org, event, local=False)
