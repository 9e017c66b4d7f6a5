"""Share the words of calls between media nodes: for nodes that watch, that take a call over, or that mirror it.

A node with consoles of an organisation *watches* it: it requests ``snapshot.{org}``, and every node answers with its
own live calls of it, as the events that lead there. As long as the request is renewed, the owners of calls also
publish their events on ``transcript.{org}.{call}``. Without a watching node nothing is published there. A node that
has just connected says so (`media.quota.heartbeat`), and is asked at once by those that watch.

When a call moves, its words follow: the new node requests ``snapshot.{call}``, and the old one answers, or any node
that watched or mirrors it (`media.nodes.mirrors`). The old one answers again after its last result. Only a node that
has or had the call is authoritative: answers of others add what is missing and do not prove that the call is live.

Answers go to ``{inbox}.{org}``, those of others to ``{inbox}.{org}.copy``; the time of the call's last audio goes to
``.heard``, and the end of a node's answers to ``.done``. Each event says by its reply subject whose call it is, so
that the events of the node that continues a call are no signs of life of the one before.
"""

from __future__ import annotations

import time
from datetime import datetime

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from media.live.holds import Hold
from media.live.hub import Hub
from media.live.transcript import (
    CallEnded,
    CallStarted,
    CallView,
    Event,
    GapFound,
    LineWritten,
    LiveCall,
    PhraseHeard,
    StateChanged,
    Uttered,
    decode,
    encode,
    history,
)
from media.nodes.followed import FollowedCalls
from media.nodes.mirrors import FRESH_SECONDS, Mirrors
from media.nodes.own_calls import OwnCalls
from media.nodes.watching import PendingAnswers, Watchers
from media.quota.membership import Membership
from protocol.messages import MIRRORED, SNAPSHOT, TRANSCRIPT, Answered, HeardUntil, Watch, sender, sent_by
from protocol.nats import NatsConnection

LIVENESS_SECONDS = 5.0
SILENT_SECONDS = 40.0  # without an event of a call: its node is gone
RENEW_SECONDS = 30.0
IN_FLIGHT_SECONDS = 3.0  # before a node died: audio of that time may not be transcribed yet
IN_FLIGHT_DELAYS = 3  # at least so many times the delay of its latest words: a busy node falls further behind
log = structlog.get_logger()

_BAD = (msgspec.DecodeError, UnicodeError)


