"""How a call is found by a part of its customer's number, which is encrypted: keyed hashes of beginnings and ends.

Three of them have an index of their own, which is ordered by time: the first five and the first seven digits of the
number in E.164 (``61412`` is 0412), and the last four. What is typed beyond that is checked in the rows that these
find, by shorter hashes of every longer part. Without the keys nobody can tell which digits a hash is of; whoever has
the database alone can see that two calls have a part in common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from db.encryption import Keyring

End = Literal["prefix", "suffix"]

PREFIX, LONG_PREFIX, SUFFIX = 5, 7, 4  # digits
SHORTEST: Mapping[End, int] = {"prefix": PREFIX, "suffix": SUFFIX}
"""How many digits a part must have at least."""


@dataclass(frozen=True, slots=True)
class Part:
    """The beginning or the end of a number in E.164, without its plus."""

    end: End
    digits: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The hashes of one number's parts, as ``calls`` keeps them."""

    prefix_key: int | None
    long_prefix_key: int | None
    suffix_key: int
    part_keys: list[int]


def keys(keyring: Keyring, e164: str) -> Keys:
    """Return the hashes of the parts of ``e164`` under the first key."""
    digits = e164.removeprefix("+")
    whole = range(SUFFIX, len(digits))
    parts = [Part(end, _cut(digits, end, length)) for end in ("prefix", "suffix") for length in whole]
    return Keys(
        _begins(keyring, digits, PREFIX),
        _begins(keyring, digits, LONG_PREFIX),
        _long(_hashes(keyring, Part("suffix", digits[-SUFFIX:]))[0]),
        [_short(each) for part in parts if not _has_index(part) for each in _hashes(keyring, part)[:1]],
    )


def indexed(keyring: Keyring, part: Part) -> tuple[str, list[int]]:
    """Return the column that finds ``part``, and what to look for in it: one hash for each key."""
    name, length = _column(part)
    return name, [_long(each) for each in _hashes(keyring, Part(part.end, _cut(part.digits, part.end, length)))]


def checked(keyring: Keyring, part: Part) -> list[int]:
    """Return what ``part_keys`` of a call that was found must hold, one of it; empty if the index says all."""
    return [] if _has_index(part) else [_short(each) for each in _hashes(keyring, part)]


def _column(part: Part) -> tuple[str, int]:
    if part.end == "suffix":
        return "suffix_key", SUFFIX
    return ("long_prefix_key", LONG_PREFIX) if len(part.digits) >= LONG_PREFIX else ("prefix_key", PREFIX)


def _has_index(part: Part) -> bool:
    return len(part.digits) == _column(part)[1]


def _cut(digits: str, end: End, length: int) -> str:
    return digits[:length] if end == "prefix" else digits[-length:]


def _begins(keyring: Keyring, digits: str, length: int) -> int | None:
    return _long(_hashes(keyring, Part("prefix", digits[:length]))[0]) if len(digits) >= length else None


def _hashes(keyring: Keyring, part: Part) -> list[bytes]:
    return keyring.hashes("part", f"{part.end} {part.digits}")


def _long(digest: bytes) -> int:
    return int.from_bytes(digest[:8], signed=True)


def _short(digest: bytes) -> int:
    return int.from_bytes(digest[:4], signed=True)
