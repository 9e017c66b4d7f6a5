"""An organisation's phrase rules, and which of them a text fires. Pure: web offers to try what media does.

A phrase is whole words in a row, in any case and punctuation; ``cancel*`` is any word that begins so. A rule fires
where one of its phrases is said by whom it listens to, unless one of its exceptions is said in the same utterance.
A phrase may begin in what the same speaker said right before: a sentence is often heard as two utterances.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from msgspec import Struct

Listens = Literal["any", "caller", "agent"]
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_PATTERN_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*\*?")

MOST_RULES = 200  # of an organisation
MOST_PHRASES = 200  # of a rule, exceptions as well
LONGEST_PHRASE = 100  # characters
SHORTEST_STEM = 3  # letters before a star


class PhraseRule(Struct, frozen=True):
    """One rule. ``cooldown_s``: seconds of a call after firing in which it is quiet; ``most``: times in a call."""

    id: str
    name: str
    phrases: tuple[str, ...]
    exceptions: tuple[str, ...] = ()
    speaker: Listens = "any"
    priority: int = 2
    """1 (high) to 3 (low)."""
    cooldown_s: int = 0
    most: int = 0
    """0: any number."""
    card: str = ""
    """What the agent is shown when it fires."""
    must_say: bool = False
    """Whether it is a sentence that has to be said, and is ticked off when it is."""


class _Node:
    """What may follow after the words that lead here: whole words, or beginnings of words (stems)."""

    __slots__ = ("ends", "lengths", "stems", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.stems: dict[str, _Node] = {}
        self.lengths: list[int] = []  # of the stems
        self.ends: list[tuple[int, bool]] = []  # of each phrase that ends here: its rule, and whether an exception

    def add(self, word: str, *, is_stem: bool) -> _Node:
        """Return the node after ``word``."""
        if is_stem:
            self.lengths = sorted({*self.lengths, len(word)})
        return (self.stems if is_stem else self.words).setdefault(word, _Node())

    def after(self, word: str) -> Sequence[_Node]:
        """Return the nodes that a spoken ``word`` leads to."""
        whole = self.words.get(word)
        if not self.lengths:
            return () if whole is None else (whole,)
        stems = (self.stems.get(word[:length]) for length in self.lengths if length <= len(word))
        return [node for node in (whole, *stems) if node is not None]


class PhraseRules:
    """An organisation's ``rules``, made ready to be searched for: a tree of words, however many phrases there are."""

    def __init__(self, rules: Iterable[PhraseRule]) -> None:
        self.rules = sorted(rules, key=lambda rule: (rule.priority, rule.name))
        self._root = _Node()
        self._longest = 0  # words of a phrase
        for index, rule in enumerate(self.rules):
            for phrase in rule.phrases:
                self._add(index, phrase, is_exception=False)
            for phrase in rule.exceptions:
                self._add(index, phrase, is_exception=True)

    def fired(self, text: str, speaker: str, before: str = "") -> list[PhraseRule]:
        """Return the rules that ``text`` of ``speaker`` (caller or agent) fires, the most important first.

        ``before``: what they said right before, in which a phrase may begin.
        """
        earlier, words = _words(before)[1 - self._longest :] if self._longest > 1 else [], _words(text)
        both, first = earlier + words, len(earlier)
        ends = {end for end, after in self._ends(both) if after > first} if words else set()
        excepted = {rule for rule, is_exception in ends if is_exception}
        fired = [self.rules[rule] for rule, is_exception in sorted(ends) if not is_exception and rule not in excepted]
        return [rule for rule in fired if rule.speaker in ("any", speaker)]

    def _ends(self, words: Sequence[str]) -> Iterator[tuple[tuple[int, bool], int]]:
        """Yield each end of a phrase in ``words``, with the index of the word after it."""
        for at, word in enumerate(words, 1):
            after, nodes = at, self._root.after(word)
            while nodes:
                for node in nodes:
                    for end in node.ends:
                        yield end, after
                if after == len(words):
                    break
                word, after = words[after], after + 1
                nodes = [follower for node in nodes for follower in node.after(word)]

    def _add(self, rule: int, phrase: str, *, is_exception: bool) -> None:
        node = self._root
        words = pattern_words(phrase)
        self._longest = max(self._longest, len(words))
        for word, is_stem in words:
            node = node.add(word, is_stem=is_stem)
        if node is not self._root:
            node.ends.append((rule, is_exception))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


def pattern_words(phrase: str) -> list[tuple[str, bool]]:
    """Return the words of ``phrase``, each with whether it is only a beginning."""
    found = _PATTERN_WORD.findall(phrase.lower().replace("’", "'"))
    return [(word.rstrip("*"), word.endswith("*")) for word in found]


def may_fire(rule: PhraseRule, fired_at_ms: Sequence[int], at_ms: int) -> bool:
    """Return whether ``rule``, which fired in the call at those times already, may fire at ``at_ms``."""
    if rule.must_say:
        return not fired_at_ms
    if rule.most and len(fired_at_ms) >= rule.most:
        return False
    return not fired_at_ms or at_ms - max(fired_at_ms) >= rule.cooldown_s * 1000
