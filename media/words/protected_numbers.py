"""Which numbers nobody may read: payment cards, tax file numbers and Medicare numbers. Pure.

Each has a check digit, which one number in ten or eleven has by chance, so it also matters where the number begins
and ends. A run of digits as a whole is judged by its check digit alone. A part of one counts if it begins and ends at
strong boundaries (`media.words.spoken_digits`); a card's also elsewhere, but only with an issuer's first digits.
Counting aloud ("one two three", to test a line) is never taken for such a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from media.words.spoken_digits import Group

SHORTEST, LONGEST = 9, 19  # digits of a tax file number, and of the longest card
_CARD = range(13, 20)
_TFN_WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9, 10)
_MEDICARE_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9)
_LUHN = str.maketrans("0123456789", "0246813579")  # twice the digit, its own digits added
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[68]\d|9\d)\d{11,16}"  # Diners
    r"|35\d{14,17}|6\d{15,18}|(?:50|5[6-9])\d{11,17}",  # JCB; UnionPay, Discover, Maestro
    re.ASCII,
)
_PHONE = re.compile(r"0[23478]\d{8}|1[38]00\d{6}", re.ASCII)
_LONGEST_PHONE = 15  # digits, by E.164
_INTERNATIONAL = re.compile(r"61[23478]\d{8}|(?!61)\d{8,15}", re.ASCII)


def is_card(digits: str) -> bool:
    """Return whether ``digits`` have a payment card's length and check digit (Luhn, ISO/IEC 7812-1)."""
    if len(digits) not in _CARD:
        return False
    doubled = digits[-2::-2].translate(_LUHN)
    return sum(map(int, digits[-1::-2] + doubled)) % 10 == 0


def is_tax_file_number(digits: str) -> bool:
    """Return whether ``digits`` are nine with a tax file number's check digit (ATO)."""
    return len(digits) == len(_TFN_WEIGHTS) and _weighted(digits, _TFN_WEIGHTS) % 11 == 0


def is_medicare_number(digits: str) -> bool:
    """Return whether ``digits`` are a Medicare number's ten, or eleven with the person's own (Services Australia)."""
    if len(digits) not in (10, 11) or digits[0] not in "23456" or "0" in digits[9:]:
        return False
    return _weighted(digits, _MEDICARE_WEIGHTS) % 10 == int(digits[8])


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def protected(groups: Sequence[Group]) -> set[int]:
    """Return the indices of the groups of a run that are part of a protected number."""
    first, end = leading_phones(groups), len(groups)
    found: set[int] = set()
    for begin in {0, first}:
        if is_card("".join(group.digits for group in groups[begin:])):
            return set() if is_counting(groups[begin:]) else set(range(begin, end))
    for begin in range(first, end):
        digits, from_strong = "", begin == first or groups[begin].strong
        for last in range(begin, end):
            digits += groups[last].digits
            if len(digits) > LONGEST:
                break
            is_strong = from_strong and (last + 1 == end or groups[last + 1].strong)
            said = groups[begin : last + 1]
            if len(digits) >= SHORTEST and _is_protected(digits, is_strong=is_strong) and not is_counting(said):
                found.update(range(begin, last + 1))
    return found


def is_counting(groups: Sequence[Group]) -> bool:
    """Return whether somebody counts, "one two three four five": each number is one more than the one before."""
    numbers = [int(group.digits) for group in groups]
    return len(numbers) > 1 and all(after == before + 1 for before, after in pairwise(numbers))


def _is_protected(digits: str, *, is_strong: bool) -> bool:
    if is_strong and (is_tax_file_number(digits) or is_medicare_number(digits)):
        return True
    return is_card(digits) and _ISSUER.fullmatch(digits) is not None


def could_become_protected(groups: Sequence[Group], least: int) -> bool:
    """Return whether a run of ``least`` digits or more may still be the beginning of a protected number."""
    rest = groups[leading_phones(groups) :]
    count = sum(len(group.digits) for group in rest)
    return least <= count < LONGEST and rest[0].digits[0] != "0" and not rest[0].international


def leading_phones(groups: Sequence[Group]) -> int:
    """Return how many groups at the beginning of a run are whole phone numbers, which are for reading."""
    first = 0
    while (length := _phone(groups[first:])) > 0:
        first += length
    return first


def _phone(groups: Sequence[Group]) -> int:
    """Return how many of the first groups are a phone number, 0 if they are none."""
    digits, found = "", 0
    for count, group in enumerate(groups, 1):
        digits += group.digits
        if len(digits) > _LONGEST_PHONE:
            break
        known = _INTERNATIONAL if groups[0].international else _PHONE
        if known.fullmatch(digits) and (count == len(groups) or groups[count].strong):
            found = count
    return found
