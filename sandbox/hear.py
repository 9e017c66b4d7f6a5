"""``python -m sandbox.hear --wav FILE [--text FILE]``: what the sandbox's recogniser hears in a WAV file.

The sound goes through the telephone's codec (mu-law at 8 kHz) and in chunks of 100 ms into the recogniser, as in a
call. Prints what was heard; with ``--text`` the last line is ``word error rate 0.067 of 123 words``. A mono file is
the caller, a stereo one the caller (left) and the agent (right). Exit status 0, or 2 if there is nothing to hear.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.audio import mulaw, wav
from sandbox.recognition import word_error_rate
from sandbox.recognition.choice import SPEECHES, Speech, choose, recogniser
from sandbox.recognition.recogniser import RecogniserError, RecogniserFactory, Result

CHUNK_SECONDS = 0.1
NAMES = ("caller", "agent")


class HearError(Exception):
    """There is nothing to hear; its text is for the one who tried."""


async def hear(engine: RecogniserFactory, track: bytes) -> list[Result]:
    """Return the finals of one ``track`` (mu-law, 8 kHz)."""
    channel = engine(mulaw.RATE)
    size = int(CHUNK_SECONDS * mulaw.RATE)
    try:
        results = [
            result
            for first in range(0, len(track), size)
            for result in await channel.feed(mulaw.decode(track[first : first + size]).tobytes())
        ]
        results += await channel.finish()
    finally:
        channel.close()
    return [result for result in results if result.final]


async def transcript(speech: Speech, tracks: Sequence[bytes]) -> list[tuple[str, Result]]:
    """Return what is said in ``tracks``, with who says it, in the order in which it begins."""
    choice = await choose(speech)
    if choice.why:
        print(choice, file=sys.stderr)
    async with recogniser(choice.speech) as engine:
        heard = [
            (name, final) for name, track in zip(NAMES, tracks, strict=False) for final in await hear(engine, track)
        ]
    return sorted(heard, key=lambda said: said[1].start)


def line(name: str, start: float, text: str) -> str:
    """Return one utterance as it is printed."""
    return f"{int(start) // 60:>3}:{int(start) % 60:02} {name:<7} {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse ``arguments`` and hear; the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        tracks, said = tracks_of(chosen.wav), None if chosen.text is None else text_of(chosen.text)
        heard = asyncio.run(transcript(chosen.speech, tracks))
    except (HearError, RecogniserError) as error:
        print(f"sandbox.hear: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    texts = [" ".join(word.text for word in result.words) for _, result in heard]
    for (name, result), text in zip(heard, texts, strict=True):
        print(line(name, result.start, text))
    if said is not None:
        print(word_error_rate.compare(said, " ".join(texts)))
    return 0


def tracks_of(file: Path) -> list[bytes]:
    """Return the tracks of a WAV file. Raise `HearError`."""
    try:
        return wav.tracks(file.read_bytes())
    except OSError as error:
        raise HearError(f"{file}: {error.strerror}") from None
    except wav.WavError as error:
        raise HearError(f"{file}: {error}") from None


def text_of(file: Path) -> str:
    """Return the words of a text file. Raise `HearError`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise HearError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HearError(f"{file}: this is no text in UTF-8") from None
    if not word_error_rate.words(text):
        raise HearError(f"{file}: there is no word in it")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m sandbox.hear", description="Hear a WAV file as the sandbox hears calls."
    )
    parser.add_argument("--wav", type=Path, metavar="FILE", required=True, help="what is said")
    parser.add_argument(
        "--text", type=Path, metavar="FILE", help="the words that are said, to count those heard wrong"
    )
    parser.add_argument(
        "--speech", choices=SPEECHES, default="auto", help="the recogniser (default: the best one here)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
