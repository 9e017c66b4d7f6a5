"""Read contacts from a table that somebody pasted or chose: CSV, with commas, semicolons or tabs. Pure."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import phonenumbers
from phonenumbers import PhoneNumberFormat

from db.queries.contacts.contacts import Flag, Flags
from web.request.callers import parsed
from web.request.csv_export import plain
from web.request.typed import digits_and_signs, tidy

LONGEST_NAME = 120  # characters
NO_NUMBER = "That is not a phone number: write it as it is dialled in Australia, or with + and the country."
_MOST_WRONG = 10  # lines that are named
_NAMES = {"name", "full name", "contact", "customer"}
_NUMBERS = {"number", "phone", "phone number", "telephone", "mobile"}
_FLAGS: Mapping[str, Flag] = {"do not call": "do_not_call", "do not transcribe": "do_not_transcribe"}
_YES, _NO = {"yes", "y", "true", "1", "x"}, {"no", "n", "false", "0"}


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    number: int
    flags: Mapping[int, Flag]


@dataclass(frozen=True, slots=True)
class Table:
    """The names by number (E.164), and what is wrong: a sentence for each of the first lines that cannot be read.

    ``repeated``: lines that count for nothing, since a later one has the same number. ``alike``: names with several
    numbers, each of which may be one person.
    """

    names: Mapping[str, str]
    flags: Mapping[str, Flags]
    wrong: Sequence[str]
    repeated: int = 0
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers (E.164), each once, and the lines in which there is none."""

    numbers: Sequence[str]
    wrong: Sequence[int]


def read(text: str) -> Table:
    """Read a table of names and numbers, in either order; a heading may name its columns.

    Under *do not call* and *do not transcribe* stands yes or no; where nothing does, a contact stays as it is.
    """
    read_rows = csv.reader(StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text))
    rows = [[plain(cell) for cell in cells] for cells in read_rows]
    columns = _columns(rows[0]) if rows else None
    names: dict[str, str] = {}
    flags: dict[str, Flags] = {}
    wrong: list[str] = []
    repeated = 0
    for line, cells in enumerate(rows, 1):
        if not any(cell.strip() for cell in cells) or (line == 1 and _is_heading(cells)):
            continue
        name, number = _row(cells, columns)
        said = _flags(cells, columns)
        problem = _problem(name, number) or ("" if said is not None else "a flag is neither yes nor no.")
        if problem:
            wrong.append(f"Line {line}: {problem}")
        elif number is not None:
            repeated += number in names
            names[number] = name
            flags[number] = said or {}
    more = len(wrong) - _MOST_WRONG
    wrong = [*wrong[:_MOST_WRONG], *([f"And {more} more lines."] if more > 0 else [])]
    alike = sum(count > 1 for count in Counter(name.casefold() for name in names.values()).values())
    return Table(names, flags, wrong, repeated, alike)


def read_numbers(text: str) -> Numbers:
    """Read a list of numbers, one a line; of a table, the first number of each line counts. A heading is left out."""
    numbers: dict[str, None] = {}
    wrong: list[int] = []
    for line, cells in enumerate(csv.reader(StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text)), 1):
        found = next((number for number in map(number_of, map(plain, cells)) if number is not None), None)
        if found is not None:
            numbers[found] = None
        elif any(cell.strip() for cell in cells) and not (line == 1 and _names_numbers(cells)):
            wrong.append(line)
    return Numbers(list(numbers), wrong)


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


def _row(cells: Sequence[str], columns: _Columns | None) -> tuple[str, str | None]:
    if columns is not None:
        name, number = (cells[place] if place < len(cells) else "" for place in (columns.name, columns.number))
        return tidy(name), number_of(number)
    for place, cell in enumerate(cells):
        number_found = number_of(cell)
        if number_found is not None:
            others = [*cells[:place], *cells[place + 1 :]]
            return tidy(" ".join(others)), number_found
    return tidy(" ".join(cells)), None


def _flags(cells: Sequence[str], columns: _Columns | None) -> Flags | None:
    """Return the flags that a line speaks of; None if one cannot be read."""
    found: dict[Flag, bool] = {}
    for place, flag in columns.flags.items() if columns is not None else ():
        word = tidy(cells[place]).casefold() if place < len(cells) else ""
        if word and word not in _YES | _NO:
            return None
        if word:
            found[flag] = word in _YES
    return found


def _columns(heading: Sequence[str]) -> _Columns | None:
    """Return where the name, the number and the flags stand, if the heading says so."""
    words = [tidy(cell).casefold() for cell in heading]
    name = next((place for place, word in enumerate(words) if word in _NAMES), None)
    number = next((place for place, word in enumerate(words) if word in _NUMBERS), None)
    flags = {place: _FLAGS[word] for place, word in enumerate(words) if word in _FLAGS}
    return None if name is None or number is None else _Columns(name, number, flags)


def _is_heading(cells: Sequence[str]) -> bool:
    return _names_numbers(cells) and bool({tidy(cell).casefold() for cell in cells} & _NAMES)


def _names_numbers(cells: Sequence[str]) -> bool:
    return bool({tidy(cell).casefold() for cell in cells} & _NUMBERS)


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)
