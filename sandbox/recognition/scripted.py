"""The recogniser that knows the words, because the sound itself carries them (`sandbox.audio.coded_words`).

Exact, deterministic and cheap. A word counts as soon as half of it has been heard; a word of which more is
missing is lost, one played again is heard again. A partial result follows each word; 500 ms of anything but
words makes the utterance final. Real speech is nothing to it, and so is any rate but 8 kHz.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from sandbox.audio import coded_words, mulaw
from sandbox.audio.coded_words import PACKET, PACKETS, Packet
from sandbox.recognition.recogniser import Result, Word

_ENOUGH = PACKETS // 2
_PAUSE = mulaw.RATE // 2  # samples


@dataclasses.dataclass(slots=True)
class _Hearing:
    """One word being heard; positions in samples of the channel."""

    word: str
    start: int
    end: int
    number: int
    heard: int = 0

    def goes_on(self, packet: Packet) -> bool:
        return packet.word == self.word and packet.number > self.number

    def as_word(self) -> Word:
        return Word(self.word, self.start / mulaw.RATE, self.end / mulaw.RATE)


class Scripted:
    """One channel; see `sandbox.recognition.recogniser.Recogniser`. The class itself is the factory."""

    def __init__(self, rate: int = mulaw.RATE) -> None:
        self._rate = rate
        self._received = 0  # samples
        self._rest = b""  # codes that may begin a packet
        self._hearing: _Hearing | None = None
        self._words: list[_Hearing] = []
        self._sent = 0  # of those, how many were sent in a partial
        self._utterance = 0

    async def feed(self, pcm: bytes) -> Sequence[Result]:
        """Return finals of utterances that ended in ``pcm``, then a partial if a word came."""
        results: list[Result] = []
        before = self._received - len(self._rest)
        self._received += len(pcm) // 2
        for packet in self._packets(pcm):
            at = before + packet.at
            results += self._settled(at)
            self._hear(packet, at)
        return results + (self._settled(self._received) or self._partial())

    async def finish(self) -> Sequence[Result]:
        """Return the final of the utterance under way."""
        return self._final() if self._words else []

    def close(self) -> None:
        """Do nothing: there is nothing to forget."""

    def _packets(self, pcm: bytes) -> list[Packet]:
        if self._rate != mulaw.RATE or pcm.count(0) == len(pcm):  # silence, the most common sound of all
            self._rest = b""
            return []
        codes = self._rest + mulaw.encode(np.frombuffer(pcm, dtype="<i2"))
        found = list(coded_words.packets(codes))
        done = found[-1].at + PACKET if found else 0
        self._rest = codes[max(done, len(codes) - PACKET + 1) :]
        return found

    def _hear(self, packet: Packet, at: int) -> None:
        hearing = self._hearing
        if hearing is None or not hearing.goes_on(packet):
            hearing = self._hearing = _Hearing(packet.word, at, at, packet.number)
        hearing.end, hearing.number = at + PACKET, packet.number
        hearing.heard += 1
        if hearing.heard == _ENOUGH:
            self._words.append(hearing)

    def _settled(self, now: int) -> list[Result]:
        """Return the final, if the utterance is long over at ``now`` (samples)."""
        if self._hearing is None or now - self._hearing.end < _PAUSE:
            return []
        self._hearing = None
        return self._final() if self._words else []

    def _partial(self) -> list[Result]:
        if len(self._words) == self._sent:
            return []
        self._sent = len(self._words)
        words = tuple(hearing.as_word() for hearing in self._words)
        return [Result(self._utterance, words, final=False, stable=len(words))]

    def _final(self) -> list[Result]:
        words = tuple(hearing.as_word() for hearing in self._words)
        final = Result(self._utterance, words, final=True, stable=len(words))
        self._words, self._sent, self._utterance = [], 0, self._utterance + 1
        return [final]
