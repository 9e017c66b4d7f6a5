"""Which calls are on hold, by web's reports and by what other nodes know. They may come late or twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_CALLS = 20_000  # remembered; more than any process has at once


@dataclass(frozen=True, slots=True, order=True)
class Hold:
    """Whether a call is on hold, and since when: ``at`` in ms since 1970, by web's clock. The greater is newer."""

    at: int
    is_held: bool


NOT_HELD = Hold(0, is_held=False)


class Holds:
    """The newest report of each call. ``on_change`` is called with a call, by CallSid, and its new hold."""

    def __init__(self) -> None:
        self.on_change: Callable[[str, Hold], None] = lambda _call, _hold: None
        self._newest: OrderedDict[str, Hold] = OrderedDict()

    def note(self, call: str, hold: Hold) -> None:
        """Take a report of ``call``, unless a newer one is known."""
        if hold <= self.of(call):
            return
        self._newest[call] = hold
        self._newest.move_to_end(call)
        if len(self._newest) > MAX_CALLS:
            self._newest.popitem(last=False)
        self.on_change(call, hold)

    def of(self, call: str) -> Hold:
        """Return what is known of ``call``; `NOT_HELD` if nothing is."""
        return self._newest.get(call, NOT_HELD)
