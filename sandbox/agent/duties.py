"""What an agent does next, from what the phone's event stream has told: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

_AT_WORK = ("available", "on_call", "wrap_up")


@dataclass(frozen=True, slots=True)
class Choose:
    """Be available, or not."""

    state: Literal["available", "offline"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Claim a call that rings here, and join it."""

    call: str


@dataclass(frozen=True, slots=True)
class Rejoin:
    """Join the call again that the softphone has fallen out of."""

    call: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Hang up the softphone, whose call is over."""


@dataclass(frozen=True, slots=True)
class FinishWrapUp:
    """Be ready for the next call."""

    call: str


Act = Choose | Answer | Rejoin | Leave | FinishWrapUp


def next_act(told: Mapping[str, Any], *, room: str | None, me: str = "") -> Act | None:
    """Return what is due; None if nothing is.

    ``told``: the parts of the phone's state; ``room``: the call that the softphone is in. ``me``: the agent's own
    member id (hex), of who only stands in: they work while none of their colleagues does.
    """
    call, wrap_up = told["call"], told["wrap_up"]
    if call is not None:
        return Rejoin(call["call"]) if room != call["call"] else None
    if room is not None:
        return Leave()
    if wrap_up is not None:
        return FinishWrapUp(wrap_up["call"])
    wanted: Literal["available", "offline"] = "offline" if me and _is_relieved(told, me) else "available"
    if told["presence"]["chosen"] != wanted:
        return Choose(wanted)
    return next((Answer(offer["call"]) for offer in told["offers"]), None)


def _is_relieved(told: Mapping[str, Any], me: str) -> bool:
    others = (each for each in told["team"] if each["member"].replace("-", "") != me)
    return any(each["state"] in _AT_WORK for each in others)
