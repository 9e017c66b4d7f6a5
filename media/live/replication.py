"""The words of calls between media nodes: for those that watch, for the one that takes over, for one that keeps them.

A node that has consoles of an organisation *watches* it: it asks ``snapshot.{org}`` and every node answers with what
it knows of its own live calls, as the events that lead there; from then on, while the wish is renewed, the owners
publish their events on ``transcript.{org}.{call}`` as well. Nobody watching elsewhere: nothing published there.

A call that moves to another node takes its words along: the new node asks ``snapshot.{call}``, and the old one, or
any that watched or keeps it (mirrors.py), answers; the old one once more when its last words have come. Only the one
that has, or had, the call speaks for it: what others answer adds what is missing and proves nothing of its life.

Answers go to ``{inbox}.{org}``, those of others to ``{inbox}.{org}.copy``; until when the call was heard to
``.heard``, and that a node has answered all to ``.done``.
"""

from __future__ import annotations

import time

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from media.live.hub import Hub
from media.live.mirrors import FRESH_SECONDS, Mirrors
from media.live.own_calls import OwnCalls
from media.live.transcript import (
    CallEnded,
    CallStarted,
    Event,
    GapFound,
    LiveCall,
    StateChanged,
    Uttered,
    decode,
    encode,
    history,
)
from media.live.watching import Gathering, Watchers
from media.nats_connection import NatsConnection
from media.quota.membership import Membership

BEAT_SECONDS = 5.0
SILENT_SECONDS = 40.0  # a node that says nothing of its calls for so long is gone
RENEW_SECONDS = 30.0
UNTOLD_SECONDS = 1.0  # before a node died: what was heard then may not have come back as words yet
log = structlog.get_logger()


class _Watch(msgspec.Struct):
    node: str
    gone: bool = False
    """It watches no longer."""


class _Heard(msgspec.Struct):
    call: str
    at: float
    """Until when sound of it was heard, in seconds since 1970."""
    exact: bool = False
    """The node that heard it says so, and tells all its words."""


class _Done(msgspec.Struct):
    node: str


_decode_watch = msgspec.json.Decoder(_Watch).decode
_decode_heard = msgspec.json.Decoder(_Heard).decode
_decode_done = msgspec.json.Decoder(_Done).decode
_BAD = (msgspec.DecodeError, UnicodeError)


