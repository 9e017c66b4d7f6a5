"""What was said on a line, word by word with its time, to be held against what a screen shows.

The rule of every fault: exactly the words that were spoken, in order, none twice; or a gap says that one is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.audio import coded_words
from sandbox.twilio.faults import Track
from tests.kit.media.media_ends import Line, Screen

WORD_MS = (coded_words.WORD + coded_words.GAP) // 8
SPEAKERS: dict[Track, str] = {"inbound": "caller", "outbound": "agent"}
Send = Callable[[list[str]], list[str]]  # what becomes of frames on their way


@dataclass(frozen=True, slots=True)
class Word:
    """One word, and when it was spoken, in ms of the call."""

    text: str
    speaker: str
    start_ms: int
    end_ms: int


@dataclass
class Talk:
    """Two people on one line (an inbound call's), each word of theirs unlike any other."""

    line: Line
    said: list[Word] = field(default_factory=list)
    mangle: Send = lambda frames: frames
    offset_ms: int = 0
    """Where the line's stream begins on the call's clock."""

    async def say(self, count: int, track: Track = "inbound", *, pause: bool = False) -> None:
        """The next ``count`` words, on one track."""
        for _ in range(count):
            text = f"{track[0]}{len(self.said)}"
            start = self.offset_ms + self.line.at_ms
            self.said.append(Word(text, SPEAKERS[track], start, start + coded_words.WORD // 8))
            await self._play(coded_words.encode(text), track)
        if pause:
            await self._play(coded_words.silence(coded_words.PAUSE_SECONDS), track)

    async def say_unheard(self, count: int, track: Track = "inbound") -> None:
        """The same, but not a frame of it arrives."""
        keep, self.mangle = self.mangle, lambda _: []
        await self.say(count, track)
        self.mangle = keep

    async def end(self, screen: Screen) -> None:
        """Both say a last word and hang up; wait until the call's words are all there."""
        for track in SPEAKERS:
            await self.say(1, track, pause=True)
        await self.line.hang_up()
        await screen.ended(self.line.call)

    async def _play(self, sound: bytes, track: Track) -> None:
        for text in self.mangle(self.line.frames(sound, track)):
            await self.line.send(text)


def account(talk: Talk, screen: Screen) -> list[str]:
    """Hold what ``screen`` shows against what was said; the words that are missing, each of which is in a gap."""
    call = talk.line.call
    shown = {speaker: screen.words(call, speaker).split() for speaker in SPEAKERS.values()}
    gaps = [(gap["from_ms"], gap["to_ms"]) for gap in screen.gaps(call)]
    return [word.text for word in missing(talk.said, shown, gaps)]


def missing(
    said: Sequence[Word], shown: Mapping[str, Sequence[str]], gaps: Sequence[tuple[int, int]]
) -> Sequence[Word]:
    """Hold what is ``shown`` of each speaker against what was ``said``; the words that are in one of ``gaps``."""
    missed = []
    for speaker in SPEAKERS.values():
        spoken = {word.text: word for word in said if word.speaker == speaker}
        there = list(shown[speaker])
        assert there == [text for text in spoken if text in set(there)], (
            f"in order, none twice, none made up: {there}"
        )
        missed += [word for text, word in spoken.items() if text not in set(there)]
    untold = [word for word in missed if not _is_told(word, gaps)]
    assert untold == [], f"missing, and in no gap of {gaps}: {untold}"
    return sorted(missed, key=lambda word: word.start_ms)


def causes(screen: Screen, call: str) -> set[str]:
    """Whose fault the gaps are."""
    return {gap["cause"] for gap in screen.gaps(call)}


def gap_ms(screen: Screen, call: str) -> int:
    """How long the gaps are together."""
    return sum(end - start for start, end in _joined(screen, call))


def _joined(screen: Screen, call: str) -> Iterator[tuple[int, int]]:
    reached = 0
    for gap in sorted(screen.gaps(call), key=lambda gap: gap["from_ms"]):
        if gap["to_ms"] > reached:
            yield max(reached, gap["from_ms"]), gap["to_ms"]
            reached = gap["to_ms"]


def _is_told(word: Word, gaps: Sequence[tuple[int, int]]) -> bool:
    """Whether a third of the word, or more, lies in a gap: with less gone it would have been heard."""
    covered = sum(max(0, min(end, word.end_ms) - max(start, word.start_ms)) for start, end in gaps)
    return covered * 3 >= word.end_ms - word.start_ms
