"""Read contacts from a table that somebody pasted or chose: CSV, with commas, semicolons or tabs. Pure."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import phonenumbers
from phonenumbers import PhoneNumberFormat

from web.request.callers import parsed
from web.request.typed import digits_and_signs, tidy

LONGEST_NAME = 120  # characters
_MOST_WRONG = 10  # lines that are named
_NAMES = {"name", "full name", "contact", "customer"}
_NUMBERS = {"number", "phone", "phone number", "telephone", "mobile"}


@dataclass(frozen=True, slots=True)
class Table:
    """The names by number (E.164), and what is wrong: a sentence for each of the first lines that cannot be read."""

    names: Mapping[str, str]
    wrong: Sequence[str]


def read(text: str) -> Table:
    """Read a table of names and numbers, in either order; a heading may name its columns ``name`` and ``number``."""
    rows = list(csv.reader(StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text)))
    columns = _columns(rows[0]) if rows else None
    names: dict[str, str] = {}
    wrong: list[str] = []
    for line, cells in enumerate(rows, 1):
        if not any(cell.strip() for cell in cells) or (line == 1 and _is_heading(cells)):
            continue
        name, number = _row(cells, columns)
        problem = _problem(name, number)
        if problem:
            wrong.append(f"Line {line}: {problem}")
        elif number is not None:
            names[number] = name
    more = len(wrong) - _MOST_WRONG
    return Table(names, [*wrong[:_MOST_WRONG], *([f"And {more} more lines."] if more > 0 else [])])


def number_of(text: str) -> str | None:
    """Return a number as it is dialled in Australia in E.164; None if it cannot be one."""
    found = parsed(digits_and_signs(text))
    if found is None or not phonenumbers.is_valid_number(found):
        return None
    return phonenumbers.format_number(found, PhoneNumberFormat.E164)


def _problem(name: str, number: str | None) -> str:
    if number is None:
        return "there is no valid phone number in it."
    if not name:
        return "there is no name in it."
    return f"the name is longer than {LONGEST_NAME} characters." if len(name) > LONGEST_NAME else ""


def _row(cells: Sequence[str], columns: tuple[int, int] | None) -> tuple[str, str | None]:
    if columns is not None:
        name, number = (cells[place] if place < len(cells) else "" for place in columns)
        return tidy(name), number_of(number)
    for place, cell in enumerate(cells):
        number_found = number_of(cell)
        if number_found is not None:
            others = [*cells[:place], *cells[place + 1 :]]
            return tidy(" ".join(others)), number_found
    return tidy(" ".join(cells)), None


def _columns(heading: Sequence[str]) -> tuple[int, int] | None:
    """Return where the name and the number stand, if the heading says so."""
    words = [tidy(cell).casefold() for cell in heading]
    name = next((place for place, word in enumerate(words) if word in _NAMES), None)
    number = next((place for place, word in enumerate(words) if word in _NUMBERS), None)
    return None if name is None or number is None else (name, number)


def _is_heading(cells: Sequence[str]) -> bool:
    words = {tidy(cell).casefold() for cell in cells}
    return bool(words & _NAMES and words & _NUMBERS)


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
