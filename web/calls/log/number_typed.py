"""What somebody types to find a customer's number: all of it, its beginning or its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers

from db.queries.log.number_parts import SHORTEST, Part
from web.request.callers import HOME, parsed
from web.request.errors import InvalidError
from web.request.typed import digits_and_signs

_LONGEST = 40  # characters
_SHORTEST_WHOLE = 6  # digits: 13 14 50
_CODE = str(phonenumbers.country_code_for_region(HOME))
_PLAIN = set("0123456789+ ()-./")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A whole number (E.164), or else its possible parts."""

    number: str | None = None
    parts: tuple[Part, ...] = ()


def wanted(text: str) -> Wanted:
    """Parse what was typed. Raise `InvalidError`.

    Four digits or more: with a plus in front they begin a number, with a zero an Australian one; all of them may end
    one, too, but for those after a plus.
    """
    typed = digits_and_signs(text)
    digits = "".join(each for each in typed if each in "0123456789")
    if len(typed) > _LONGEST or not set(typed) <= _PLAIN or not digits:
        raise InvalidError(
            "That is not a phone number. Type all of it, or at least four digits of its beginning or end.", "number"
        )
    whole = parsed(typed)
    if len(digits) >= _SHORTEST_WHOLE and whole is not None and phonenumbers.is_valid_number(whole):
        return Wanted(phonenumbers.format_number(whole, phonenumbers.PhoneNumberFormat.E164))
    parts = tuple(each for each in _parts(typed, digits) if len(each.digits) >= SHORTEST[each.end])
    if not parts:
        raise InvalidError("Type at least four digits: the beginning or the end of the number.", "number")
    return Wanted(parts=parts)


def _parts(typed: str, digits: str) -> list[Part]:
    if typed.lstrip(" (").startswith("+"):
        return [Part("prefix", digits)]
    end = Part("suffix", digits)
    if digits.startswith("0"):
        return [Part("prefix", _CODE + digits[1:]), end]
    if digits.startswith("1"):  # 13, 1300 and 1800
        return [Part("prefix", _CODE + digits), end]
    return [Part("prefix", digits), end] if digits.startswith(_CODE) else [end]