class Replication:
    """One node's part, over ``wire``. ``calls`` are those that live on this node, ``roll`` the other nodes."""

    def __init__(
        self, connection: NatsConnection, node: str, hub: Hub, calls: OwnCalls, membership: Membership
    ) -> None:
        self.mirrors = Mirrors(node)
        self._connection = connection
        self._node = node
        self._hub = hub
        self._calls = calls
        self._membership = membership
        self._inbox = ""
        self._watchers = Watchers()
        self._watched: dict[str, Subscription] = {}
        self._gathering: dict[str, Gathering] = {}  # organisation: whose answers are waited for
        self._asked: dict[str, float] = {}
        self._heirs: dict[str, str] = {}  # call: the inbox of the node that continues it
        self._heard: dict[str, _Heard] = {}  # call that moved here: until when it was heard before
        self._touched: dict[str, float] = {}  # call of another node: when it was last heard of
        hub.relay = self.relay

    async def begin(self, client: Client) -> None:
        """A connection to NATS stands: listen, and ask for what is watched here."""
        self._watched.clear()
        self._inbox = client.new_inbox()
        await client.subscribe("snapshot.*", cb=self._take_question)
        await client.subscribe(f"_INBOX.{self._node}.kept.>", cb=self._take_kept)
        await client.subscribe(f"{self._inbox}.>", cb=self._take_answer)
        await self._watch_all()

    def came_back(self) -> None:
        """NATS is there again: ask for what was missed."""
        for org in self._watched:
            self._ask(org, reply=True)

    def ended(self, org: str, call: str) -> None:
        """Another node's call is over: whoever watches is told by that node, who keeps it forgets it."""
        if self.mirrors.forget(call) and not self._is_needed(org, call):
            self._hub.drop(org, call)

    def relay(self, org: str, event: Event, encoded: bytes, *, inherited: bool = False) -> None:
        """An event of this node's: other nodes get it if they watch its organisation, or keep the call.

        ``inherited``: it was said on another node, so that nothing newer follows.
        """
        call, now = event.call.call if isinstance(event, CallStarted) else event.call, time.monotonic()
        watching = self._watchers.of(org, now)
        if watching:
            self._connection.publish_later(f"transcript.{org}.{call}", encoded)
        keeper = self.mirrors.keeper(call)
        if keeper is None or keeper in watching:
            return
        if inherited or self.mirrors.is_worth_sending(call, event, now):
            self._connection.publish_later(self.mirrors.subject(org, call), encoded)

    def keep_mirrored(self) -> None:
        """Once a second: every call of ours is kept on one more node, as long as there is one."""
        now = time.monotonic()
        for call, event in self.mirrors.renew(self._calls.all(), self._membership.alive(now), now):
            self._connection.publish_later(self.mirrors.subject(call.org, call.call), encode(event))

    def inherit(self, call: str) -> None:
        """This node continues ``call``: ask whoever knows its words."""
        self._ask(call, reply=True)

    async def bequeath(self, org: str, call: str) -> None:
        """``call`` lives on another node and has said its last words here: send what that node may lack."""
        inbox, known = self._heirs.pop(call, ""), self._hub.find(org, call)
        self._heard.pop(call, None)
        if inbox and known is not None:
            await self._answer(f"{inbox}.{org}", known)
        if known is not None and not self._is_needed(org, call):
            self._hub.drop(org, call)

    def check_liveness(self, silent_seconds: float = SILENT_SECONDS) -> None:
        """Every `BEAT_SECONDS`: say that our calls live, and give up those whose node says so no longer."""
        now = time.monotonic()
        for call in self._calls.all():
            if self._watchers.of(call.org, now):
                self._connection.publish_later(
                    f"transcript.{call.org}.{call.call}", encode(StateChanged(call.call, call.state))
                )
        for call in self._hub.all_calls():
            if not self._calls.has(call.call):
                self._judge(call, now - self._touched.setdefault(call.call, now), silent_seconds)
        self._touched = {call: at for call, at in self._touched.items() if now - at <= 2 * SILENT_SECONDS}

    def _judge(self, call: LiveCall, silent_for: float, silent_seconds: float) -> None:
        """Nothing was told of another node's ``call`` for so long: it is not live, and gone in the end."""
        if silent_for > silent_seconds:
            self.mirrors.forget(call.call)
            self._hub.publish(call.org, CallEnded(call.call, "node lost"), local=False)
        elif silent_for > FRESH_SECONDS:
            self._hub.publish(call.org, StateChanged(call.call, "reconnecting"), local=False)

    def heard_until(self, call: str) -> float:
        """Until when another node heard ``call``, and told its words, in seconds since 1970; 0: not known."""
        heard = self._heard.get(call)
        if heard is not None and heard.exact:
            return heard.at
        latest = max(self._own_sign(call), heard.at if heard is not None else 0.0)
        return max(0.0, latest - UNTOLD_SECONDS)

    def _own_sign(self, call: str) -> float:
        """When the node that had ``call`` was last heard here, in seconds since 1970; 0: never."""
        kept = self.mirrors.kept.get(call)
        latest = max(self._touched.get(call, 0.0), kept.alive_at if kept is not None else 0.0)
        return time.time() - (time.monotonic() - latest) if latest else 0.0

    def is_watching(self, org: str) -> bool:
        """Whether an organisation's calls on other nodes are known here."""
        return org in self._watched and org not in self._gathering

    async def watch(self, org: str) -> None:
        """See an organisation's calls on other nodes too: a console of it opens here.

        Returns when all that live have answered, or a moment has passed.
        """
        gathering = self._gathering.get(org)
        if gathering is None and org not in self._watched:
            gathering = self._gathering[org] = Gathering(set(self._membership.alive(time.monotonic())))
            try:
                if await self._follow(org):
                    await gathering.wait()
            finally:
                gathering.end()
                del self._gathering[org]
        elif gathering is not None:
            await gathering.wait()

    async def _follow(self, org: str) -> bool:
        """Hear of an organisation's calls on other nodes; False while NATS is away, `begin` sees to it then."""
        client = self._connection.client
        if client is None or not client.is_connected:
            return False
        try:
            self._watched[org] = await client.subscribe(f"transcript.{org}.>", cb=self._take_event)
        except NatsError:  # it has just gone
            return False
        self._ask(org, reply=True)
        return True

    async def renew(self) -> None:
        """Every `RENEW_SECONDS`: go on watching what has consoles here, and let go of the rest."""
        for org in list(self._watched):
            if self._hub.is_watched(org) or org in self._gathering:
                self._ask(org, reply=False)
            else:
                await self._unwatch(org)
        await self._watch_all()
        now = time.monotonic()
        self._watchers.prune(now)
        self.mirrors.prune({call.call for call in self._hub.all_calls()})
        self._heard = {call: heard for call, heard in self._heard.items() if self._calls.has(call)}
        self._asked = {call: until for call, until in self._asked.items() if until > now}

    async def _watch_all(self) -> None:
        for org in self._hub.watched():
            if org not in self._watched:
                await self._follow(org)

    async def _unwatch(self, org: str) -> None:
        subscription = self._watched.pop(org)
        self._connection.publish_later(f"snapshot.{org}", encode(_Watch(self._node, gone=True)))
        await subscription.unsubscribe()
        for call in self._hub.calls_of(org):
            if not self._is_needed(org, call.call):
                self._hub.drop(org, call.call)

    def _is_needed(self, org: str, call: str) -> bool:
        """Whether ``call`` is to be remembered here."""
        return self._calls.has(call) or self._hub.is_watched(org) or call in self.mirrors.kept

    def _ask(self, of: str, *, reply: bool) -> None:
        """Ask for an organisation's calls, or one call: whoever has them answers to our inbox."""
        self._connection.publish_later(f"snapshot.{of}", encode(_Watch(self._node)), self._inbox if reply else "")

    async def _take_question(self, message: Msg) -> None:
        """Another node asks for an organisation's calls, or for one: answer with the events that lead there."""
        _, of = message.subject.split(".")
        try:
            watch = _decode_watch(message.data)
        except _BAD:
            return
        if watch.gone:
            self._watchers.gone(of, watch.node)
            return
        self._watchers.note(of, watch.node, time.monotonic())
        if message.reply:
            await self._answer_all(message.reply, of)
            self._connection.publish_later(f"{message.reply}.{of}.done", encode(_Done(self._node)))

    async def _answer_all(self, inbox: str, of: str) -> None:
        """All that is known here of the organisation ``of``, or of the call."""
        for call in self._calls.of(of):
            if call.call == of:
                self._heirs[of] = inbox
                heard = _Heard(of, self._calls.heard_until(of), exact=True)
                self._connection.publish_later(f"{inbox}.{call.org}.heard", encode(heard))
            await self._answer(f"{inbox}.{call.org}", call)
        for copy in self._copies(of):
            await self._answer(f"{inbox}.{copy.org}.copy", copy)
            if copy.call == of and (sign := self._own_sign(of)):
                self._connection.publish_later(f"{inbox}.{copy.org}.heard", encode(_Heard(of, sign)))

    def _copies(self, of: str) -> list[LiveCall]:
        """Calls of other nodes to answer with: the one that is asked for, or those of an organisation that are kept.

        Of the latter only what is alive, or had its life cut short: a call whose end we missed must not come back.
        """
        if (known := self._hub.find_call(of)) is not None:
            return [known] if not self._calls.has(of) else []
        now = time.monotonic()
        living = self._membership.alive(now)
        kept = ((call, self.mirrors.kept.get(call.call)) for call in self._hub.calls_of(of))
        return [
            call
            for call, keeps in kept
            if keeps is not None and (now - keeps.told_at < FRESH_SECONDS or keeps.owner not in living)
        ]

    async def _answer(self, subject: str, call: LiveCall) -> None:
        for event in history(call.view()):
            await self._connection.wait_for_room()
            self._connection.publish_later(subject, encode(event))

    async def _take_answer(self, message: Msg) -> None:
        org, _, kind = message.subject.removeprefix(f"{self._inbox}.").partition(".")
        try:
            match kind:
                case "":
                    self._apply(org, message.data, inherited=True)
                case "copy":
                    self._apply_copy(org, decode(message.data))
                case "heard":
                    self._note_heard(_decode_heard(message.data))
                case "done":
                    if (gathering := self._gathering.get(org)) is not None:
                        gathering.answered(_decode_done(message.data).node)
        except _BAD:
            log.warning("bus answer unreadable")

    def _note_heard(self, heard: _Heard) -> None:
        """Until when a call was heard that has moved here: its own node knows, of others the latest."""
        known = self._heard.get(heard.call)
        if known is None or (heard.exact, heard.at) > (known.exact, known.at):
            self._heard[heard.call] = heard

    async def _take_kept(self, message: Msg) -> None:
        """An event of a call that we keep for another node."""
        _, _, _, org, call, owner = message.subject.split(".")
        if self._calls.has(call):
            return  # ours since
        self.mirrors.keep(call, owner, time.monotonic())
        if self._hub.find(org, call) is None and b'"type":"call.started"' not in message.data[:32]:
            self._ask_once(call)
            return
        self._apply(org, message.data)

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

    def _apply(self, org: str, data: bytes, *, inherited: bool = False) -> None:
        """An event of another node's, or of one that had this call before us, which answers: ``inherited``."""
        try:
            event = decode(data)
        except _BAD:
            log.warning("bus event unreadable")
            return
        name = event.call.call if isinstance(event, CallStarted) else event.call
        self._touched[name] = time.monotonic()
        if not self._calls.has(name):
            self._hub.publish(org, event, local=False)
            if isinstance(event, CallEnded):
                self.mirrors.forget(name)
        elif isinstance(event, Uttered | GapFound):  # ours now: how it stood elsewhere is the past
            self._add(org, event, relay=inherited)

    def _apply_copy(self, org: str, event: Event) -> None:
        """What another node remembers of a call that is not its own: it may be behind, so it only adds."""
        call = self._hub.find(org, event.call.call if isinstance(event, CallStarted) else event.call)
        match event:
            case CallStarted() if call is None:
                self._hub.publish(org, event, local=False)
            case Uttered(utterance=utterance) if call is not None:
                known = call.utterances.get(utterance.id)
                if known is None or (utterance.final and not known.final):
                    self._add(org, event, relay=self._calls.has(call.call))
            case GapFound() if call is not None:
                self._add(org, event, relay=self._calls.has(call.call))

    def _add(self, org: str, event: Uttered | GapFound, *, relay: bool) -> None:
        """Words of another node's; ``relay``: of a call that is ours now, so that those who lack them get them."""
        if self._hub.publish(org, event, local=False) and relay:
            self.relay(org, event, encode(event), inherited=True)
