"""What one console subscribed to. Pure.

A console without a subscription is sent everything that its member may see. One with a subscription is sent the facts
of those calls (started, assigned, ended, stopped, what supervisors wrote), rows if it asked for them, and the words
only of the calls that it follows. To be followed, a call must be the member's own, or be read: the console has shown
web's ticket for it (`protocol.tickets.ReadingTicket`), so that whoever receives words is in the audit log.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated

from msgspec import Meta, Struct

from media.live.transcript import LiveCall

MOST_CALLS = 8  # that one console follows


class Subscription(Struct, frozen=True):
    """``rows``: whether the console gets a row of each call. ``calls``: the CallSids whose words it gets."""

    rows: bool = False
    calls: Annotated[list[Annotated[str, Meta(max_length=64)]], Meta(max_length=MOST_CALLS)] = []


class Following:
    """What a console of ``member`` is sent. ``subscription``: None for everything."""

    __slots__ = ("_calls", "_is_all", "_member", "_read", "rows")

    def __init__(self, member: str, subscription: Subscription | None) -> None:
        self._member = member
        self._read: set[str] = set()
        self._calls: Set[str] = frozenset()
        self._is_all = True
        self.rows = False
        if subscription is not None:
            self.replace(subscription)

    def replace(self, subscription: Subscription) -> None:
        """Follow what ``subscription`` says from now on."""
        self._is_all = False
        self.rows = subscription.rows
        self._calls = frozenset(subscription.calls)

    def read(self, call: str) -> None:
        """Record that the console reads ``call``: web's ticket says so."""
        self._read.add(call)

    def leave(self, call: str) -> None:
        """Record that the console no longer reads ``call``."""
        self._read.discard(call)

    def follows(self, call: LiveCall, agent: str | None) -> bool:
        """Return whether the console is sent the words of ``call``, whose agent is ``agent``."""
        is_open = agent == self._member or call.call in self._read
        return self._is_all or (call.call in self._calls and is_open)
