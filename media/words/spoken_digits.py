"""Find digits in a text, written or spoken: "4111-1111", "four one one one", "double five", "oh four twelve". Pure.

A run is digits with nothing but hesitation between them ("um", "and then"). Its groups are what was said in one
piece: a written number, a word, or "double five". A boundary between groups is *strong* where the speaker or the
recogniser made one: next to a written number, at a comma, at a hesitation. Between single digit words it is weak.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

_UNITS = {name: str(value) for value, name in enumerate("zero one two three four five six seven eight nine".split())}  # noqa: SIM905
_UNITS |= {"nought": "0", "naught": "0", "niner": "9", "fife": "5"}
_TEENS = {
    name: str(value)
    for value, name in enumerate(
        [
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        10,
    )
}
_TENS = {
    name: str(value)
    for value, name in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_TENS["fourty"] = "4"
_ZEROS = {"hundred": "00", "thousand": "000"}
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_ZERO_LETTERS = {"oh": "0", "o": "0"}
"""Digits beside another digit."""
_HOMOPHONES = {"to": "2", "too": "2", "for": "4", "fore": "4", "won": "1", "ate": "8", "tree": "3"}
"""Digits between two others."""
_HESITATION = frozenset(
    (
        "um uhm uh er erm ah hmm mm and then so okay ok yeah yes yep right sorry wait let me see hang on next dash "
        + "hyphen space it's the that's is was number numbers digits first last got that in"
    ).split()
)
_KINDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys((*_HESITATION, ""), ("hesitation", "")),
    **{word: ("times", str(times)) for word, times in _TIMES.items()},
    **{
        word: (kind, value)
        for kind, words in (
            *(("unit", _UNITS), ("teen", _TEENS), ("tens", _TENS), ("zeros", _ZEROS)),
            *(("letter", _ZERO_LETTERS), ("homophone", _HOMOPHONES)),
        )
        for word, value in words.items()
    },
}
"""What a word may be in a run, and which digits it stands for."""
_DIGITS = ("unit", "teen", "tens", "written", "letter")
_BEFORE_A_HOMOPHONE = (*_DIGITS, "times", "zeros")
_MOST_DIGITS = {
    word: most + 1  # for a homophone that follows
    for most, words in ((1, _UNITS), (1, _ZERO_LETTERS), (2, _TEENS), (2, _TENS), (3, _ZEROS), (4, _TIMES))
    for word in words
}
_HINTS = {word + ending: most for word, most in _MOST_DIGITS.items() for ending in ("", *",.?!;:")}
_FIGURE = re.compile(r"\d")
_FIGURES_ALONE = re.compile(r"\b\d+\b")
_WORD = re.compile(r"\S+")
_WRITTEN = re.compile(r"\+?\d+(?:[-./,]+\d+)*", re.ASCII)
_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-](?:\d{2}){1,2}|\d{4}-\d{2}-\d{2}", re.ASCII)
_FIGURES = re.compile(r"\d+", re.ASCII)
_AROUND = ".,;:!?\"'()[]…“”‘’"


@dataclass(frozen=True, slots=True)
class Group:
    """Digits said in one piece, at ``start`` to ``end`` of the text; ``strong``: so is the boundary before it."""

    digits: str
    start: int
    end: int
    strong: bool
    international: bool = False
    """Whether it begins with a plus, as only phone numbers do."""


@dataclass(slots=True)
class Run:
    """Digits in a row. ``begins``: no other word stands before it, so that it may continue an earlier utterance."""

    begins: bool
    groups: list[Group] = field(default_factory=list)
    ends_at: int | None = None
    """The index of the word that ends it; None if the text ends first."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A text's digits. ``first_other``: the index of its first word that is neither digit nor hesitation."""

    runs: list[Run]
    first_other: int | None


@dataclass(slots=True)
class _Piece:
    """One word, or a part of one that is written with hyphens."""

    kind: str
    value: str
    word: int
    start: int
    end: int
    strong: bool


def most_digits(text: str) -> int:
    """Return a number of digits that the runs of ``text`` do not exceed. Quick: most texts have none."""
    words = text.lower().split() if "-" not in text else text.lower().replace("-", " ").split()
    most = 0 if _HINTS.keys().isdisjoint(words) else sum(_HINTS.get(word, 0) for word in words)
    if _FIGURE.search(text) is not None:
        most += sum(len(figures) + 1 for figures in _FIGURES_ALONE.findall(text))
    return most


def may_go_on(text: str) -> bool:
    """Return whether ``text`` may end in a run of digits. Quick."""
    last = text.lower().replace("-", " ").split()[-1:]
    return any(_FIGURE.search(word) or _kind(word.strip(_AROUND))[0] != "other" for word in last)


