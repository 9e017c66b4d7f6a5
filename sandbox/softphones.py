"""Browsers that can be called: the registered Devices of each Client identity.

All Devices of an identity ring; the first to accept has the call, the others see it cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.leg import Leg
from sandbox.verbs import Event

Tell = Callable[[Mapping[str, Any]], None]

CLIENT = "client:"
MOST_DEVICES = 10  # of one identity that ring


class Softphone:
    """One browser's Device. ``tell`` sends it a signal and never waits."""

    def __init__(self, identity: str, tell: Tell) -> None:
        self.address = f"{CLIENT}{identity}"
        self._tell = tell
        self._offered: dict[str, Leg] = {}
        self._taken: dict[str, Leg] = {}

    def offer(self, leg: Leg) -> None:
        """Ring for ``leg``."""
        self._offered[leg.sid] = leg
        shown = {"CallSid": leg.sid, "AccountSid": leg.account_sid, "From": leg.from_, "To": leg.to}
        self._tell({"type": "incoming", "call": leg.sid, "parameters": shown, "custom": dict(leg.parameters_in)})

    def accept(self, sid: str) -> None:
        """Take an offered call. One that has gone is not there to be taken."""
        leg = self._offered.pop(sid, None)
        if leg is not None and not leg.answered:
            self._taken[sid] = leg
            leg.answer()

    def reject(self, sid: str) -> None:
        """Turn an offered call down: to the caller, busy."""
        leg = self._offered.pop(sid, None)
        if leg is not None:
            leg.hang_up("busy")

    def hold(self, leg: Leg) -> None:
        """Have a call that this Device made, and hear how it goes."""
        self._taken[leg.sid] = leg
        leg.watchers.append(self.hear)

    def taken(self, sid: str) -> Leg | None:
        """The call ``sid``, if this Device has it."""
        return self._taken.get(sid)

    def hear(self, leg: Leg, event: Event) -> None:
        """Show the browser what became of ``leg``."""
        if event not in ("answered", "completed"):
            return
        if leg.sid in self._taken:
            self._tell({"type": "accept" if event == "answered" else "disconnect", "call": leg.sid})
        elif self._offered.pop(leg.sid, None):
            self._tell({"type": "cancel", "call": leg.sid})
        if event == "completed":
            self._taken.pop(leg.sid, None)

    def leave(self) -> None:
        """The browser has gone: so have its calls."""
        for leg in list(self._taken.values()):
            leg.hang_up("canceled")
        self._offered.clear()


class Softphones:
    """The registered Devices."""

    def __init__(self) -> None:
        self._devices: dict[str, list[Softphone]] = {}

    def register(self, device: Softphone) -> None:
        """Let ``device`` be called from now on."""
        devices = self._devices.setdefault(device.address, [])
        if device not in devices:
            devices.append(device)

    def unregister(self, device: Softphone) -> None:
        """Do not ring ``device`` any more."""
        devices = self._devices.get(device.address, [])
        if device in devices:
            devices.remove(device)

    def registered(self, address: str) -> bool:
        """Whether anybody would hear ``address`` (``client:…``) ring."""
        return bool(self._devices.get(address))

    async def ring(self, leg: Leg) -> bool:
        """Ring the Devices of ``leg.to`` until one accepts or the leg is over; whether it was answered."""
        devices = self._devices.get(leg.to, [])[:MOST_DEVICES]
        settled = asyncio.Event()

        def watch(leg: Leg, event: Event) -> None:
            for device in devices:
                device.hear(leg, event)
            if event in ("answered", "completed"):
                settled.set()

        leg.watchers.append(watch)
        for device in devices:
            device.offer(leg)
        await settled.wait()
        return leg.answered and not leg.over.is_set()
