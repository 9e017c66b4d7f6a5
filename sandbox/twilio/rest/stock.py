"""The numbers that the emulated Twilio has for sale: of the ranges kept for fiction, so nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

STEP = 37  # so that neighbours in the list are not neighbours in the book


@dataclass(frozen=True, slots=True)
class Locality:
    """A place and the first digits of its numbers, in E.164; four more follow."""

    name: str
    region: str
    prefix: str


LOCALITIES = (
    Locality("Sydney", "NSW", "+6125550"),
    Locality("Canberra", "ACT", "+6127010"),
    Locality("Melbourne", "VIC", "+6135550"),
    Locality("Hobart", "TAS", "+6137010"),
    Locality("Brisbane", "QLD", "+6175550"),
    Locality("Gold Coast", "QLD", "+6177010"),
    Locality("Perth", "WA", "+6185550"),
    Locality("Adelaide", "SA", "+6187010"),
)


def numbers(locality: Locality) -> Iterator[str]:
    """Every number of ``locality``, in an order that is always the same."""
    return (f"{locality.prefix}{n * STEP % 10_000:04d}" for n in range(10_000))


def pattern(contains: str) -> re.Pattern[str]:
    """What ``Contains`` asks for: ``*`` one character, ``%`` any, ``+`` first and ``$`` last for the number's ends.

    Raises ValueError for what Twilio refuses: fewer than 2 or more than 16 characters, or a strange one.
    """
    if not re.fullmatch(r"[0-9A-Za-z*%+$]{2,16}", contains) or len(re.sub(r"[*%+$]", "", contains)) < 2:
        raise ValueError("a pattern has 2 to 16 characters, two of them digits, and * % + $")
    wild = {"*": ".", "%": ".*", "+": "^\\+", "$": "$"}
    return re.compile("".join(wild.get(each, re.escape(each)) for each in contains))


def locality_of(e164: str) -> Locality | None:
    """Where ``e164`` is, if it is one of ours to sell."""
    return next((place for place in LOCALITIES if e164.startswith(place.prefix) and len(e164) == 12), None)
