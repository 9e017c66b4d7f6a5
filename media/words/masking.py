"""Mask protected numbers in the utterances of one call, before they leave its transcription. Pure.

A number is often said in pieces, and words are shown while they are spoken. So:

* In a final utterance, exactly the protected numbers are masked.
* While a run of digits may still grow into one, it is masked from its `LEAST`-th digit on: all of it, so that no part
  of a card is readable for a moment. Shorter runs, phone numbers that begin with 0, and dates are never masked early.
* A final utterance that ends in such a run is shown as unfinished, masked, until the speaker goes on with other
  words, has been silent for `PAUSE_SECONDS` (`LONG_PAUSE_SECONDS` once more than `BRIEF` digits were said), or the
  call ends. What follows within that time belongs to the same number, and all its pieces are masked together.

At most `LEAST` - 1 digits of a protected number are readable: those that were said before a first pause. After a
pause that was too long, what was shown before stays; what follows is masked all the same. Another node that takes the
call over does not know what was said before.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from msgspec import structs

from media.live.transcript import Utterance
from media.words.protected_numbers import LONGEST, could_become_protected, is_counting, protected
from media.words.spoken_digits import Group, Run, Scan, mask, may_go_on, most_digits, scan

LEAST = 6  # digits in a row; five of a card's may be readable
BRIEF = 8  # digits: the issuer's part of a card number
PAUSE_SECONDS = 4.0
LONG_PAUSE_SECONDS = 10.0
FORGET_MS = 30_000  # of silence of a speaker: digits said after it are of another number


@dataclass(slots=True)
class _Part:
    """An earlier utterance that ended in the digits of a run that may go on."""

    utterance: Utterance
    groups: list[Group]
    is_due: bool
    """Whether it is still shown as unfinished."""


class _Speaker:
    """One speaker's run of digits so far, over utterances; ``until``: when its rest is waited for no longer, in s."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.until = inf
        self._newest: list[Group] = []  # the run's digits in the unfinished utterance

    @property
    def groups(self) -> list[Group]:
        return [group for part in self.parts for group in part.groups]

    def revise(self, utterance: Utterance, now: float) -> list[Utterance]:
        """Return what to show: earlier utterances that are over now, then this one."""
        shown = []
        if self.parts and utterance.start_ms - self.parts[-1].utterance.end_ms > FORGET_MS:
            shown = self.finish()
            self.parts = []
        text, before = scan(utterance.text), self.groups
        decided = len(utterance.text.split()) if utterance.final else utterance.stable_words
        runs = [_judge(before if run.begins else [], run, decided, final=utterance.final) for run in text.runs]
        joins = bool(runs) and text.runs[0].begins
        self._newest = text.runs[0].groups if joins else []
        goes_on = bool(runs) and runs[-1].is_open
        if _is_before(text.runs[0].ends_at if joins else text.first_other, decided) or (
            utterance.final and joins and not runs[0].is_open
        ):
            shown += self.finish()
            self.parts = self.parts if joins else []
        hidden = [group for run in runs for group in run.hidden]
        shown.append(_masked(utterance, hidden, final=utterance.final and not goes_on))
        if utterance.final:
            self._remember(utterance, text, is_due=goes_on)
        self._wait(now)
        return shown

    def finish(self) -> list[Utterance]:
        """Return what was shown as unfinished, with what is protected in it masked."""
        hits, at, finished = protected([*self.groups, *self._newest]), 0, []
        for part in self.parts:
            hidden = [group for index, group in enumerate(part.groups, at) if index in hits]
            at += len(part.groups)
            if part.is_due:
                part.is_due = False
                finished.append(_masked(part.utterance, hidden))
        self.until = inf
        return finished

    def _remember(self, utterance: Utterance, text: Scan, *, is_due: bool) -> None:
        """Keep the digits at the end of a final utterance: the next one may go on with them."""
        self._newest = []
        if not text.runs:
            self.parts = self.parts if text.first_other is None else []
            return
        last = text.runs[-1]
        earlier = self.parts if last.begins else []
        self.parts = [*earlier, _Part(utterance, last.groups, is_due)] if last.ends_at is None else []
        while len(self.parts) > 1 and not self.parts[0].is_due and _count(self.groups) > 2 * LONGEST:
            del self.parts[0]

    def _wait(self, now: float) -> None:
        if any(part.is_due for part in self.parts):
            self.until = now + (PAUSE_SECONDS if _count(self.groups) <= BRIEF else LONG_PAUSE_SECONDS)


class Masking:
    """One call's masking. ``now`` is in seconds of any clock that does not jump."""

    def __init__(self) -> None:
        self._speakers = (_Speaker(), _Speaker())

    def revise(self, channel: int, utterance: Utterance, now: float) -> list[Utterance]:
        """Return what to show of a new or revised utterance, after earlier ones of the speaker that are over now."""
        speaker = self._speakers[channel]
        return speaker.revise(utterance, now) if speaker.parts or _matters(utterance) else [utterance]

    def overdue(self, now: float) -> list[Utterance]:
        """Return the utterances whose rest is no longer waited for, as final."""
        return [utterance for each in self._speakers if each.until <= now for utterance in each.finish()]

    def finish(self) -> list[Utterance]:
        """Return all utterances that are still shown as unfinished, as final: nothing more is said."""
        return [utterance for each in self._speakers for utterance in each.finish()]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A run of an utterance: what of it nobody may read now, and whether it may go on to be a protected number."""

    hidden: list[Group]
    is_open: bool


def _judge(before: list[Group], run: Run, decided: int, *, final: bool) -> _Judged:
    """Judge a run that goes on from ``before``; the first ``decided`` words of its text will not change."""
    groups = [*before, *run.groups]
    hits = protected(groups)
    is_unended = not _is_before(run.ends_at, decided) and not (final and is_counting(groups))
    if is_unended and len(hits) < len(groups) and could_become_protected(groups, LEAST):
        return _Judged(run.groups, is_open=True)
    return _Judged([group for index, group in enumerate(run.groups, len(before)) if index in hits], is_open=False)


def _matters(utterance: Utterance) -> bool:
    """Return whether ``utterance`` has digits enough to mask, or may end in some that the next one goes on with."""
    most = most_digits(utterance.text)
    return most >= LEAST or (utterance.final and most > 0 and may_go_on(utterance.text))


def _is_before(word: int | None, decided: int) -> bool:
    return word is not None and word < decided


def _count(groups: list[Group]) -> int:
    return sum(len(group.digits) for group in groups)


def _masked(utterance: Utterance, hidden: list[Group], *, final: bool = True) -> Utterance:
    if not hidden and utterance.final == final:
        return utterance
    return structs.replace(utterance, text=mask(utterance.text, hidden), final=final)