def scan(text: str) -> Scan:
    """Return the runs of digits in ``text``, in order."""
    pieces = _with_context(
        [piece for index, word in enumerate(_WORD.finditer(text)) for piece in _pieces(index, word)]
    )
    runs: list[Run] = []
    current: Run | None = None
    first_other: int | None = None
    at, strong = 0, True
    while at < len(pieces):
        piece = pieces[at]
        group, used = _group(pieces, at, has_digits=current is not None, strong=strong or piece.strong)
        if group is not None:
            if current is None:
                current = Run(begins=first_other is None)
                runs.append(current)
            current.groups.append(group)
            strong = piece.kind == "written"
        elif piece.kind == "hesitation":
            strong = True
        else:
            first_other = piece.word if first_other is None else first_other
            if current is not None:
                current.ends_at, current = piece.word, None
            strong = True
        at += used
    return Scan(runs, first_other)


def mask(text: str, groups: list[Group]) -> str:
    """Return ``text`` with each digit of ``groups``, and each word that stands for some, as a bullet.

    The number of words stays the same.
    """
    for group in sorted(groups, key=lambda group: group.start, reverse=True):
        text = text[: group.start] + _DIGIT_OR_WORD.sub("•", text[group.start : group.end]) + text[group.end :]
    return text


_DIGIT_OR_WORD = re.compile(r"\d|[^\W\d_]+")


def _pieces(index: int, word: re.Match[str]) -> list[_Piece]:
    """Return the pieces of one word: digits, number words, hesitation, or something else."""
    whole = word.group()
    if whole.isalpha():
        return [_Piece(*_kind(whole.lower()), index, word.start(), word.end(), False)]
    core = whole.strip(_AROUND)
    start = word.start() + whole.find(core) if core else word.start()
    strong = not whole.startswith(core)
    if _WRITTEN.fullmatch(core) and not _DATE.fullmatch(core):
        plus = "+" if core[0] == "+" else ""
        found = [
            _Piece("written", plus + figures.group(), index, start + figures.start(), start + figures.end(), True)
            for figures in _FIGURES.finditer(core)
        ]
        return [found[0], *(_plain(piece) for piece in found[1:])]
    parts, at, pieces = core.lower().split("-"), start, []
    for part in parts:
        kind, value = _kind(part)
        pieces.append(_Piece(kind, value, index, at, at + len(part), strong))
        at, strong = at + len(part) + 1, False
    if len(parts) > 1 and any(piece.kind in ("other", "hesitation") for piece in pieces):
        return [_Piece("other", "", index, start, start + len(core), True)]
    return pieces if whole.endswith(core) else [*pieces, _Piece("pause", "", index, word.end(), word.end(), True)]


def _plain(piece: _Piece) -> _Piece:
    piece.value = piece.value.removeprefix("+")
    return piece


def _kind(word: str) -> tuple[str, str]:
    return _KINDS.get(word, ("other", ""))


def _with_context(pieces: list[_Piece]) -> list[_Piece]:
    """Decide what "oh" and "to" are by what stands beside them. Return the pieces without pauses."""
    spoken = [piece for piece in pieces if piece.kind != "pause"]
    for at, piece in enumerate(spoken):
        before = at > 0 and spoken[at - 1].kind in _BEFORE_A_HOMOPHONE
        after = at + 1 < len(spoken) and spoken[at + 1].kind in (*_DIGITS, "times")
        if piece.kind == "letter" and not (before or after):
            piece.kind = "hesitation"
        elif piece.kind == "homophone":
            piece.kind = "unit" if before and after else "other"
    pauses = {piece.word for piece in pieces if piece.kind == "pause"}
    for before_it, piece in pairwise(spoken):
        piece.strong = piece.strong or (before_it.word in pauses and before_it.word != piece.word)
    return spoken


def _group(pieces: list[_Piece], at: int, *, has_digits: bool, strong: bool) -> tuple[Group | None, int]:
    """Return the group that begins at ``at``, None if none does, and how many pieces it takes."""
    piece = pieces[at]
    following = pieces[at + 1] if at + 1 < len(pieces) else None
    match piece.kind:
        case "written":
            digits = piece.value.removeprefix("+")
            return Group(digits, piece.start, piece.end, True, digits != piece.value), 1
        case "unit" | "teen" | "letter":
            return Group(piece.value, piece.start, piece.end, strong), 1
        case "zeros" if has_digits:
            return Group(piece.value, piece.start, piece.end, strong), 1
        case "tens":
            if following is not None and following.kind == "unit" and following.value != "0" and not following.strong:
                return Group(piece.value + following.value, piece.start, following.end, strong), 2
            return Group(piece.value + "0", piece.start, piece.end, strong), 1
        case "times" if following is not None and following.kind in ("unit", "letter", "written"):
            first, rest = following.value[0], following.value[1:]
            return Group(first * int(piece.value) + rest, piece.start, following.end, strong), 2
    return None, 1
