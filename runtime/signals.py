"""Stop a process by signals: the first one finishes what is under way, the second one stops at once."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Signals:
    """The SIGTERM and SIGINT received so far."""

    first: asyncio.Event = field(default_factory=asyncio.Event)
    second: asyncio.Event = field(default_factory=asyncio.Event)

    def received(self) -> None:
        """Note one signal."""
        (self.second if self.first.is_set() else self.first).set()


def watched() -> Signals:
    """Handle the running loop's signals from now on. Return what is received."""
    signals = Signals()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, signals.received)
    return signals
