"""Make the demo call's sound, script and dictionary again: ``python -m sandbox.demo.make`` (needs ``flite``).

Reads ``call.txt`` (what is said) and ``corpus.txt`` (what the recogniser may expect to be said). Writes
``agent.ulaw`` and ``caller.ulaw`` (mu-law, 8 kHz, of equal length), ``script.json`` (who says what, from
when to when), ``language.arpa`` (which words of the corpus follow which) and ``dictionary.txt`` (how they
are pronounced). All of it is committed, so only a change of the texts needs this.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import get_model_path
from pocketsphinx.lm import ArpaBoLM

from sandbox import demo
from sandbox.audio import mulaw

Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Voice:
    """A flite voice, made ``higher`` by this factor as a smaller person's is: its pitch and what the throat adds."""

    flite: str
    higher: float = 1.0


# Moonshine gets twice and more of the words of flite's other voices wrong; made higher, this one is another person's.
VOICES = {"agent": Voice("rms"), "caller": Voice("rms", higher=1.2)}
TAIL_SECONDS = 1.0  # the line stays open for a moment after the last word
_CMUDICT = Path(get_model_path("en-us/cmudict-en-us.dict"))  # type: ignore[no-untyped-call]
LOUDNESS = 2600.0  # root mean square of each sentence, in 16-bit steps: an ordinary telephone voice

# Words that CMUdict lacks.
EXTRA_WORDS = {"postcode": "P OW S T K OW D"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of ``call.txt``; ``pause`` in seconds since the line before it ended."""

    speaker: str
    pause: float
    text: str


def read_call(text: str) -> Iterator[Line]:
    """Yield the lines of ``call.txt``, comments left out."""
    for line in text.splitlines():
        if line and not line.startswith("#"):
            speaker, pause, words = (part.strip() for part in line.split("|"))
            yield Line(speaker, float(pause), words)


def speak(voice: Voice, text: str) -> Samples:
    """Return ``text`` in a flite voice: 16 kHz, mono."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        slower = f"duration_stretch={voice.higher}"
        subprocess.run(["flite", "-voice", voice.flite, "--setf", slower, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as spoken:
            if spoken.getframerate() != 2 * mulaw.RATE or spoken.getnchannels() != 1:
                raise SystemExit(f"flite voice {voice.flite} does not speak at 16 kHz")
            samples = np.frombuffer(spoken.readframes(spoken.getnframes()), dtype="<i2").astype(float)
    higher: Samples = np.interp(np.arange(0, len(samples) - 1, voice.higher), np.arange(len(samples)), samples)
    return higher


def telephone(samples: Samples) -> Samples:
    """Return 16 kHz samples as a telephone carries them: 200-3400 Hz, 8 kHz, at one loudness."""
    narrow = np.convolve(trimmed(samples), _band_pass(200, 3400, 2 * mulaw.RATE), mode="same")[::2]
    loudness = float(np.sqrt(np.mean(narrow**2)))
    return narrow * (LOUDNESS / loudness)


def trimmed(samples: Samples) -> Samples:
    """Return ``samples`` without the silence that flite puts around a sentence."""
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    return samples[max(int(loud[0]) - 400, 0) : int(loud[-1]) + 800]


def _band_pass(low: float, high: float, rate: int, taps: int = 255) -> Samples:
    """Return a windowed-sinc filter."""
    at = (np.arange(taps) - taps // 2) / rate
    wanted = high * np.sinc(2 * high * at) - low * np.sinc(2 * low * at)
    kernel: Samples = 2 / rate * wanted * np.hamming(taps)
    return kernel


def lay_out(lines: list[Line]) -> tuple[list[demo.Turn], dict[str, bytes]]:
    """Return when each line is said, and both tracks in mu-law."""
    turns, sounds, end = [], [], 0.0
    for line in lines:
        sound = telephone(speak(VOICES[line.speaker], line.text))
        start = end + line.pause
        end = start + len(sound) / mulaw.RATE
        turns.append(demo.Turn(line.speaker, line.text, round(start, 3), round(end, 3)))
        sounds.append(sound)
    tracks = {speaker: np.zeros(round((end + TAIL_SECONDS) * mulaw.RATE)) for speaker in VOICES}
    for turn, sound in zip(turns, sounds, strict=True):
        at = round(turn.start * mulaw.RATE)
        tracks[turn.speaker][at : at + len(sound)] += sound
    return turns, {speaker: _mulaw(track) for speaker, track in tracks.items()}


def _mulaw(track: Samples) -> bytes:
    return mulaw.encode(np.clip(np.round(track), -32768, 32767).astype("<i2"))


def sentences(corpus: str) -> list[str]:
    """Return the lines of ``corpus.txt``, comments left out."""
    return [line for line in corpus.splitlines() if not line.startswith("#")]


def language_model(corpus: list[str]) -> str:
    """Return trigrams of the sentences, in ARPA form."""
    model = ArpaBoLM(text="\n".join(corpus), add_start=True)
    model.compute()
    arpa = StringIO()
    model.write(arpa)
    return arpa.getvalue()


def pronunciations(corpus: list[str]) -> str:
    """Return the part of CMUdict that speaks of the sentences' words, in Sphinx's dictionary form."""
    words = {word for sentence in corpus for word in sentence.split()}
    entries = _cmudict() | {word: [said] for word, said in EXTRA_WORDS.items()}
    if unknown := sorted(word for word in words if word.lower() not in entries):
        raise SystemExit(f"no pronunciation for {', '.join(unknown)}")
    return "".join(
        f"{word}{f'({number})' if number > 1 else ''} {said}\n"
        for word in sorted(words)
        for number, said in enumerate(entries[word.lower()], start=1)
    )


def _cmudict() -> dict[str, list[str]]:
    """Return every pronunciation that pocketsphinx brings along, by word."""
    entries: dict[str, list[str]] = {}
    for line in _CMUDICT.read_text().splitlines():
        word, said = line.split(maxsplit=1)
        entries.setdefault(word.partition("(")[0], []).append(said)
    return entries


def main() -> None:
    """Write every made file."""
    turns, tracks = lay_out(list(read_call(demo.CALL.read_text())))
    for speaker, track in tracks.items():
        demo.track_file(speaker).write_bytes(track)
    demo.SCRIPT.write_text(json.dumps([turn.as_json() for turn in turns], indent=1) + "\n")
    corpus = sentences(demo.CORPUS.read_text())
    demo.LANGUAGE.write_text(language_model(corpus))
    demo.DICTIONARY.write_text(pronunciations(corpus))
    print(f"{len(turns)} turns, {len(tracks['agent']) / mulaw.RATE:.1f} s")


if __name__ == "__main__":
    main()
