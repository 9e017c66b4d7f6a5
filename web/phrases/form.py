"""A phrase rule as an admin types it: one phrase a line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from protocol.phrases import LONGEST_PHRASE, MOST_PHRASES, SHORTEST_STEM, Listens, PhraseRule, pattern_words
from web.request.typed import tidy

FIELDS = (
    "id",
    "name",
    "phrases",
    "exceptions",
    "speaker",
    "priority",
    "cooldown_s",
    "most",
    "card",
    "must_say",
    "on",
)
_LONGEST_NAME, _LONGEST_CARD = 60, 500  # characters
_MOST_COOLDOWN, _MOST_TIMES = 3600, 100
_MOST_BYTES = 40_000  # of a rule's phrases: with the rest it has to fit into one message of NATS
_PRIORITIES = ("1", "2", "3")

Typed = Mapping[str, str]


def problems(typed: Typed) -> dict[str, str]:
    """Return what is wrong, by field: nothing if `read` can make a rule of it."""
    wrong = {}
    name, card = tidy(typed["name"]), typed["card"].strip()
    if not name or len(name) > _LONGEST_NAME:
        wrong["name"] = f"Enter a name for the rule, at most {_LONGEST_NAME} characters."
    if not (phrases := _lines(typed["phrases"])):
        wrong["phrases"] = "Enter at least one phrase, each on its own line."
    for field, lines in (("phrases", phrases), ("exceptions", _lines(typed["exceptions"]))):
        if problem := next(filter(None, map(_phrase_problem, lines)), ""):
            wrong[field] = problem
        elif len(lines) > MOST_PHRASES:
            wrong[field] = f"Enter at most {MOST_PHRASES} phrases; make another rule for the rest."
    if len(typed["phrases"].encode() + typed["exceptions"].encode()) > _MOST_BYTES:
        wrong["phrases"] = "This is too long: make another rule for the rest."
    if typed["speaker"] not in get_args(Listens):
        wrong["speaker"] = "Choose whose words the rule applies to."
    if typed["priority"] not in _PRIORITIES:
        wrong["priority"] = "Choose a priority."
    for field, most in (("cooldown_s", _MOST_COOLDOWN), ("most", _MOST_TIMES)):
        if _number(typed[field], most) is None:
            wrong[field] = f"Enter a whole number, 0 to {most}."
    if len(card) > _LONGEST_CARD:
        wrong["card"] = f"Write at most {_LONGEST_CARD} characters."
    return wrong


def read(typed: Typed) -> PhraseRule:
    """Return the rule, which has no `problems`."""
    speaker = next(each for each in get_args(Listens) if each == typed["speaker"])
    return PhraseRule(
        typed["id"],
        tidy(typed["name"]),
        _lines(typed["phrases"]),
        _lines(typed["exceptions"]),
        speaker,
        int(typed["priority"]),
        _number(typed["cooldown_s"], _MOST_COOLDOWN) or 0,
        _number(typed["most"], _MOST_TIMES) or 0,
        typed["card"].strip(),
        typed["must_say"] == "yes",
    )


def filled(rule: PhraseRule, *, is_on: bool) -> dict[str, str]:
    """Return the fields as they would be typed for ``rule``."""
    return {
        "id": rule.id,
        "name": rule.name,
        "phrases": "\n".join(rule.phrases),
        "exceptions": "\n".join(rule.exceptions),
        "speaker": rule.speaker,
        "priority": str(rule.priority),
        "cooldown_s": str(rule.cooldown_s),
        "most": str(rule.most),
        "card": rule.card,
        "must_say": "yes" if rule.must_say else "",
        "on": "yes" if is_on else "",
    }


EMPTY = filled(PhraseRule("", "", ()), is_on=False)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for line in map(tidy, text.splitlines()) if line))


def _phrase_problem(phrase: str) -> str:
    words = pattern_words(phrase)
    if len(phrase) > LONGEST_PHRASE:
        return f"“{phrase[:40]}…” is longer than {LONGEST_PHRASE} characters."
    if not words:
        return f"“{phrase}” has no word."
    if any(is_stem and len(word) < SHORTEST_STEM for word, is_stem in words):
        return f"“{phrase}” would fire too often: write at least {SHORTEST_STEM} letters before a star."
    return ""


def _number(text: str, most: int) -> int | None:
    text = tidy(text) or "0"
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 and int(text) <= most else None