class Replication:
    """One node's part. ``calls`` are those that live on this node, ``membership`` the other nodes."""

    def __init__(
        self, connection: NatsConnection, node: str, hub: Hub, calls: OwnCalls, membership: Membership
    ) -> None:
        self.mirrors = Mirrors(node)
        self._connection = connection
        self._node = node
        self._sender = sender(node)
        self._hub = hub
        self._calls = calls
        self._membership = membership
        self._inbox = ""
        self._watchers = Watchers()
        self._watched: dict[str, Subscription] = {}
        self._pending: dict[str, PendingAnswers] = {}  # by organisation
        self._quiet_until: dict[str, float] = {}
        self._takeover_inboxes: dict[str, str] = {}  # by call: the inbox of the node that continues it
        self._heard: dict[str, HeardUntil] = {}  # by call that moved here: until when it was heard before
        self._followed = FollowedCalls()
        hub.relay = self.relay
        connection.attach(subscribe=self._subscribe, restored=self._restored)

    async def _subscribe(self, client: Client) -> None:
        """Subscribe on a new connection, and request what is watched here."""
        self._watched.clear()
        self._inbox = client.new_inbox()
        await client.subscribe(SNAPSHOT.all, cb=self._on_snapshot_request)
        await client.subscribe(MIRRORED.to(self._node, "*", "*", "*"), cb=self._on_mirrored_event)
        await client.subscribe(f"{self._inbox}.>", cb=self._on_answer)
        await self._watch_all()

    def _restored(self) -> None:
        """Request again what is watched and kept here: events were missed while NATS was away.

        What others keep for us is sent again, for the same reason.
        """
        for of in (*self._watched, *self.mirrors.kept):
            self._request(of, reply=True)
        self.mirrors.send_again()

    def alive(self, node: str) -> None:
        """Handle a heartbeat of another node."""
        self.mirrors.alive(node, time.monotonic())

    def joined(self, node: str) -> None:
        """Ask a node that has just connected for what is watched here.

        It may have calls already, and does not know who watches them; or its events were lost while it was away.
        """
        for org in self._watched:
            self._request(org, reply=True, of=node)

    def ended(self, org: str, call: str) -> None:
        """Forget a mirrored call of another node that has ended, unless a console here watches it."""
        if self.mirrors.forget(call) and not self._is_needed(org, call):
            self._hub.drop(org, call)

    def relay(self, org: str, event: Event, encoded: bytes, *, from_previous_node: bool = False) -> None:
        """Send an event of this node to the nodes that watch its organisation or keep the call.

        ``from_previous_node``: it comes from the node that had the call before, so no newer version follows.
        """
        call, now = event.call.call if isinstance(event, CallStarted) else event.call, time.monotonic()
        watching = self._watchers.of(org, now)
        if watching:
            self._connection.publish_later(TRANSCRIPT.to(org, call), encoded, self._sender)
        due = self.mirrors.due(call, event, now, at_once=from_previous_node)
        if self.mirrors.keeper(call) in watching:
            return
        for each in due:
            self._connection.publish_later(
                self.mirrors.subject(org, call), encoded if each is event else encode(each)
            )

    def keep_mirrored(self) -> None:
        """Mirror each of our calls on one other node, if there is any. Called once a second."""
        now = time.monotonic()
        for call, event in self.mirrors.renew(self._calls.all(), self._membership.alive(now), now):
            self._connection.publish_later(self.mirrors.subject(call.org, call.call), encode(event))

    def request_snapshot(self, call: str) -> None:
        """Request the words of ``call``, which this node continues."""
        self._request(call, reply=True)

    async def send_final_snapshot(self, org: str, call: str) -> None:
        """Send the node that continues ``call`` a final snapshot, as its last result has arrived here.

        Then forget the call, unless a console here watches it.
        """
        inbox, known = self._takeover_inboxes.pop(call, ""), self._hub.find(org, call)
        self._heard.pop(call, None)
        if inbox and known is not None:
            await self._answer(f"{inbox}.{org}", known)
        if known is not None and not self._is_needed(org, call):
            self._hub.drop(org, call)

    def check_liveness(self, silent_seconds: float = SILENT_SECONDS) -> None:
        """Publish that our calls live, and end those of other nodes that are silent.

        Called every `LIVENESS_SECONDS`.
        """
        now = time.monotonic()
        for call in self._calls.all():
            if self._watchers.of(call.org, now):
                alive = encode(call.condition())
                self._connection.publish_later(TRANSCRIPT.to(call.org, call.call), alive, self._sender)
        for call in self._hub.all_calls():
            if not self._calls.has(call.call):
                self._check_silence(call, self._followed.silent_for(call.call, now), silent_seconds)

    def _check_silence(self, call: LiveCall, silent_for: float, silent_seconds: float) -> None:
        """Show another node's silent ``call`` as reconnecting, and end it after ``silent_seconds``."""
        if silent_for > silent_seconds:
            self.mirrors.forget(call.call)
            self._hub.publish(call.org, CallEnded(call.call, "node lost"), local=False)
        elif silent_for > FRESH_SECONDS:
            self._hub.publish(call.org, StateChanged(call.call, "reconnecting"), local=False)

    def heard_until(self, call: str) -> float:
        """Return until when other nodes transcribed ``call``, in seconds since 1970; 0: not known."""
        heard = self._heard.get(call)
        if heard is not None and heard.exact:
            return heard.at
        latest = max(self._alive_at(call, but=self._node), heard.at if heard is not None else 0.0)
        return max(0.0, latest - max(IN_FLIGHT_SECONDS, IN_FLIGHT_DELAYS * self._followed.delay(call)))

    def _alive_at(self, call: str, *, but: str) -> float:
        """Return when a node that had ``call`` was last heard from, in seconds since 1970; 0: never.

        ``but``: the node that has it now. Its own events may be handled here before its question who had it before.
        """
        kept, times = self.mirrors.kept.get(call), self._followed.told_at(call, but=but)
        if kept is not None:
            times.append(kept.former_alive_at if kept.owner == but else kept.alive_at)
        latest = max(times, default=0.0)
        return time.time() - (time.monotonic() - latest) if latest else 0.0

    def is_watching(self, org: str) -> bool:
        """Return whether an organisation's calls on other nodes are known here."""
        return org in self._watched and org not in self._pending

    async def watch(self, org: str) -> None:
        """Watch an organisation, as a console of it opens here.

        Return when all live nodes have answered, or after `media.nodes.watching.ANSWER_SECONDS`.
        """
        pending = self._pending.get(org)
        if pending is None and org not in self._watched:
            pending = self._pending[org] = PendingAnswers(set(self._membership.alive(time.monotonic())))
            try:
                if await self._subscribe_events(org):
                    await pending.wait()
            finally:
                pending.cancel()
                del self._pending[org]
        elif pending is not None:
            await pending.wait()

    async def _subscribe_events(self, org: str) -> bool:
        """Subscribe to an organisation's calls on other nodes.

        Return False while NATS is away; `_subscribe` then does it.
        """
        client = self._connection.client
        if client is None or not client.is_connected:
            return False
        try:
            self._watched[org] = await client.subscribe(TRANSCRIPT.to(org, "*"), cb=self._on_event)
        except NatsError:  # the connection was just lost
            return False
        self._request(org, reply=True)
        return True

    async def renew(self) -> None:
        """Renew the request for organisations with consoles here, and stop watching the rest.

        Every `RENEW_SECONDS`.
        """
        for org in list(self._watched):
            if self._hub.is_watched(org) or org in self._pending:
                self._request(org, reply=False)
            else:
                await self._unwatch(org)
        await self._watch_all()
        now = time.monotonic()
        self._watchers.prune(now)
        known = {call.call for call in self._hub.all_calls()}
        self.mirrors.prune(known)
        self._followed.prune(known, now - 2 * SILENT_SECONDS)
        self._heard = {call: heard for call, heard in self._heard.items() if self._calls.has(call)}
        self._quiet_until = {call: until for call, until in self._quiet_until.items() if until > now}

    async def _watch_all(self) -> None:
        for org in self._hub.watched():
            if org not in self._watched:
                await self._subscribe_events(org)

    async def _unwatch(self, org: str) -> None:
        subscription = self._watched.pop(org)
        self._connection.publish_later(SNAPSHOT.to(org), SNAPSHOT.write(Watch(self._node, gone=True)))
        await subscription.unsubscribe()
        for call in self._hub.calls_of(org):
            if not self._is_needed(org, call.call):
                self._hub.drop(org, call.call)

    def _is_needed(self, org: str, call: str) -> bool:
        """Return whether this node has a reason to remember ``call``."""
        return self._calls.has(call) or self._hub.is_watched(org) or call in self.mirrors.kept

    def _request(self, what: str, *, reply: bool, of: str = "") -> None:
        """Request an organisation's calls, or one call, of the node ``of`` or of all.

        The answers come to our inbox if ``reply``.
        """
        watch = SNAPSHOT.write(Watch(self._node, of=of))
        self._connection.publish_later(SNAPSHOT.to(what), watch, self._inbox if reply else "")

    async def _on_snapshot_request(self, message: Msg) -> None:
        """Answer a node's request for an organisation's calls, or for one call."""
        [of] = SNAPSHOT.names(message.subject)
        watch = SNAPSHOT.read(message.data)
        if watch is None:
            return
        if watch.gone:
            self._watchers.gone(of, watch.node)
            return
        self._watchers.renew(of, watch.node, time.monotonic())
        if message.reply and watch.of in ("", self._node):
            await self._answer_all(message.reply, of, watch.node)
            self._connection.publish_later(f"{message.reply}.{of}.done", encode(Answered(self._node)))

    async def _answer_all(self, inbox: str, of: str, node: str) -> None:
        """Send ``node`` all that is known here of the organisation ``of``, or of the call."""
        for call in self._calls.of(of):
            if call.call == of:
                self._takeover_inboxes[of] = inbox
                heard = HeardUntil(of, self._calls.heard_until(of), exact=True)
                self._connection.publish_later(f"{inbox}.{call.org}.heard", encode(heard))
            await self._answer(f"{inbox}.{call.org}", call)
        for copy in self._copies(of):
            await self._answer(f"{inbox}.{copy.org}.copy", copy)
            if copy.call == of and (alive_at := self._alive_at(of, but=node)):
                self._connection.publish_later(f"{inbox}.{copy.org}.heard", encode(HeardUntil(of, alive_at)))

    def _copies(self, of: str) -> list[LiveCall]:
        """Return calls of other nodes to answer with: the requested call, or the kept calls of an organisation.

        Of the latter only those that are live or whose node died: a call whose end we missed must not come back.
        """
        if (known := self._hub.find_call(of)) is not None:
            return [known] if not self._calls.has(of) else []
        now = time.monotonic()
        alive = self._membership.alive(now)
        kept = ((call, self.mirrors.kept.get(call.call)) for call in self._hub.calls_of(of))
        return [
            call
            for call, keeps in kept
            if keeps is not None and (now - keeps.last_event_at < FRESH_SECONDS or keeps.owner not in alive)
        ]

    async def _answer(self, subject: str, call: LiveCall) -> None:
        for event in history(call.view()):
            await self._connection.wait_for_room()
            self._connection.publish_later(subject, encode(event), self._sender)

    async def _on_answer(self, message: Msg) -> None:
        org, _, kind = message.subject.removeprefix(f"{self._inbox}.").partition(".")
        try:
            match kind:
                case "":
                    self._apply(org, message.data, sent_by(message.reply), from_previous_node=True)
                case "copy":
                    self._apply_copy(org, decode(message.data))
                case "heard":
                    self._record_heard_until(msgspec.json.decode(message.data, type=HeardUntil))
                case "done":
                    if (pending := self._pending.get(org)) is not None:
                        pending.answered(msgspec.json.decode(message.data, type=Answered).node)
        except _BAD:
            log.warning("NATS message unreadable", kind="snapshot")

    def _record_heard_until(self, heard: HeardUntil) -> None:
        """Note until when a call that moved here was heard: its own node's time counts, else the latest."""
        known = self._heard.get(heard.call)
        if known is None or (heard.exact, heard.at) > (known.exact, known.at):
            self._heard[heard.call] = heard
            if heard.exact:
                self._calls.correct_seam(heard.call)

    async def _on_mirrored_event(self, message: Msg) -> None:
        """Apply an event of a call that we keep for another node."""
        _, org, call, owner = MIRRORED.names(message.subject)
        if self._calls.has(call):
            return  # it moved here meanwhile
        self.mirrors.keep(call, owner, time.monotonic())
        if self._hub.find(org, call) is None and b'"type":"call.started"' not in message.data[:32]:
            self._request_once(call)
            return
        self._apply(org, message.data, owner)

    async def _on_event(self, message: Msg) -> None:
        org, call = TRANSCRIPT.names(message.subject)
        if self._hub.find(org, call) is None and b'"type":"call.started"' not in message.data[:32]:
            self._request_once(org)
            return
        self._apply(org, message.data, sent_by(message.reply))

    def _request_once(self, org: str) -> None:
        """Request a call whose beginning we missed, but not again with each of its events."""
        now = time.monotonic()
        if self._quiet_until.get(org, 0.0) < now:
            self._quiet_until[org] = now + 1.0
            self._request(org, reply=True)

    def _apply(self, org: str, data: bytes, owner: str, *, from_previous_node: bool = False) -> None:
        """Apply an event of ``owner``'s call; ``from_previous_node``: the answer of the one that had it before us."""
        try:
            event = decode(data)
        except _BAD:
            log.warning("NATS message unreadable", kind="event")
            return
        name = event.call.call if isinstance(event, CallStarted) else event.call
        self._followed.heard_of(name, owner, time.monotonic())
        self._note_hold(event)
        if not self._calls.has(name):
            self._hub.publish(org, event, local=False)
            self._note_delay(org, event)
            if isinstance(event, CallEnded):
                self.mirrors.forget(name)
        elif isinstance(event, Uttered | GapFound | PhraseHeard | LineWritten):  # ours now: only what it adds counts
            self._add(org, event, relay=from_previous_node)

    def _note_hold(self, event: Event) -> None:
        """Note from another node's event that a call is on hold: web may have reported that before we were there."""
        match event:
            case CallStarted(call=CallView(call=call, held_at=int(at))) | StateChanged(call=call, held_at=int(at)):
                self._hub.holds.note(call, Hold(at, is_held=True))

    def _note_delay(self, org: str, event: Event) -> None:
        """Note how long words of another node's call took to get here; partial ones, as finals may be history."""
        if not isinstance(event, Uttered) or event.utterance.final:
            return
        call = self._hub.find(org, event.call)
        if call is not None:
            said_at = datetime.fromisoformat(call.started_at).timestamp() + event.utterance.end_ms / 1000
            delay = min(max(0.0, time.time() - said_at), SILENT_SECONDS)
            self._followed.note_delay(event.call, delay, time.monotonic())

    def _apply_copy(self, org: str, event: Event) -> None:
        """Apply what a node remembers of another node's call. It may be out of date, so it only adds."""
        call = self._hub.find(org, event.call.call if isinstance(event, CallStarted) else event.call)
        self._note_hold(event)
        match event:
            case CallStarted() if call is None:
                self._hub.publish(org, event, local=False)
            case Uttered(utterance=utterance) if call is not None:
                known = call.utterances.get(utterance.id)
                if known is None or (utterance.final and not known.final):
                    self._add(org, event, relay=self._calls.has(call.call))
            case GapFound() | PhraseHeard() | LineWritten() if call is not None:
                self._add(org, event, relay=self._calls.has(call.call))

    def _add(self, org: str, event: Uttered | GapFound | PhraseHeard | LineWritten, *, relay: bool) -> None:
        """Add words of another node; ``relay``: the call is ours now, so pass them on to nodes that lack them.

        Words that we hear ourselves are skipped: a node that lost the call may go on for a moment without knowing.
        """
        if isinstance(event, Uttered) and self._calls.hears(event.call, event.utterance.start_ms):
            return
        if self._hub.publish(org, event, local=False) and relay:
            self.relay(org, event, encode(event), from_previous_node=True)
