"""How a process is told to end: a first signal to finish what is under way, a second one to stop at once."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signals:
    """What SIGTERM and SIGINT have said so far."""

    first: asyncio.Event = field(default_factory=asyncio.Event)
    second: asyncio.Event = field(default_factory=asyncio.Event)

    def received(self) -> None:
        """Take note of one signal."""
        (self.second if self.first.is_set() else self.first).set()


def watched() -> Signals:
    """The running loop's signals from now on."""
    signals = Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signals.received)
    return signals
