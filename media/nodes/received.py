"""Events of other nodes, put into the hub: of their own calls, and of calls that they had or remember.

An event of the node that has a call is the truth. Once the call lives here, only what adds words counts, and nodes
that lack those words are told. A copy, which a node remembers of another's call, may be out of date: it only adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from media.live.holds import Hold
from media.live.hub import Hub
from media.live.transcript import (
    CallEnded,
    CallStarted,
    CallView,
    Event,
    GapFound,
    LineWritten,
    PhraseHeard,
    StateChanged,
    Uttered,
    encode,
)
from media.nodes.mirrors import Mirrors
from media.nodes.own_calls import OwnCalls
from media.nodes.remote_calls import SILENT_SECONDS, RemoteCalls

Added = Uttered | GapFound | PhraseHeard | LineWritten


class ReceivedEvents:
    """Applies events of other nodes here. ``pass_on`` sends on words that a call of ours had elsewhere."""

    def __init__(
        self,
        hub: Hub,
        calls: OwnCalls,
        mirrors: Mirrors,
        remote_calls: RemoteCalls,
        pass_on: Callable[[str, Event, bytes], None],
    ) -> None:
        self._hub = hub
        self._calls = calls
        self._mirrors = mirrors
        self._remote_calls = remote_calls
        self._pass_on = pass_on

    def apply(self, org: str, event: Event, owner: str, *, from_previous_node: bool = False) -> None:
        """Apply an event of ``owner``'s call; ``from_previous_node``: the answer of the one that had it before us."""
        name = event.call.call if isinstance(event, CallStarted) else event.call
        self._remote_calls.heard_of(name, owner, time.monotonic())
        if not isinstance(event, Uttered):  # most are; they say nothing of it
            self._note_hold(event)
        if not self._calls.has(name):
            self._hub.publish(org, event, local=False)
            self._note_delay(org, event)
            if isinstance(event, CallEnded):
                self._mirrors.forget(name)
        elif isinstance(event, Added):
            self._add(org, event, pass_on=from_previous_node)

    def apply_copy(self, org: str, event: Event) -> None:
        """Apply what a node remembers of another node's call."""
        call = self._hub.find(org, event.call.call if isinstance(event, CallStarted) else event.call)
        self._note_hold(event)
        match event:
            case CallStarted() if call is None:
                self._hub.publish(org, event, local=False)
            case Uttered(utterance=utterance) if call is not None:
                known = call.utterances.get(utterance.id)
                if known is None or (utterance.final and not known.final):
                    self._add(org, event, pass_on=self._calls.has(call.call))
            case GapFound() | PhraseHeard() | LineWritten() if call is not None:
                self._add(org, event, pass_on=self._calls.has(call.call))

    def _add(self, org: str, event: Added, *, pass_on: bool) -> None:
        """Add words of another node; ``pass_on``: the call is ours now, so tell nodes that lack them.

        Words that we hear ourselves are skipped: a node that lost the call may go on for a moment without knowing.
        """
        if isinstance(event, Uttered) and self._calls.hears(event.call, event.utterance.start_ms):
            return
        if self._hub.publish(org, event, local=False) and pass_on:
            self._pass_on(org, event, encode(event))

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
            self._remote_calls.note_delay(event.call, delay, time.monotonic())
