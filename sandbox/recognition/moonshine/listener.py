"""One channel heard by Moonshine: sound in, results out. Blocks while it decodes.

The library finds lines of speech between pauses, and its model writes a whole line at a time; a line that is still
spoken is decoded again every now and then (`pace`), which gives the partial results. Lines of more than 10 s are cut.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sandbox.recognition import tones, word_times
from sandbox.recognition.agreement import Agreement, continued
from sandbox.recognition.pace import Pace
from sandbox.recognition.recogniser import NOT_UNDERSTOOD, Result, Word

if TYPE_CHECKING:
    from moonshine_voice import Stream, Transcriber, TranscriptLine

_LINE_RATE = 16_000  # of the sound that comes with a line, samples a second
_FULL_SCALE = 32768.0
_AFTERMATH_SECONDS = 0.7  # of silence, without which the last words of a stream are lost
_STREAM_SECONDS = 30.0  # after which a stream, which keeps all of its sound, is replaced in the next pause
_OVERLAP_SECONDS = 0.5  # that the next stream begins before the last one ends, as speech may just have begun
_MARKS = ".,?!"
_SEAM_SECONDS = 0.1  # between two lines without a pause
_NEVER = float("inf")


class MoonshineListener:
    """One channel of ``rate`` samples a second. ``clock`` measures what a decoding takes, in seconds."""

    def __init__(
        self, transcriber: Transcriber, pace: Pace, rate: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._transcriber = transcriber
        self._pace = pace
        self._rate = rate
        self._clock = clock
        self._stream = self._opened()
        self._began = 0.0  # when the stream began; all times are seconds of the channel's sound
        self._heard = 0.0
        self._decoded = 0.0
        self._cost = 0.0  # of the latest decoding of the open line, seconds
        self._recent = b""
        self._closed = 0  # lines of this stream that are complete
        self._utterance = 0
        self._agreement = Agreement()
        self._told: tuple[str, ...] = ()
        self._before: list[str] = []  # the words of the last final, and when its line ended
        self._ended = -_NEVER

    def feed(self, pcm: bytes) -> list[Result]:
        """Return what there is to say after the next ``pcm``: finals, then a partial if the words changed."""
        self._take(pcm)
        if self._heard - self._decoded < self._pace.interval(self._cost):
            return []
        results = self._decode()
        if self._cost == 0.0 and self._heard - self._began > _STREAM_SECONDS:
            self._renew()
        return results

    def finish(self) -> list[Result]:
        """Return the finals still owed."""
        self._add(np.zeros(int(_AFTERMATH_SECONDS * self._rate), dtype=np.int16))
        results = self._decode()
        self._stream.stop()  # which drops what is not decoded, and ends a line that is still open
        return results + self._decode()

    def close(self) -> None:
        """Free the stream."""
        self._pace.speaking.discard(self)
        self._stream.close()

    def _opened(self) -> Stream:
        stream = self._transcriber.create_stream(update_interval=_NEVER)  # decoded when we say so
        stream.start()
        return stream

    def _take(self, pcm: bytes) -> None:
        self._heard += len(pcm) / 2 / self._rate
        size = int(tones.SECONDS * self._rate) * 2
        is_tone = tones.is_tone((self._recent + pcm)[-size:])
        self._recent = (self._recent + pcm)[-int(_OVERLAP_SECONDS * self._rate) * 2 :]
        samples = np.frombuffer(pcm, dtype="<i2")
        self._add(np.zeros_like(samples) if is_tone else samples)

    def _add(self, samples: NDArray[np.int16]) -> None:
        self._stream.add_audio((samples / _FULL_SCALE).tolist(), self._rate)

    def _renew(self) -> None:
        """Go on with a fresh stream, in a pause."""
        self._stream.close()
        self._stream, self._closed = self._opened(), 0
        self._began = self._heard - len(self._recent) / 2 / self._rate
        self._add(np.frombuffer(self._recent, dtype="<i2"))

    def _decode(self) -> list[Result]:
        began = self._clock()
        lines = self._stream.update_transcription().lines[self._closed :]
        self._decoded = self._heard
        results = [result for line in lines for result in self._results(line)]
        is_open = bool(lines) and not lines[-1].is_complete
        self._cost = self._clock() - began if is_open else 0.0
        (self._pace.speaking.add if is_open else self._pace.speaking.discard)(self)
        return results

    def _results(self, line: TranscriptLine) -> Iterator[Result]:
        """Yield the result of one line, if there is news of it."""
        guess = words_of(line.text, ended=line.is_complete)
        if self._began + line.start_time < self._ended + _SEAM_SECONDS:  # a line that was too long goes on
            guess = continued(self._before, guess)
        if not line.is_complete:
            words = self._agreement.partial(guess) if guess else []
            if words and tuple(words) != self._told:
                self._told = tuple(words)
                yield self._result(line, words, final=False, stable=len(self._agreement.settled))
            return
        self._closed += 1
        words = self._agreement.final(guess)
        if not words and self._told:
            words = [NOT_UNDERSTOOD]  # in the place of what was taken for words
        self._before, self._ended = words, self._began + line.start_time + line.duration
        self._agreement, self._told = Agreement(), ()
        if words:
            yield self._result(line, words, final=True, stable=len(words))
            self._utterance += 1

    def _result(self, line: TranscriptLine, words: list[str], *, final: bool, stable: int) -> Result:
        start = self._began + line.start_time
        sound = np.asarray(line.audio_data or (), dtype=np.float32)
        spans = word_times.spread(words, sound, _LINE_RATE)
        placed = (Word(text, start + begins, start + ends) for text, (begins, ends) in zip(words, spans, strict=True))
        return Result(self._utterance, tuple(placed), final=final, stable=stable)


def words_of(text: str, *, ended: bool) -> list[str]:
    """Return the words of a line, each with one mark at most; the last one of an open line with none."""
    words = [_with_one_mark(word) for word in text.split() if any(map(str.isalnum, word))]
    if words and not ended:
        words[-1] = words[-1].rstrip(_MARKS)  # the model ends every guess as if it were a sentence
    return words


def _with_one_mark(word: str) -> str:
    plain = word.rstrip(_MARKS)
    return word[: len(plain) + 1]
