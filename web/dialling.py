"""What may be dialled, and how a number is shown to people. Pure.

Numbers are kept as E.164 (``+61293744000``) and shown as Australians write them (``(02) 9374 4000``).
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType, shortnumberinfo

HOME = "AU"
WITHHELD = "Number withheld"
_DIALLABLE = re.compile(r"\+?[0-9 ()./\-]{1,32}")
# Twilio spells a caller who withholds the number as a word, or as that word typed on a telephone's keys.
_ANONYMOUS = {
    "", "anonymous", "restricted", "unavailable", "unknown",
    "+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253",
}  # fmt: skip
_FOREIGN_EMERGENCY = {"911", "999"}


class DiallingError(ValueError):
    """This may not be dialled. Its text is a sentence for the one who tried."""


def dialled(text: str) -> str:
    """The E.164 number that ``text`` means when it is dialled in Australia.

    Raises `DiallingError` for emergency numbers (a softphone has no known place to send help to), for
    premium ones (they bill by the minute) and for what is no number at all.
    """
    text = text.strip()
    if not _DIALLABLE.fullmatch(text):
        raise DiallingError("That is not a phone number.")
    if _is_emergency(text):
        raise DiallingError("Emergency calls can not be made from here. Please use a mobile phone.")
    number = _parse(text)
    if number is None or not phonenumbers.is_valid_number(number):
        raise DiallingError("That is not a phone number that can be called. Please check it and try again.")
    if phonenumbers.number_type(number) == PhoneNumberType.PREMIUM_RATE:
        raise DiallingError("Premium numbers can not be called from here.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def shown(number: str) -> str:
    """``number`` (E.164, or whatever Twilio gave in its place) as people read it."""
    if number.lower() in _ANONYMOUS:
        return WITHHELD
    parsed = _parse(number)
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        return number
    home = phonenumbers.region_code_for_number(parsed) == HOME
    form = PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form)


def _is_emergency(text: str) -> bool:
    digits = "".join(character for character in text if character.isdigit())
    return digits in _FOREIGN_EMERGENCY or shortnumberinfo.connects_to_emergency_number(digits, HOME)


def _parse(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, HOME)
    except NumberParseException:
        return None
