"""Who lives, and what each node last said of itself. Pure; numbers only: no word, no call's name."""

from __future__ import annotations

import msgspec

GONE_SECONDS = 3.5  # three beats missed, and one on its way


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A wish of a node's: for a slot, or (``slot`` false) to open one more connection for a slot that it holds."""

    number: int
    """Of the node's own counting; never used twice."""
    since_ms: int
    """Since 1970: who has the lowest is served first."""
    slot: bool = True


class Heartbeat(msgspec.Struct, frozen=True):
    """What a node says of itself, whole. A field that an older node does not send yet has its default."""

    calls: int = 0
    turn: int = 0
    """Counts the node's beats: one with a lower turn has been overtaken."""
    born_ms: int = 0
    """Since 1970: when the node joined the others. The eldest is warden (slots.py)."""
    held: tuple[int, ...] = ()
    asks: tuple[Ask, ...] = ()
    granted: tuple[tuple[str, int], ...] = ()
    """By the warden, to (node, number); repeated until that node has answered."""
    gone: bool = False
    """Its last words: it holds nothing any more, and need not be missed."""
    transcribe: str | None = None
    """What kept it from Transcribe last; empty: nothing; None: not known yet (reach.py)."""


class Membership:
    """The other nodes that live, each with its newest beat. ``now`` is `time.monotonic`'s."""

    def __init__(self) -> None:
        self._heard: dict[str, tuple[float, Heartbeat]] = {}

    def hear(self, node: str, beat: Heartbeat, now: float) -> bool:
        """``node`` lives; False if it has said something newer. Who has been silent is forgotten."""
        self._heard = {name: (at, kept) for name, (at, kept) in self._heard.items() if now - at < GONE_SECONDS}
        newest = self._heard.get(node)
        if newest is not None and 0 < beat.turn <= newest[1].turn:
            return False
        self._heard[node] = (now, beat)
        return True

    def living(self, now: float) -> dict[str, Heartbeat]:
        """Who was heard within `GONE_SECONDS`, and has not said goodbye."""
        return {name: beat for name, (at, beat) in self._heard.items() if now - at < GONE_SECONDS and not beat.gone}

    def excuse(self, since: float, now: float) -> None:
        """Nothing could be heard since ``since``: who lived then is not gone for having been silent until ``now``."""
        self._heard = {
            name: (now if since - at < GONE_SECONDS else at, beat) for name, (at, beat) in self._heard.items()
        }
