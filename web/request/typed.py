"""What people type or paste into a field, as they meant it. Pure.

A page, a mail or a chat program adds what nobody sees: marks of writing direction around a telephone number, no-break
spaces, zero-width spaces, a byte order mark, soft hyphens, dashes of every width. All of it is Unicode's: characters
of the category Cf are dropped, every white space and every blank letter is a space, and where a field is made of
digits every dash is a hyphen. Addresses of mail have rules of their own and are not read here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from uuid import UUID

_MOST_PLACES = 999
_MOST_DIGITS = 6
_NOT_A_PLACE = f"Places are whole numbers, 1 to {_MOST_PLACES}, or empty."
_DASHES = {"\N{MINUS SIGN}", "\N{HYPHEN BULLET}"}  # of other categories, but typed as dashes
_JOINER = "\N{COMBINING GRAPHEME JOINER}"  # of the category Mn, but never seen
_BLANK = {
    "\N{HANGUL CHOSEONG FILLER}",
    "\N{HANGUL JUNGSEONG FILLER}",
    "\N{HANGUL FILLER}",
    "\N{HALFWIDTH HANGUL FILLER}",
    "\N{BRAILLE PATTERN BLANK}",
}
"""Letters and signs, by their category, that nobody sees."""
_NOT_TEXT = {"Cc", "Cs", "Co", "Cn"}  # control characters, lone surrogates, private use, nothing at all


def tidy(text: str) -> str:
    """Return ``text`` on one line: composed (NFC), format characters dropped, one space between words."""
    seen = "".join(_seen(character) for character in unicodedata.normalize("NFC", text))
    return " ".join(seen.split())


def digits_and_signs(text: str) -> str:
    """Return a number or a day as typed, tidied, with every dash as ``-``.

    Digits of other scripts stay what they are, and are refused by whoever reads the result.
    """
    return "".join(_sign(character) for character in tidy(text))


def bare(text: str) -> str:
    """Return ``text`` as `digits_and_signs` does, without spaces and hyphens: an ABN, a postcode."""
    return re.sub(r"[ \-]", "", digits_and_signs(text))


def whole_number(text: str) -> int | None:
    """Return the number of up to six digits that was typed; None if it is anything else."""
    digits = digits_and_signs(text)
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else None


def in_order(sent: Mapping[str, str], fields: Mapping[str, UUID]) -> tuple[tuple[UUID, ...], dict[str, str]]:
    """Return whom ``fields`` give a place, in the order of the places, and a sentence by field that is wrong."""
    found: list[tuple[int, UUID]] = []
    wrong: dict[str, str] = {}
    for name, owner in fields.items():
        place = whole_number(sent[name])
        if place is not None and 1 <= place <= _MOST_PLACES:
            found.append((place, owner))
        elif tidy(sent[name]):
            wrong[name] = _NOT_A_PLACE
    return tuple(owner for _, owner in sorted(found, key=lambda each: each[0])), wrong


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" or character == _JOINER:
        return ""
    return " " if category in _NOT_TEXT or category[0] == "Z" or character in _BLANK else character


def _sign(character: str) -> str:
    return "-" if character in _DASHES or unicodedata.category(character) == "Pd" else character
