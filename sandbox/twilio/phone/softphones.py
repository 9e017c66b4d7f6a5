"""Browsers that can be called: the registered Devices of each Client identity.

All Devices of an identity ring; the first to accept has the call, the others see it cancelled. A browser whose
connection breaks keeps its answered calls for a while: it can come back for them.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.audio.live_voice import LiveVoice
from sandbox.twilio.phone.leg import Leg
from sandbox.twilio.phone.verbs import Event

Tell = Callable[[Mapping[str, Any]], None]

CLIENT = "client:"
MOST_DEVICES = 10  # of one identity that ring
GOOD_LINE: Mapping[str, float] = {"mos": 4.4, "jitter": 1.0, "rtt": 20.0}
WARNINGS = (
    "high-rtt", "low-mos", "high-jitter", "high-packet-loss", "high-packets-lost-fraction", "low-bytes-received",
    "low-bytes-sent", "constant-audio-input-level", "ice-connectivity-lost",
)  # fmt: skip
"""The names that the SDK gives them (call.ts)."""
RESUME_SECONDS = 30.0  # for a browser to come back to its calls; Twilio's longest


def is_identity(text: str) -> bool:
    """Return whether ``text`` can be a Client's identity.

    Twilio documents "alphanumeric and underscore characters", at most 121, and warns of others: refused here.
    """
    return re.fullmatch("[A-Za-z0-9_]{1,121}", text) is not None


class Softphone:
    """One browser's Device, or a telephone in a page, at ``address``. ``tell`` sends it a signal and never waits."""

    def __init__(self, address: str, tell: Tell) -> None:
        self.address = address
        self._tell = tell
        self._offered: dict[str, Leg] = {}
        self._taken: dict[str, Leg] = {}
        self._resumptions: dict[str, str] = {}  # what each call can be asked for again by

    def offer(self, leg: Leg) -> None:
        """Ring for ``leg``."""
        self._offered[leg.sid] = leg
        shown = {"CallSid": leg.sid, "AccountSid": leg.account_sid, "From": leg.from_, "To": leg.to}
        custom = dict(leg.parameters_in)
        resumption = self._resumption(leg)
        self._tell(
            {"type": "incoming", "call": leg.sid, "parameters": shown, "custom": custom, "resumption": resumption}
        )

    def accept(self, sid: str, *, microphone: bool) -> Leg | None:
        """Take an offered call and return it. One that has gone is not there to be taken."""
        leg = self._offered.pop(sid, None)
        if leg is None or leg.answered:
            return None
        self._taken[sid] = leg
        leg.speak_live(microphone=microphone)
        leg.answer()
        return leg

    def warn(self, name: str, *, cleared: bool) -> None:
        """Say of each call that its line has become bad in the way that the SDK calls ``name``, or is good again."""
        for sid in self._taken:
            self._tell({"type": "warning", "call": sid, "name": name, "cleared": cleared})

    def rate(self, quality: Mapping[str, float]) -> None:
        """Say how good its line is: ``mos`` (1 to 4.5), ``jitter`` and ``rtt`` (ms)."""
        self._tell({"type": "quality", "quality": dict(quality)})

    def speak(self, codes: bytes) -> None:
        """Take 20 ms of sound from the browser's microphone."""
        for leg in self._taken.values():
            if isinstance(leg.voice, LiveVoice):
                leg.voice.add(codes)

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
        """Return the call ``sid``, if this Device has it."""
        return self._taken.get(sid)

    def hear(self, leg: Leg, event: Event) -> None:
        """Show the browser what became of ``leg``."""
        if event not in ("answered", "completed"):
            return
        if leg.sid in self._taken and event == "answered":
            self._tell({"type": "accept", "call": leg.sid, "resumption": self._resumption(leg)})
        elif leg.sid in self._taken:
            self._tell({"type": "disconnect", "call": leg.sid})
        elif self._offered.pop(leg.sid, None):
            self._tell({"type": "cancel", "call": leg.sid})
        if event == "completed":
            self._taken.pop(leg.sid, None)

    def leave(self) -> None:
        """End all calls: the browser has gone."""
        for leg in list(self._taken.values()):
            leg.hang_up("canceled")
        self._offered.clear()

    def cut_off(self) -> None:
        """Note that the browser's connection broke: it may come back for answered calls, not for others."""
        self._offered.clear()
        self._tell = _nobody
        for leg in list(self._taken.values()):
            if not leg.answered:
                leg.hang_up("canceled")

    @property
    def is_free(self) -> bool:
        """Whether it has no call."""
        return not self._taken

    def give(self, sid: str, resumption: str) -> Leg | None:
        """Return the call ``sid`` if ``resumption`` is its own, and give it up here."""
        if not resumption or self._resumptions.get(sid) != resumption:
            return None
        return self._taken.pop(sid, None)

    def resume(self, leg: Leg) -> None:
        """Have ``leg``, which another connection of the same browser had."""
        self.hold(leg)
        self.hear(leg, "answered")

    def _resumption(self, leg: Leg) -> str:
        return self._resumptions.setdefault(leg.sid, secrets.token_urlsafe(12))


def _nobody(_: Mapping[str, Any]) -> None:
    """Do nothing: there is no browser."""


class Softphones:
    """The registered Devices."""

    def __init__(self) -> None:
        self._devices: dict[str, list[Softphone]] = {}
        self._cut_off: list[Softphone] = []
        self._connected: list[Softphone] = []
        self._quality: Mapping[str, float] = GOOD_LINE
        self.refusal: int | None = None  # the code that every token is answered with, whatever it says

    @property
    def quality(self) -> Mapping[str, float]:
        """How good everybody's line is, as their samples say."""
        return self._quality

    @quality.setter
    def quality(self, quality: Mapping[str, float]) -> None:
        self._quality = quality
        for device in self._connected:
            device.rate(quality)

    def warn(self, name: str, *, cleared: bool = False) -> None:
        """Raise or clear one of the SDK's warnings in every call of a browser."""
        for device in self._connected:
            device.warn(name, cleared=cleared)

    def connect(self, device: Softphone) -> None:
        """Take up ``device``, whose browser has shown a good token."""
        self._connected.append(device)
        if self._quality != GOOD_LINE:  # which the SDK takes for granted
            device.rate(self._quality)

    def disconnect(self, device: Softphone) -> None:
        """Forget ``device``, whose browser has gone."""
        if device in self._connected:
            self._connected.remove(device)

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

    async def keep(self, device: Softphone, seconds: float = RESUME_SECONDS) -> None:
        """Keep the answered calls of ``device``, whose connection broke, for ``seconds``; then they are over."""
        device.cut_off()
        self._cut_off.append(device)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._cut_off.remove(device)
            device.leave()

    def find(self, address: str, sid: str, resumption: str) -> Leg | None:
        """Return the call ``sid`` that a broken connection of ``address`` left behind."""
        kept = (device.give(sid, resumption) for device in self._cut_off if device.address == address)
        return next((leg for leg in kept if leg is not None), None)

    def registered(self, address: str) -> bool:
        """Return whether anybody would hear ``address`` (``client:…``) ring."""
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
