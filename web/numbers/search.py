"""Parse the number search, and validate numbers and labels. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provisioning.twilio.numbers_api import NumberSearch
from web.request.errors import InvalidError
from web.request.typed import bare, digits_and_signs, tidy

SEARCHED = ("locality", "digits", "where")
"""The form's fields."""
START, ANYWHERE = "start", "anywhere"
LONGEST_LABEL = 60  # characters
_LONGEST_PLACE = 60
_MOST_DIGITS = 16  # as Twilio's search takes them
_LEAST_DIGITS = 2
_LOCAL = re.compile(r"\+61[2378][0-9]{8}")
_AREAS = "2378"


@dataclass(frozen=True, slots=True)
class Search:
    """The search form."""

    locality: str = ""
    digits: str = ""
    where: str = START
    """Whether the number starts with the digits, or contains them."""

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to search for."""
        return bool(self.locality or self.digits)

    def number_search(self) -> NumberSearch:
        """Return the search for Twilio. Raise `InvalidError`, with a sentence for the form."""
        if not self.digits:
            return NumberSearch(locality=self.locality)
        if self.where == ANYWHERE:
            return NumberSearch(locality=self.locality, pattern=_pattern(self.digits))
        return NumberSearch(locality=self.locality, prefix=_prefix(self.digits))


def typed(form: Mapping[str, object]) -> Search:
    """Read the search from a query string or a form; overlong fields are cut."""

    def text(name: str, read: Callable[[str], str]) -> str:
        value = form.get(name)
        return read(value)[:_LONGEST_PLACE] if isinstance(value, str) else ""

    return Search(
        text("locality", tidy), text("digits", digits_and_signs), ANYWHERE if form.get("where") == ANYWHERE else START
    )


def local_number(text: str) -> str:
    """Return ``text`` if it is an Australian local number in E.164. Raise `InvalidError`."""
    if not _LOCAL.fullmatch(text):
        raise InvalidError("Choose one of the numbers in the list.")
    return text


def label_of(text: str) -> str:
    """Return ``text`` tidied as a label. Raise `InvalidError`."""
    label = tidy(text)
    if len(label) > LONGEST_LABEL:
        raise InvalidError(f"A label has at most {LONGEST_LABEL} characters.")
    return label


def is_same_number(text: str, e164: str) -> bool:
    """Return whether ``text`` means ``e164``: as displayed, or with +61."""
    digits = "".join(each for each in bare(text) if each in "0123456789")
    return digits in (e164[1:], f"0{e164.removeprefix('+61')}")


def _prefix(digits: str) -> str:
    plain = re.sub(r"[\s().+\-]", "", digits)
    national = (plain.removeprefix("61") if plain.startswith("61") else plain).removeprefix("0")
    if not re.fullmatch(r"[0-9]{1,9}", national) or national[0] not in _AREAS:
        raise InvalidError("Begin with an area code: 02, 03, 07 or 08. Then up to eight digits.")
    return f"+61{national}"


def _pattern(digits: str) -> str:
    plain = re.sub(r"[\s().\-]", "", digits)
    if not re.fullmatch(r"[0-9*]+", plain) or len(plain) > _MOST_DIGITS:
        raise InvalidError(f"Use digits, and * for any one digit: at most {_MOST_DIGITS} of them.")
    if len(plain.replace("*", "")) < _LEAST_DIGITS:
        raise InvalidError(f"Enter at least {_LEAST_DIGITS} digits.")
    return plain
