"""What a person may have go wrong with the emulated Twilio's REST, by plain names, and the faults made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.twilio.rest.registry import RestFault

MOST_TIMES = 100
MOST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Target:
    """The requests that something happens to: their ``method`` (``*``: each), and what their path matches."""

    words: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What happens to them; the rest is as in `RestFault`."""

    words: str
    does: Literal["fails", "answer lost", "hangs", "answer hangs"] = "fails"
    status: int = 503
    code: int = 20503
    retry_after: str = ""
    text: str = "Emulated failure"


TARGETS: dict[str, Target] = {
    "anything": Target("Anything", "*", ""),
    "search": Target("Searching numbers", "GET", r"/AvailablePhoneNumbers/"),
    "buy": Target("Buying a number", "POST", r"/IncomingPhoneNumbers\.json$"),
    "read": Target("Reading numbers back", "GET", r"/IncomingPhoneNumbers"),
    "set-up": Target("Setting a number up", "POST", r"/IncomingPhoneNumbers/PN"),
    "route": Target("Routing a number to au1", "POST", r"^/v2/PhoneNumbers/"),
    "give-back": Target("Giving a number back", "DELETE", r"/IncomingPhoneNumbers/"),
    "papers": Target("Regulatory bundles", "*", r"/RegulatoryCompliance/|/Addresses"),
    "calls": Target("Calls under way", "POST", r"/Calls/"),
}
KINDS: dict[str, Kind] = {
    "down": Kind("fails with 503"),
    "busy": Kind("is too much (429, to be tried again after 5 s)", status=429, code=20429, retry_after="5"),
    "lost": Kind("is done, and the answer lost (503)", "answer lost"),
    "slow": Kind("is done after the seconds below", "hangs"),
    "late": Kind("is done, and answered after the seconds below", "answer hangs"),
    "key": Kind("finds our key refused (401, 20003)", status=401, code=20003),
    "taken": Kind("finds the number taken (400, 21422)", status=400, code=21422),
    "bundle": Kind("lacks an approved bundle (400, 21649)", status=400, code=21649),
    "address": Kind("lacks an address (400, 21631)", status=400, code=21631),
    "realm": Kind(
        "is not offered in au1 (404, not supported in realm)",
        status=404,
        code=20404,
        text="Endpoint is not supported in realm 'au1'",
    ),
    "region": Kind("is not offered in this region (400, 22401)", status=400, code=22401),
    "abroad": Kind("lacks an Australian address (400, 21615)", status=400, code=21615),
}


def fault(target: str, kind: str, times: int, seconds: float) -> RestFault:
    """Return what to put into `Registry.faults`. Raise `ValueError` for unknown names and absurd numbers."""
    if target not in TARGETS or kind not in KINDS:
        raise ValueError("choose what happens to what")
    if not 1 <= times <= MOST_TIMES or not 0 <= seconds <= MOST_SECONDS:
        raise ValueError(f"1 to {MOST_TIMES} times, 0 to {MOST_SECONDS:g} seconds")
    at, what = TARGETS[target], KINDS[kind]
    return RestFault(
        at.method,
        at.path,
        what.does,
        status=what.status,
        code=what.code,
        seconds=seconds,
        retry_after=what.retry_after,
        text=what.text,
        times=times,
    )


def spoken(made: RestFault) -> str:
    """Return ``made`` in words: "Buying a number fails with 503"."""
    targets = [
        target.words for target in TARGETS.values() if (target.method, target.path) == (made.method, made.path)
    ]
    ends = [what.words for what in KINDS.values() if (what.does, what.code) == (made.does, made.code)]
    words = f"{targets[0] if targets else f'{made.method} {made.path}'} {ends[0] if ends else made.does}"
    return words.replace("the seconds below", f"{made.seconds:g} s")
