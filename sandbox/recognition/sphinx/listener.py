"""One channel heard by pocketsphinx: sound in, results out. Blocks, and holds the interpreter while it does.

The settings were found by trying (words wrong on the demo call, the script being no part of the model):
sound is brought to 16 kHz by drawing lines between the samples; a little white noise fills the empty band
above 4 kHz, which the acoustic model has never seen empty; no second pass over an utterance, which would
stop all other channels for a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder, Endpointer, Segment, get_model_path  # type: ignore[attr-defined]

from sandbox.recognition.recogniser import NOT_UNDERSTOOD, Result, Word
from sandbox.recognition.tones import is_tone

_ACOUSTIC_MODEL = get_model_path("en-us/en-us")  # type: ignore[no-untyped-call]
_MODEL_RATE = 16000
_FRAMES_PER_SECOND = 100  # how pocketsphinx counts time
_CEPSTRUM = "55,6,5,12,9,-8,5,-6,-17,3,-6,4,-3"  # of a telephone line, to begin with: it hears the first words better
_NOISE = 60.0  # 16-bit steps, root mean square
_LONGEST_SECONDS = 15.0  # a speaker who never pauses is cut here
_LONGEST_WORD = 1.5  # seconds; what lasts longer is a noise
_LEAST_SURE = 0.38  # mean confidence: understood speech has 0.44 to 0.86, other speech mostly 0.1 to 0.4
_TONE_FRAMES = 3  # of 30 ms, in which a tone shows


class Upsampler:
    """Any rate to 16 kHz, chunk by chunk without a seam, in straight lines."""

    def __init__(self, rate: int) -> None:
        self._step = rate / _MODEL_RATE  # input samples for each output sample
        self._last = 0.0  # the last sample of the chunk before
        self._next = self._step  # where the next output lies, that sample being 0

    def convert(self, pcm: bytes) -> NDArray[np.float64]:
        """Return the next stretch, at 16 kHz."""
        samples = np.concatenate([[self._last], np.frombuffer(pcm, dtype="<i2")])
        end = len(samples) - 1
        count = max(0, int((end - self._next) / self._step) + 1) if self._next <= end else 0
        at = self._next + self._step * np.arange(count)
        self._next += self._step * count - end
        self._last = float(samples[-1])
        converted: NDArray[np.float64] = np.interp(at, np.arange(len(samples)), samples)
        return converted


class SphinxListener:
    """One channel of ``rate`` samples a second, with its own decoder (7 MB, ready in 10 ms)."""

    def __init__(self, language: Path, dictionary: Path, rate: int) -> None:
        self._decoder = Decoder(
            hmm=_ACOUSTIC_MODEL,
            lm=str(language),
            dict=str(dictionary),
            fwdflat=False,
            cmninit=_CEPSTRUM,
            loglevel="FATAL",
        )
        self._endpointer = Endpointer(sample_rate=_MODEL_RATE)
        self._upsampler = Upsampler(rate)
        self._noise = np.random.default_rng(1)  # always the same, so that the same call gives the same words
        self._sound = b""  # less than a frame, at 16 kHz
        self._recent = b""  # the newest frames
        self._began: float | None = None  # when the utterance under way began
        self._utterance = 0
        self._told: tuple[str, ...] = ()

    def feed(self, pcm: bytes) -> list[Result]:
        """Return what there is to say after the next ``pcm``: finals, then a partial if the words changed."""
        finals = [final for frame in self._frames(pcm) for final in self._hear(frame)]
        return finals + self._partial()

    def finish(self) -> list[Result]:
        """Return the final still owed."""
        if self._began is not None and (rest := self._endpointer.end_stream(self._sound or bytes(2))):
            self._decoder.process_raw(rest)
        return self._end()

    def close(self) -> None:
        """Do nothing: the decoder goes with us."""

    def _frames(self, pcm: bytes) -> Iterator[bytes]:
        """Yield 16 kHz sound in the endpointer's frames of 30 ms."""
        sound = self._upsampler.convert(pcm)
        sound += self._noise.normal(0.0, _NOISE, len(sound))
        self._sound += np.clip(sound, -32768, 32767).astype("<i2").tobytes()
        size = self._endpointer.frame_bytes
        while len(self._sound) >= size:
            frame, self._sound = self._sound[:size], self._sound[size:]
            self._recent = (self._recent + frame)[-_TONE_FRAMES * size :]
            yield bytes(size) if is_tone(self._recent) else frame

    def _hear(self, frame: bytes) -> list[Result]:
        speech = self._endpointer.process(frame)
        if speech is None:
            return []
        if self._began is None:
            self._decoder.start_utt()
            self._began = self._endpointer.speech_start
        self._decoder.process_raw(speech)
        over = not self._endpointer.in_speech
        return self._end() if over or self._decoder.n_frames() > _LONGEST_SECONDS * _FRAMES_PER_SECOND else []

    def _partial(self) -> list[Result]:
        words = self._words() if self._began is not None else ()
        texts = tuple(word.text for word in words)
        if not words or texts == self._told:
            return []
        self._told = texts
        return [Result(self._utterance, capitalised(words), final=False)]

    def _end(self) -> list[Result]:
        """Close the utterance under way, if there is one; its final, if it had words."""
        if self._began is None:
            return []
        self._decoder.end_utt()
        words = self._words()
        self._began, self._told = None, ()
        if not words:
            return []
        self._utterance += 1
        sentence = written(words)
        return [Result(self._utterance - 1, sentence, final=True, stable=len(sentence))]

    def _words(self) -> tuple[Word, ...]:
        """Return the best guess now. Before the end of an utterance its confidence means nothing yet."""
        began = self._began or 0.0
        return tuple(
            Word(
                segment.word.partition("(")[0],  # of several pronunciations, "to(3)" is the third
                began + segment.start_frame / _FRAMES_PER_SECOND,
                began + (segment.end_frame + 1) / _FRAMES_PER_SECOND,
                round(min(segment.prob, 1.0), 4),
            )
            for segment in self._decoder.seg() or ()
            if _is_word(segment)
        )


def _is_word(segment: Segment) -> bool:
    """Return whether it is no silence, breath or noise, which pocketsphinx writes in brackets."""
    frames: int = segment.end_frame - segment.start_frame
    return segment.word[0] not in "<[+" and frames < _LONGEST_WORD * _FRAMES_PER_SECOND


def written(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return ``words`` as a sentence, or one mark in their place if most of them are guesses."""
    sure = sum(word.confidence for word in words) / len(words)
    if sure < _LEAST_SURE:
        return (Word(NOT_UNDERSTOOD, words[0].start, words[-1].end, round(sure, 4)),)
    *others, last = capitalised(words)
    return (*others, replace(last, text=last.text + "."))


def capitalised(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """Return ``words`` as they begin a sentence."""
    first, *others = words
    return (replace(first, text=first.text[0].upper() + first.text[1:]), *others)
