"""What the emulated Twilio is made of: its account, its numbers, its behaviours. All of it is plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Literal

from sandbox.twilio.faults import FAITHFUL, NONE, CallbackFaults, Faults


@dataclass(frozen=True, slots=True)
class Number:
    """An IncomingPhoneNumber: ``phone_number`` in E.164, and where its calls are reported."""

    phone_number: str
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    friendly_name: str = ""
    bundle_sid: str | None = None
    address_sid: str | None = None

    @property
    def sid(self) -> str:
        """The same number has the same sid again after a restart."""
        return f"PN{md5(self.phone_number.encode(), usedforsecurity=False).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a simulated party does when it is called, and after how many seconds."""

    does: Literal["answers", "never", "busy", "fails"] = "answers"
    after: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class TwilioSettings:
    """Settings of one emulator. Times are simulated seconds; rates are probabilities."""

    account_sid: str
    auth_token: str
    api_key_sid: str
    api_key_secret: str
    twiml_app_sid: str
    key_kind: Literal["standard", "main"] = "standard"
    """A Standard key may not read accounts or keys; a Main key may."""
    us1_port: int | None = None
    """Where us1's host listens: the same account by other credentials. 0: any free port; None: nowhere."""
    us1_auth_token: str = ""
    us1_api_key_sid: str = ""
    us1_api_key_secret: str = ""
    au1_sells: bool = True
    """Whether numbers are sold and addresses kept at au1's host; if not, it says "not supported in realm"."""
    twiml_app_voice_url: str = ""
    twiml_app_status_callback: str = ""
    region: str = "au1"  # access tokens of another Region are refused, as Twilio's Regions do
    host: str = "127.0.0.1"
    port: int = 8090  # 0: any free one
    numbers: tuple[Number, ...] = ()
    say_seconds_per_char: float = 0.05
    agent: Behaviour = Behaviour()  # an agent whose browser has no registered Device
    customer: Behaviour = Behaviour(after=2.0)  # somebody who is dialled
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)  # by address: +61…, client:…
    # Whether prompts and ringing sound. Off, they are silence: tests compare a call's sound with what was said in it.
    tones: bool = False
    speed: float = 1.0  # above 1: the whole world runs faster than the clock on the wall
    webhook_seconds: float = 15.0  # of the wall's clock
    callback_faults: CallbackFaults = FAITHFUL
    boundary_seconds: float = 0.233
    """How late a leg's frames may be when it goes on to another document, as measured in the field; none is lost."""
    calls_per_second: float = 1.0  # made by REST; more are queued
    agent_conference: bool = True
    """The account's conference setting. Without it nobody may coach (16000)."""
    coach_without_target: Literal["nobody", "everybody"] = "everybody"
    """Who hears a coach whose participant has left. Twilio does not say; nobody should rely on the kinder answer."""
    faults: Faults = NONE  # of every Media Stream, unless a call brings its own
    seed: int = 0
    max_legs: int = 2000
    """Remembered; the oldest that ended are forgotten."""
